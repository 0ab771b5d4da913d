/**
 * What one VU does, iteration after iteration: the code of the hot loop. Everything that can be made before is, and state
 * lies in variables of a closure, which cost a fraction of an object's properties in k6's engine.
 */

import exec from "k6/execution";
import { sleep } from "k6";
import { answerError, exchangeError } from "./answers.js";
import { JOURNEY_FIELDS, lengthOf, STEP_FIELDS } from "./cursor.js";
import * as metrics from "./metrics.js";
import { filled, uniqueOf } from "./unique.js";

/**
 * @typedef {import("./answers.js").ErrorClass} ErrorClass
 * @typedef {import("./answers.js").ExpectKind} ExpectKind
 * @typedef {import("./cursor.js").Cursor} Cursor
 * @typedef {import("./mcp.js").McpClient} McpClient
 * @typedef {Record<string, Record<string, string>>} TagsOfTools a call's tags, by tool
 */

const FIRST_PAUSE_S = 0.1;
const LONGEST_PAUSE_S = 1;

/** A stress run ends when most of so many calls in a row of one VU failed. */
const WATCHED_CALLS = 20;
const WATCHED = (1 << WATCHED_CALLS) - 1;

/**
 * @param {import("./plan.js").Plan} plan
 * @param {McpClient} client
 * @returns {() => void} one iteration
 */
