/** Two clients that send too much: are burst, rate and Retry-After what the server says they are? */

import exec from "k6/execution";
import { sleep } from "k6";
import { answerError, exchangeError } from "../lib/answers.js";
import { JOURNEY_FIELDS, lengthOf } from "../lib/journey_cursor.js";
import * as metrics from "../lib/metrics.js";
import { scenarioOf } from "../lib/scenario.js";
import { insertUnique, uniqueText } from "../lib/unique_texts.js";
import { durationOf, headerOf } from "../lib/vu_client.js";

/**
 * @typedef {import("../lib/shapes.js").ProfileStage} ProfileStage
 * @typedef {import("../lib/shapes.js").Stage} Stage
 * @typedef {import("../lib/settings.js").Limits} Limits
 * @typedef {import("../lib/answers.js").ExpectKind} ExpectKind
 */

/** Pause between two messages while the rate is measured: a twentieth of the time for one token, at most this. */
const LONGEST_POLL_S = 0.02;

/** Delay of a retry beyond Retry-After: clocks are read in milliseconds. */
const SLACK_S = 0.005;

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "rate-limit",
  requires: "limits",
  profile: ({ limits }) => profile(/** @type {Limits} */ (limits)),
  // Two clients show that each has limits of its own; a third would share an identity, and so the limits, with another.
  hasFixedVus: true,
  client: limitedClient,
  subMetrics: ({ identities }, stages) => {
    const clients = clientNames(identities);
    const measured = stages.filter(({ kind }) => kind !== "pause");
    return [
      ...measured.flatMap((stage) => clients.flatMap((client) => [
        `mcp_let_through_at_ms{client:${client},stage:${stage.name}}`,
        `mcp_refused_at_ms{client:${client},stage:${stage.name}}`,
      ])),
      ...clients.flatMap((client) => ["yes", "no"].map((kept) => `mcp_retries{client:${client},kept:${kept}}`)),
      "mcp_retry_after_s",
    ];
  },
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;

/**
 * The stages. A burst ends at the first refusal, so its stage only has to be long enough; pauses last as long as buckets
 * take to fill, at every time scale.
 * @param {Limits} limits @returns {ProfileStage[]}
 */
function profile({ ratePerS, burst }) {
  const refill_s = burst / ratePerS;
  // A message takes a few milliseconds, more on a slow machine.
  const burst_s = Math.max(2, burst * 0.05);
  const level = 2;
  /** @type {(name: string, length_s: number) => ProfileStage} */
  const pauseStage = (name, length_s) => ({ kind: "pause", level, length_s, name, isFixed: true });
  /** @type {(name: string) => ProfileStage} */
  const burstStage = (name) => ({ kind: "burst", level, length_s: burst_s, name, isFixed: true });
  return [
    pauseStage("fill", refill_s + 1),
    burstStage("burst"),
    { kind: "sustained", level, length_s: 60, name: "sustained" },
    pauseStage("wait_half", refill_s / 2),
    burstStage("replenished_half"),
    // Longer than a refill takes: a full bucket must not overfill.
    pauseStage("wait_long", refill_s * 1.5 + 1),
    burstStage("replenished_whole"),
    { kind: "retry", level, length_s: 20, name: "retry" },
  ];
}

/**
 * Names of the clients that the server can tell apart: without several identities all VUs are one client.
 * @param {number} identities
 */
function clientNames(identities) {
  return identities < 2 ? ["client_1"] : ["client_1", "client_2"];
}

/**
 * Make the single iteration of one client: it empties its bucket, waits, and records when its messages are let through
 * and when they are refused.
 * @param {import("../lib/shared_plan.js").Plan} plan with journeys of one step each
 * @param {import("../lib/vu_client.js").McpClient} client @returns {() => void}
 */
