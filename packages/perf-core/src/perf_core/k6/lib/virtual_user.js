/**
 * The iterations of one VU: the hot loop. Whatever can be prepared before the loop is, and state is kept in closure
 * variables, which cost a fraction of what an object's properties cost in k6's engine.
 */

import exec from "k6/execution";
import { sleep } from "k6";
import { sha256 } from "k6/crypto";
import { answerChecker } from "./answer_check.js";
import { exchangeError } from "./answers.js";
import { excerpt, report } from "./events.js";
import { JOURNEY_FIELDS, lengthOf, STEP_FIELDS } from "./journey_cursor.js";
import * as metrics from "./metrics.js";
import { insertUnique, uniqueText } from "./unique_texts.js";
import { durationOf } from "./vu_client.js";

/**
 * @typedef {import("./answers.js").ErrorClass} ErrorClass
 * @typedef {import("./answers.js").ExpectKind} ExpectKind
 * @typedef {import("./journey_cursor.js").Cursor} Cursor
 * @typedef {import("./vu_client.js").McpClient} McpClient
 * @typedef {Record<string, Record<string, string>>} ToolTags tags of a call, by tool
 */

const FIRST_PAUSE_S = 0.1;
const LONGEST_PAUSE_S = 1;

/** @type {import("./answers.js").Method} */
const TOOLS_CALL = "tools/call";

/** Characters of a digest: one in four billion pairs of different texts has the same. */
const DIGEST_LENGTH = 8;

/** Examples that one VU reports of each tool and error class. */
const EXAMPLES = 3;

/** A run that may end early ends when more than half of one VU's last 20 calls failed. */
const WATCHED_CALLS = 20;
const WATCHED_MASK = (1 << WATCHED_CALLS) - 1;

/**
 * Make the iteration function of one VU.
 * @param {import("./shared_plan.js").Plan} plan @param {McpClient} client
 * @param {Partial<import("./shapes.js").Shape>} [shape] @returns {() => void}
 */
