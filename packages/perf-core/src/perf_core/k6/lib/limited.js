/**
 * What one client does that holds a server to its rate limit, once: it runs its bucket empty, waits, and notes when its
 * messages are let through and when they are refused.
 */

import exec from "k6/execution";
import { sleep } from "k6";
import { answerError, exchangeError } from "./answers.js";
import { JOURNEY_FIELDS, lengthOf } from "./journey_cursor.js";
import { headerOf } from "./vu_client.js";
import * as metrics from "./metrics.js";
import { clientsOf } from "./thresholds.js";
import { insertUnique, uniqueText } from "./unique_texts.js";

/**
 * @typedef {import("./shapes.js").Stage} Stage
 * @typedef {import("./answers.js").ExpectKind} ExpectKind
 */

/** Between two messages where the rate is measured: a twentieth of the time that a token takes, at most this. */
const LONGEST_POLL_S = 0.02;

/** How much later than Retry-After says the next message is sent: clocks are read in milliseconds. */
const SLACK_S = 0.005;

/**
 * @param {import("./plan.js").Plan} plan its journeys have one step each
 * @param {import("./vu_client.js").McpClient} client
 * @returns {() => void}
 */
export function limitedClient(plan, client) {
  const { settings, stages } = plan;
  const limits = /** @type {import("./settings.js").Limits} */ (settings.limits);
  const clients = clientsOf(settings.tokens);
  const poll_s = Math.min(LONGEST_POLL_S, 1 / limits.ratePerS / 20);
  const name = clients[(__VU - 1) % clients.length];
  let sent = 0;
  let loadStart_ms = 0;

  return function iterate() {
    if (__VU > clients.length) return;
    loadStart_ms = exec.scenario.startTime;
    const opened = client.initializeSession().error;
    if (opened !== null) {
      metrics.errors.add(1, { class: opened, tool: "initialize", stage: stages[0].name });
      return;
    }
    const cursor = plan.cursor("mix", __VU);
    for (const stage of stages) {
      const early_ms = loadStart_ms + stage.start_s * 1000 - Date.now();
      if (early_ms > 0) sleep(early_ms / 1000);
      if (stage.kind === "burst") untilRefused(stage, cursor);
      if (stage.kind === "sustained") sustain(stage, cursor);
      if (stage.kind === "retry") while (isIn(stage)) retry(stage, cursor);
    }
  };

  /** @param {Stage} stage */
  function isIn(stage) {
    return Date.now() < loadStart_ms + stage.end_s * 1000;
  }

  /**
   * @param {Stage} stage
   * @param {import("./journey_cursor.js").Cursor} cursor
   * @returns {number | null} Retry-After of the refusal in seconds; null when none came before the end of the stage
   */
  function untilRefused(stage, cursor) {
    while (isIn(stage)) {
      const retryAfter_s = send(stage, cursor);
      if (retryAfter_s !== null) return retryAfter_s;
    }
    return null;
  }

  /**
   * Sends more than the rate allows, out of a bucket that is empty: what came in since the stage before would count as
   * rate otherwise.
   *
   * @param {Stage} stage
   * @param {import("./journey_cursor.js").Cursor} cursor
   */
  function sustain(stage, cursor) {
    untilRefused({ ...stage, name: "emptied" }, cursor);
    while (isIn(stage)) {
      send(stage, cursor);
      sleep(poll_s);
    }
  }

  /**
   * Does what Retry-After says hold?
   *
   * @param {Stage} stage
   * @param {import("./journey_cursor.js").Cursor} cursor
   */
  function retry(stage, cursor) {
    const retryAfter_s = untilRefused(stage, cursor);
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
   * @param {Stage} stage
   * @param {import("./journey_cursor.js").Cursor} cursor
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
    const response = client.callTool(tool, insertUnique(fields[step + 1], unique));
    if (response.status === 429) {
      // What is refused is no call that was answered.
      metrics.overheadRequests.add(1);
      metrics.refused.add(sent_ms, tags);
      const retryAfter_s = Number(headerOf(response, "retry-after") || NaN);
      if (retryAfter_s > 0) metrics.retryAfter.add(retryAfter_s);
      return retryAfter_s;
    }
    const error = exchangeError(response.status, response.error_code) || answerError(
      String(response.body), client.callId, /** @type {ExpectKind} */ (fields[step + 2]), insertUnique(fields[step + 3], unique),
    );
    if (response.status === 200) {
      metrics.letThrough.add(sent_ms, tags);
      metrics.toolCallDuration.add(response.timings.duration, { tool, stage: stage.name });
    }
    if (error !== null) metrics.errors.add(1, { class: error, tool, stage: stage.name });
    return null;
  }
}