function limitedClient(plan, client) {
  const { settings, stages } = plan;
  const limits = /** @type {Limits} */ (settings.limits);
  /** @type {typeof import("../lib/further_steps.js") | null} */
  const further = plan.hasFurther ? require("../lib/further_steps.js") : null;
  const clients = clientNames(settings.identities);
  const poll_s = Math.min(LONGEST_POLL_S, 1 / limits.ratePerS / 20);
  const name = clients[(__VU - 1) % clients.length];
  let sent = 0;
  let renewAt_ms = 0;
  let loadStart_ms = 0;

  return function iterate() {
    if (__VU > clients.length) return;
    loadStart_ms = exec.scenario.startTime;
    const { error } = client.initializeSession();
    if (error !== null) {
      metrics.errors.add(1, { class: error, tool: "initialize", stage: stages[0].name });
      return;
    }
    const cursor = plan.cursor("mix", __VU);
    for (const stage of stages) {
      const early_ms = loadStart_ms + stage.start_s * 1000 - Date.now();
      if (early_ms > 0) sleep(early_ms / 1000);
      if (stage.kind === "burst") sendUntilRefused(stage, cursor);
      if (stage.kind === "sustained") sustain(stage, cursor);
      if (stage.kind === "retry") while (isIn(stage)) retry(stage, cursor);
    }
  };

  /** @param {Stage} stage */
  function isIn(stage) {
    return Date.now() < loadStart_ms + stage.end_s * 1000;
  }

  /**
   * @param {Stage} stage @param {import("../lib/journey_cursor.js").Cursor} cursor
   * @returns {number | null} Retry-After of the refusal in seconds; null without a refusal before the end of the stage
   */
  function sendUntilRefused(stage, cursor) {
    while (isIn(stage)) {
      const retryAfter_s = send(stage, cursor);
      if (retryAfter_s !== null) return retryAfter_s;
    }
    return null;
  }

  /**
   * Send more than the rate allows, starting with an empty bucket: tokens added since the stage before would count as
   * rate otherwise.
   * @param {Stage} stage @param {import("../lib/journey_cursor.js").Cursor} cursor
   */
  function sustain(stage, cursor) {
    sendUntilRefused({ ...stage, name: "emptied" }, cursor);
    while (isIn(stage)) {
      send(stage, cursor);
      sleep(poll_s);
    }
  }

  /**
   * Wait as long as Retry-After says and send again.
   * @param {Stage} stage @param {import("../lib/journey_cursor.js").Cursor} cursor
   */
  function retry(stage, cursor) {
    const retryAfter_s = sendUntilRefused(stage, cursor);
    if (retryAfter_s === null) return;
    if (!(retryAfter_s > 0)) {
      metrics.retries.add(1, { client: name, kept: "no" });
      sleep(1);
      return;
    }
    sleep(retryAfter_s + SLACK_S);
    metrics.retries.add(1, { client: name, kept: send(stage, cursor) === null ? "yes" : "no" });
  }

  /**
   * @param {Stage} stage @param {import("../lib/journey_cursor.js").Cursor} cursor
   * @returns {number | null} null when the message was let through, else Retry-After in seconds (NaN without one)
   */
  function send(stage, cursor) {
    const { fields, at } = cursor;
    const end = at + lengthOf(fields[at]);
    if (end < fields.length) cursor.at = end;
    else cursor.load();
    const step = at + JOURNEY_FIELDS;
    const tool = fields[step];
    const tags = { client: name, stage: stage.name };
    sent += 1;
    const unique = uniqueText(loadStart_ms, __VU, sent);
    const sent_ms = Date.now();
    if (sent_ms >= renewAt_ms) renewAt_ms = client.renewIfDue();
    const argumentsText = insertUnique(fields[step + 1], unique);
    const method = further === null ? "tools/call" : further.optionsOf(fields[step + 4]).method;
    const response = method === "tools/call" ? client.callTool(tool, argumentsText) : client.ask(method, argumentsText);
    if (response.status === 429) {
      // A refused message is no answered call.
      metrics.overheadRequests.add(1);
      metrics.refused.add(sent_ms, tags);
      const retryAfter_s = Number(headerOf(response, "retry-after") || NaN);
      if (retryAfter_s > 0) metrics.retryAfter.add(retryAfter_s);
      return retryAfter_s;
    }
    const error = exchangeError(response.status, response.error_code) || answerError(
      String(response.body), client.callId, /** @type {ExpectKind} */ (fields[step + 2]), insertUnique(fields[step + 3], unique),
      method, further,
    );
    if (response.status === 200) {
      metrics.letThrough.add(sent_ms, tags);
      metrics.toolCallDuration.add(durationOf(response), { tool, stage: stage.name });
    }
    // The wait counts, as in every other shape.
    if (error === "timeout") metrics.toolCallDuration.add(durationOf(response), { tool, stage: stage.name });
    if (error !== null) metrics.errors.add(1, { class: error, tool, stage: stage.name });
    return null;
  }
}