export function virtualUser(plan, client, { abortAboveP95_ms, measuresOutages = false } = {}) {
  const { hasFurther, hasThinkTimes, hasUnique, journeysBefore = 0, settings, stages, slowCalls = 0 } = plan;
  const { thinkTimeS } = settings;
  const { toolCallDuration } = metrics;
  const { byKind } = settings;
  const endsOnFailure = abortAboveP95_ms !== undefined;
  /** Start of the first failed call since the last right answer; 0 when no call failed since then. */
  let outageStart_ms = 0;
  /** Loaded where a plan needs it: in every VU a module costs memory. @type {typeof import("./further_steps.js") | null} */
  const further = hasFurther ? require("./further_steps.js") : null;
  /** @type {(text: string, random: () => number) => number} */
  const pauseS = hasThinkTimes ? require("./think_time.js").pauseS : () => 0;
  /** @type {() => void} */
  const measureProtocol = stages.some((stage) => stage.kind === "protocol")
    ? require("./protocol_stage.js").protocolStage(client, addProtocolSample)
    : () => {};
  /** Loaded in runs of the lab alone. @type {typeof import("./slowest_calls.js") | null} */
  const slowModule = slowCalls > 0 ? require("./slowest_calls.js") : null;
  /** @type {ReturnType<typeof import("./slowest_calls.js").slowestCalls> | null} */
  let slowest = null;
  /** A call that took longer is one of the slowest of this user. */
  let slow_ms = Infinity;
  /** @type {string | null} */
  let digestedSession = null;
  let sessionDigest = "";
  /** Replaces UNIQUE in the current journey's arguments and expected answers. */
  let unique = "";
  /** Values that answers left to the later steps of the current journey. @type {Record<string, string> | null} */
  let saved = null;
  /** Think time of the current journey. */
  let thinkTime = "";
  let journeyCount = journeysBefore;
  let kind = "";
  /** Tool of the latest call. */
  let called = "initialize";
  let unjudgedCount = 0;
  let stageIndex = -1;
  let stageName = "";
  let loadStart_ms = 0;
  let loadEnd_ms = Infinity;
  /** After this time no call begins: it could not end before k6 ends the VU. */
  let lastStart_ms = Infinity;
  let stageEnd_ms = 0;
  /** @type {Record<string, ToolTags>} by kind, where figures are split by kind */
  let tagsByKind = {};
  /** @type {ToolTags} */
  let tags = {};
  /** @type {Record<string, Cursor>} by pool, which may have the name of an object's own method */
  const cursors = Object.create(null);
  /** @type {Cursor} */
  let cursor;
  let work = runJourney;
  /** Outcomes of the last calls, one bit each, the latest in the lowest bit; 1 means failure. */
  let failures = 0;
  const errorOf = answerChecker(further);
  /** @type {Record<string, number>} examples reported so far, by tool and error class */
  const examples = {};

  return function iterate() {
    if (Date.now() >= stageEnd_ms) enterStage();
    try {
      if (!client.ready && !openSession()) return;
      work();
    } catch (exception) {
      unjudged(exception);
    }
    if (thinkTimeS > 0) sleep(thinkTimeS);
    else if (hasThinkTimes) pause();
  };

  /**
   * Count an answer that could not be judged as an error, since it would be a success otherwise. k6 logs the exception, by
   * which the run becomes invalid (perf_core.load.k6_log); after a few of them the load goes on without.
   * @param {unknown} exception of these scripts, not of the server
   */
  function unjudged(exception) {
    countError("wrong_answer", called);
    unjudgedCount += 1;
    if (unjudgedCount <= EXAMPLES) throw exception;
  }

  /** Pause as the journey says, but no longer than the load lasts: k6 would wait for the user. */
  function pause() {
    const left_s = (loadEnd_ms - Date.now()) / 1000;
    sleep(Math.max(0, Math.min(pauseS(thinkTime, Math.random), left_s)));
  }

  function enterStage() {
    if (stageIndex < 0) {
      loadStart_ms = exec.scenario.startTime;
      loadEnd_ms = loadStart_ms + stages[stages.length - 1].end_s * 1000;
      lastStart_ms = loadEnd_ms + plan.journeyGraceS * 1000;
      if (slowModule !== null) {
        const load = { start_ms: loadStart_ms, end_ms: loadEnd_ms };
        slowest = slowModule.slowestCalls(slowCalls, load, (calls) => report("slow_calls", { vu: __VU, calls }));
        slow_ms = 0;
      }
      stageIndex = 0;
    }
    const elapsed_s = (Date.now() - loadStart_ms) / 1000;
    const last = stages.length - 1;
    while (stageIndex < last && elapsed_s >= stages[stageIndex].end_s) stageIndex += 1;
    const stage = stages[stageIndex];
    stageName = stage.name;
    const end_ms = stageIndex === last ? Infinity : loadStart_ms + stage.end_s * 1000;
    // The stage is entered again when something is due, so that this costs nothing per call.
    stageEnd_ms = Math.min(end_ms, client.renewIfDue());
    if (slowest !== null) {
      slowest.tellDue(Date.now());
      stageEnd_ms = Math.min(stageEnd_ms, slowest.due_ms());
    }
    tags = tagsOfStage("");
    tagsByKind = { "": tags };
    if (byKind) for (const kind of settings.kinds) tagsByKind[kind] = tagsOfStage(kind);
    if (stage.kind === "protocol") {
      work = measureProtocol;
    } else {
      if (!cursors[stage.pool]) cursors[stage.pool] = plan.cursor(stage.pool, __VU);
      cursor = cursors[stage.pool];
      work = settings.sessionPerIteration ? runSession : runJourney;
    }
  }

  /** @param {string} kind */
  function tagsOfStage(kind) {
    /** @type {ToolTags} */
    const toolTags = {};
    const { furtherTags } = stages[stageIndex];
    for (const tool of settings.tools) {
      toolTags[tool] = { tool, stage: stageName, ...(kind === "" ? {} : { kind }), ...furtherTags };
    }
    return toolTags;
  }

  function openSession() {
    kind = "";
    const { error, response } = client.initializeSession();
    if (error === null) return true;
    failures <<= 1;
    const errorClass = error === "timeout" && Date.now() >= loadEnd_ms ? "unanswered" : error;
    countError(errorClass, "initialize");
    if (plan.reportsEvents && response !== null) reportFailure(errorClass, response, "initialize", "{}", "any", "null");
    backOff();
    return false;
  }

  /** Run `callsPerSession` journeys in the session that was opened for this iteration, then delete it. */
  function runSession() {
    for (let count = 0; count < settings.callsPerSession && client.ready; count += 1) {
      if (count > 0 && Date.now() >= lastStart_ms) break;
      runJourney();
    }
    client.deleteSession();
  }

  /** Run the next journey of the pool. */
  function runJourney() {
    const { fields, at } = cursor;
    const end = at + lengthOf(fields[at]);
    if (end < fields.length) cursor.at = end;
    else cursor.load();
    if (byKind) {
      kind = fields[at + 2];
      tags = tagsByKind[kind];
    }
    if (hasThinkTimes) thinkTime = fields[at + 3];
    saved = null;
    if (hasUnique) {
      journeyCount += 1;
      unique = uniqueText(loadStart_ms, __VU, journeyCount);
    }
    if (fields[at] === "1") {
      call(fields, at + JOURNEY_FIELDS);
      return;
    }
    const start_ms = Date.now();
    for (let step = at + JOURNEY_FIELDS; step < end; step += STEP_FIELDS) {
      // Later steps build on this one: the journey ends at its first failed step and has no duration.
      if (!call(fields, step) || Date.now() >= lastStart_ms) return;
    }
    metrics.journeyDuration.add(Date.now() - start_ms, { journey: fields[at + 1], stage: stageName });
  }

  /**
   * Make, measure and judge one tool call or other request of a journey.
   * @param {string[]} fields @param {number} at index of the step's first field
   * @returns {boolean} whether the answer was right
   */
  function call(fields, at) {
    const tool = fields[at];
    called = tool;
    let kind = /** @type {ExpectKind | "save"} */ (fields[at + 2]);
    let argumentsText = fields[at + 1];
    let expectText = fields[at + 3];
    let method = TOOLS_CALL;
    /** @type {Record<string, string> | null} */
    let save = null;
    if (hasUnique) {
      argumentsText = insertUnique(argumentsText, unique);
      expectText = insertUnique(expectText, unique);
    }
    if (further !== null) {
      ({ method, save } = further.optionsOf(fields[at + 4]));
      if (saved !== null) {
        argumentsText = further.argumentsWith(argumentsText, saved, method);
        expectText = further.expectationWith(expectText, saved, kind);
      }
    }
    const start_ms = measuresOutages ? Date.now() : 0;
    const response = method === TOOLS_CALL ? client.callTool(tool, argumentsText) : client.ask(method, argumentsText);
    failures <<= 1;
    /** @type {ErrorClass | null} */
    let error;
    if (response.status === 200 || isExpectedRefusal(response, kind, expectText)) {
      // As durationOf, whose call would cost a microsecond.
      const { timings } = response;
      const duration_ms = timings.blocked + timings.duration;
      toolCallDuration.add(duration_ms, tags[tool]);
      error = errorOf(response, client.callId, tool, /** @type {ExpectKind} */ (kind), expectText, method);
      if (error === null && save !== null && !keep(response, save)) {
        error = "wrong_answer";
        kind = "save";
        expectText = JSON.stringify(save);
      }
      if (duration_ms > slow_ms) keepSlow(response, duration_ms, tool, argumentsText, error);
      if (error === null) {
        if (outageStart_ms > 0) endOutage();
        return true;
      }
      countError(error, tool);
    } else {
      error = countExchangeError(response, tool);
      if (isWithoutAnswer(error) && waitOf(response) > slow_ms) {
        keepSlow(response, waitOf(response), tool, argumentsText, error);
      }
    }
    if (measuresOutages) startOutage(start_ms);
    if (plan.reportsEvents) reportFailure(error, response, tool, argumentsText, kind, expectText);
    return false;
  }

  /**
   * Return whether an answer without status 200 is the JSON-RPC error that the step expects.
   * @param {import("./vu_client.js").Response} response @param {string} kind @param {string} expectText
   */
  function isExpectedRefusal(response, kind, expectText) {
    return further !== null && kind === "rpc_error" && further.isExpectedRefusal(response, client.callId, expectText);
  }

  /**
   * Keep values of an answer for later steps; return whether it has all of them.
   * @param {import("./vu_client.js").Response} response @param {Record<string, string>} save
   */
  function keep(response, save) {
    const { savedValues } = /** @type {typeof import("./further_steps.js")} */ (further);
    const values = savedValues(String(response.body), client.callId, save);
    saved = values === null ? saved : { ...saved, ...values };
    return values !== null;
  }

  /**
   * Report a failed call as an example, unless enough of its kind were reported.
   * @param {ErrorClass} error @param {import("./vu_client.js").Response} response
   * @param {string} tool @param {string} argumentsText
   * @param {ExpectKind | "save"} expectKind `save` when a value for later steps is missing @param {string} expectText
   */
  function reportFailure(error, response, tool, argumentsText, expectKind, expectText) {
    const key = `${tool} ${error}`;
    examples[key] = (examples[key] || 0) + 1;
    if (examples[key] > EXAMPLES) return;
    const duration_ms = waitOf(response);
    report("failure", {
      tool,
      class: error,
      stage: stageName,
      at_ms: Date.now() - duration_ms - loadStart_ms,
      duration_ms,
      arguments: excerpt(argumentsText),
      kind: expectKind,
      expected: excerpt(expectText),
      status: response.status,
      body: excerpt(response.body),
      error: response.error || "",
    });
  }

  /**
   * Return how long the user of a failed call waited. k6 has no times of a request that timed out while it connected.
   * @param {import("./vu_client.js").Response} response
   */
  function waitOf(response) {
    const timedOut = exchangeError(response.status, response.error_code) === "timeout";
    return timedOut ? Math.max(durationOf(response), settings.requestTimeoutS * 1000) : durationOf(response);
  }

  /**
   * Keep one of the slowest calls, which has just ended.
   * @param {import("./vu_client.js").Response} response @param {number} duration_ms
   * @param {string} tool @param {string} argumentsText @param {ErrorClass | null} error
   */
  function keepSlow(response, duration_ms, tool, argumentsText, error) {
    if (slowest === null) return;
    const session = client.session();
    if (session !== digestedSession) {
      digestedSession = session;
      sessionDigest = session === null ? "" : digest(session);
    }
    slow_ms = slowest.keep(
      response.timings, duration_ms, Date.now(), tool, stageName, error, sessionDigest, digest(argumentsText),
    );
    stageEnd_ms = Math.min(stageEnd_ms, slowest.due_ms());
  }

  /** @param {number} start_ms start of the failed call */
  function startOutage(start_ms) {
    if (outageStart_ms > 0) return;
    outageStart_ms = start_ms;
    metrics.outages.add(1);
  }

  function endOutage() {
    metrics.outageDuration.add(Date.now() - outageStart_ms);
    outageStart_ms = 0;
  }

  /**
   * @param {import("./vu_client.js").Response} response without status 200
   * @param {string} tool @returns {ErrorClass}
   */
  function countExchangeError(response, tool) {
    let error = exchangeError(response.status, response.error_code) || "http_status";
    if (error === "timeout") {
      if (Date.now() >= loadEnd_ms) error = "unanswered";
      // The wait counts: without it the latency of a server that hangs would look good.
      toolCallDuration.add(waitOf(response), tags[tool]);
    }
    if (response.status === 401) client.refused();
    if (response.status === 404) {
      if (client.session() !== null) error = "session_lost";
      client.forgetSession();
    }
    countError(error, tool);
    if (error === "transport") backOff();
    return error;
  }

  /** @param {ErrorClass} errorClass @param {string} tool */
  function countError(errorClass, tool) {
    failures |= 1;
    const error = { class: errorClass, tool, stage: stageName };
    metrics.errors.add(1, kind === "" ? error : { ...error, kind });
    if (endsOnFailure && bitsSet(failures & WATCHED_MASK) > WATCHED_CALLS / 2) {
      metrics.aborts.add(1, { stage: stageName });
      exec.test.abort(`most of the last ${WATCHED_CALLS} calls of a VU failed in ${stageName}`);
    }
  }

  /** Wait before the next attempt, twice as long after each failure in a row, so that a dead server is not hammered. */
  function backOff() {
    let pause_s = FIRST_PAUSE_S;
    for (let before = failures >>> 1; before & 1; before >>>= 1) pause_s *= 2;
    sleep(Math.min(LONGEST_PAUSE_S, pause_s));
  }

  /** @param {string} method @param {ErrorClass | null} error @param {number} duration_ms */
  function addProtocolSample(method, error, duration_ms) {
    failures <<= 1;
    if (error === null) {
      metrics.protocolDuration.add(duration_ms, { method });
      return;
    }
    countError(error, method);
    if (error === "transport") backOff();
  }
}

/** Return whether nobody answered a call: the time that it waited is its latency. @param {ErrorClass} error */
function isWithoutAnswer(error) {
  return error === "timeout" || error === "unanswered";
}

/** Return the beginning of a text's SHA-256, by which equal texts are known without being shown. @param {string} text */
function digest(text) {
  return sha256(text, "hex").slice(0, DIGEST_LENGTH);
}

/** @param {number} mask */
function bitsSet(mask) {
  let count = 0;
  for (let remaining = mask; remaining !== 0; remaining &= remaining - 1) count += 1;
  return count;
}