export function virtualUser(plan, client) {
  const { settings, stages } = plan;
  const { thinkTimeS } = settings;
  const { toolCallDuration } = metrics;
  const { byKind } = settings;
  const endsOnFailure = settings.shape === "stress";
  const timesOutages = settings.shape === "recovery";
  /** When the first of the failed calls since the last right answer began; 0 when there is none. */
  let brokenSince_ms = 0;
  /** What stands for the journey in names and content: see UNIQUE. */
  let uniqueText = "";
  let journeyCount = 0;
  let kind = "";
  let stageIndex = -1;
  let stageName = "";
  let loadStart_ms = 0;
  let stageEnd_ms = 0;
  /** @type {Record<string, TagsOfTools>} by kind, where kinds are told apart */
  let tagsOfKinds = {};
  /** @type {TagsOfTools} */
  let tags = {};
  /** @type {Record<string, Cursor>} by pool */
  const cursors = {};
  /** @type {Cursor} */
  let cursor;
  let work = journey;
  /** Outcomes of the last calls, one bit each, the latest lowest: 1 is a failure. */
  let failures = 0;
  let serverHasHealth = true;

  return function iterate() {
    if (Date.now() >= stageEnd_ms) enterStage();
    if (!client.ready && !openSession()) return;
    work();
    if (thinkTimeS > 0) sleep(thinkTimeS);
  };

  function enterStage() {
    if (stageIndex < 0) {
      loadStart_ms = exec.scenario.startTime;
      stageIndex = 0;
    }
    const elapsed_s = (Date.now() - loadStart_ms) / 1000;
    const last = stages.length - 1;
    while (stageIndex < last && elapsed_s >= stages[stageIndex].end_s) stageIndex += 1;
    const stage = stages[stageIndex];
    stageName = stage.name;
    stageEnd_ms = stageIndex === last ? Infinity : loadStart_ms + stage.end_s * 1000;
    tags = tagsOfStage("");
    tagsOfKinds = { "": tags };
    if (byKind) for (const kind of settings.kinds) tagsOfKinds[kind] = tagsOfStage(kind);
    if (stage.kind === "protocol") {
      work = measureProtocol;
    } else {
      if (!cursors[stage.pool]) cursors[stage.pool] = plan.cursor(stage.pool, __VU);
      cursor = cursors[stage.pool];
      work = settings.sessionPerIteration ? churn : journey;
    }
  }

  /** @param {string} kind */
  function tagsOfStage(kind) {
    /** @type {TagsOfTools} */
    const ofTools = {};
    for (const tool of settings.tools) {
      ofTools[tool] = kind === "" ? { tool, stage: stageName } : { tool, stage: stageName, kind };
    }
    return ofTools;
  }

  function openSession() {
    kind = "";
    const error = client.initializeSession();
    if (error === null) return true;
    failures <<= 1;
    failed(error, "initialize");
    rest();
    return false;
  }

  /** Some journeys in a session of their own. */
  function churn() {
    for (let turn = 0; turn < settings.callsPerSession && client.ready; turn += 1) journey();
    client.deleteSession();
  }

  /** The next journey of the pool. */
  function journey() {
    const { fields, at } = cursor;
    const end = at + lengthOf(fields[at]);
    if (end < fields.length) cursor.at = end;
    else cursor.load();
    if (byKind) {
      kind = fields[at + 2];
      tags = tagsOfKinds[kind];
    }
    if (plan.hasUnique) {
      journeyCount += 1;
      uniqueText = uniqueOf(loadStart_ms, __VU, journeyCount);
    }
    if (fields[at] === "1") {
      call(fields, at + JOURNEY_FIELDS);
      return;
    }
    const start_ms = Date.now();
    for (let step = at + JOURNEY_FIELDS; step < end; step += STEP_FIELDS) {
      // What follows a failed step builds on it: the journey ends here and has no duration.
      if (!call(fields, step)) return;
    }
    metrics.journeyDuration.add(Date.now() - start_ms, { journey: fields[at + 1], stage: stageName });
  }

  /**
   * One tool call: made, measured and judged.
   *
   * @param {string[]} fields
   * @param {number} at the step's first field
   * @returns {boolean} whether the answer was right
   */
  function call(fields, at) {
    const tool = fields[at];
    const argumentsText = plan.hasUnique ? filled(fields[at + 1], uniqueText) : fields[at + 1];
    const needle = plan.hasUnique ? filled(fields[at + 3], uniqueText) : fields[at + 3];
    const start_ms = timesOutages ? Date.now() : 0;
    const response = client.callTool(tool, argumentsText);
    failures <<= 1;
    if (response.status !== 200) {
      if (timesOutages) broke(start_ms);
      exchangeFailed(response, tool);
      return false;
    }
    toolCallDuration.add(response.timings.duration, tags[tool]);
    const error = answerError(
      /** @type {string} */ (response.body), client.callId, /** @type {ExpectKind} */ (fields[at + 2]), needle,
    );
    if (error === null) {
      if (brokenSince_ms > 0) mended();
      return true;
    }
    if (timesOutages) broke(start_ms);
    failed(error, tool);
    return false;
  }

  /** @param {number} since_ms when the call that failed began */
  function broke(since_ms) {
    if (brokenSince_ms > 0) return;
    brokenSince_ms = since_ms;
    metrics.outages.add(1);
  }

  /** The first right answer after a failure. */
  function mended() {
    metrics.outageDuration.add(Date.now() - brokenSince_ms);
    brokenSince_ms = 0;
  }

  /**
   * @param {import("./mcp.js").Response} response
   * @param {string} tool
   */
  function exchangeFailed(response, tool) {
    const error = exchangeError(response.status, response.error_code) || "http_status";
    if (error === "timeout") toolCallDuration.add(response.timings.duration, tags[tool]);
    failed(error, tool);
    if (response.status === 404) client.forgetSession();
    if (error === "transport") rest();
  }

  /**
   * @param {ErrorClass} errorClass
   * @param {string} tool
   */
  function failed(errorClass, tool) {
    failures |= 1;
    const error = { class: errorClass, tool, stage: stageName };
    metrics.errors.add(1, kind === "" ? error : { ...error, kind });
    if (endsOnFailure && bitsSet(failures & WATCHED) > WATCHED_CALLS / 2) {
      metrics.aborts.add(1, { stage: stageName });
      exec.test.abort(`most of the last ${WATCHED_CALLS} calls of a VU failed in ${stageName}`);
    }
  }

  /** Wait before the next try, twice as long after each failure in a row: a dead server must not be hammered. */
  function rest() {
    let pause_s = FIRST_PAUSE_S;
    for (let before = failures >>> 1; before & 1; before >>>= 1) pause_s *= 2;
    sleep(Math.min(LONGEST_PAUSE_S, pause_s));
  }

  /** One request of each kind that is no tool call, measured apart. */
  function measureProtocol() {
    if (serverHasHealth) {
      const { status, errorCode, duration_ms } = client.healthCheck();
      // /health is no part of MCP: a server without one is not at fault.
      serverHasHealth = status !== 404;
      if (serverHasHealth) protocolAnswer("GET /health", exchangeError(status, errorCode), duration_ms);
    }
    const ping = client.ping();
    protocolAnswer(ping.method, ping.error, ping.duration_ms);
    const list = client.listTools();
    protocolAnswer("tools/list", list.error, list.duration_ms);
  }

  /**
   * @param {string} method
   * @param {ErrorClass | null} error
   * @param {number} duration_ms
   */
  function protocolAnswer(method, error, duration_ms) {
    failures <<= 1;
    if (error === null) {
      metrics.protocolDuration.add(duration_ms, { method });
      return;
    }
    failed(error, method);
    if (error === "transport") rest();
  }
}

/** @param {number} mask */
function bitsSet(mask) {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
