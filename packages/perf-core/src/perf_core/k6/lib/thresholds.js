/**
 * Which sub-metrics the summary must carry, and what ends a stress run early.
 *
 * k6 keeps figures of a tag's value only where a threshold names them. An empty list of thresholds is enough, cannot
 * fail, and spares k6 the sorting of every sample that it does every two seconds for a Trend with a real threshold.
 *
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { ERROR_CLASSES } from "./answers.js";
import { LIMITED_CLIENTS } from "./shapes.js";

/**
 * @typedef {import("./shapes.js").Stage} Stage
 * @typedef {import("./settings.js").Settings} Settings
 */

/** Stages at a constant load; the others only lead from one to the next. */
export const STEADY_KINDS = ["hold", "baseline", "spike", "recovery"];

/** Above this p95 in a hold stage a stress run has found what it looks for: heavy degradation. */
export const DEGRADED_P95_MS = 5000;

/** Requests beside tool calls, by wire, that benchmark's protocol stage measures. */
export const PROTOCOL_METHODS = Object.freeze({
  session: ["GET /health", "ping", "tools/list"],
  stateless: ["GET /health", "server/discover", "tools/list"],
});

/**
 * k6's `thresholds` option.
 *
 * @param {Settings} settings
 * @param {Stage[]} stages
 * @returns {import("k6/options").Options["thresholds"]}
 */
export function thresholdsOf(settings, stages) {
  const calls = "mcp_tool_call_duration_ms";
  const working = stages.filter((stage) => stage.kind !== "protocol").map((stage) => stage.name);
  const steady = stages.filter((stage) => STEADY_KINDS.includes(stage.kind));
  const names = [
    calls,
    ...working.map((stage) => `${calls}{stage:${stage}}`),
    ...settings.tools.map((tool) => `${calls}{tool:${tool}}`),
    "mcp_errors",
    ...ERROR_CLASSES.map((errorClass) => `mcp_errors{class:${errorClass}}`),
    ...ERROR_CLASSES.flatMap((errorClass) =>
      working.map((stage) => `mcp_errors{class:${errorClass},stage:${stage}}`)),
    // A session that could not be opened is an error without a call: it has to be told apart.
    ...ERROR_CLASSES.map((errorClass) => `mcp_errors{class:${errorClass},tool:initialize}`),
    ...ERROR_CLASSES.flatMap((errorClass) =>
      working.map((stage) => `mcp_errors{class:${errorClass},stage:${stage},tool:initialize}`)),
    ...settings.journeys.map((journey) => `mcp_journey_duration_ms{journey:${journey}}`),
    "mcp_sessions_opened", "mcp_sessions_closed", "mcp_session_creation_ms", "mcp_overhead_requests",
    "dropped_iterations", "http_reqs",
    ...(settings.byKind ? namesByKind(calls, settings) : []),
    ...(settings.shape === "benchmark" ? protocolNames(settings) : []),
    ...(settings.shape === "recovery" ? ["mcp_outages", "mcp_outage_ms"] : []),
    ...(settings.shape === "rate-limit" ? limitNames(settings, stages) : []),
    ...(settings.shape === "stress" ? working.map((stage) => `mcp_aborts{stage:${stage}}`) : []),
  ];
  /** @type {Record<string, (string | import("k6/options").ObjectThreshold)[]>} */
  const thresholds = {};
  for (const name of names) thresholds[name] = [];
  if (settings.shape === "stress") {
    for (const stage of steady) {
      thresholds[`${calls}{stage:${stage.name}}`] = [
        { threshold: `p(95)<=${DEGRADED_P95_MS}`, abortOnFail: true },
      ];
    }
  }
  return thresholds;
}

/**
 * @param {string} calls
 * @param {Settings} settings
 */
function namesByKind(calls, { tools, kinds }) {
  return kinds.flatMap((kind) => [
    `${calls}{kind:${kind}}`,
    ...tools.map((tool) => `${calls}{tool:${tool},kind:${kind}}`),
    ...ERROR_CLASSES.map((errorClass) => `mcp_errors{class:${errorClass},kind:${kind}}`),
  ]);
}

/** @param {Settings} settings */
function protocolNames({ wire }) {
  return [
    "mcp_protocol_duration_ms",
    ...PROTOCOL_METHODS[wire].map((method) => `mcp_protocol_duration_ms{method:${method}}`),
  ];
}

/**
 * @param {Settings} settings
 * @param {Stage[]} stages
 */
function limitNames({ tokens }, stages) {
  const clients = clientsOf(tokens);
  return [
    ...stages.filter((stage) => stage.kind !== "pause").flatMap((stage) => clients.flatMap((client) => [
      `mcp_let_through_at_ms{client:${client},stage:${stage.name}}`,
      `mcp_refused_at_ms{client:${client},stage:${stage.name}}`,
    ])),
    ...clients.flatMap((client) => ["yes", "no"].map((kept) => `mcp_retries{client:${client},kept:${kept}}`)),
    "mcp_retry_after_s",
  ];
}

/**
 * Names of the clients that `rate-limit` tells apart: without tokens all VUs are one to the server.
 *
 * @param {string[]} tokens
 */
export function clientsOf(tokens) {
  const names = Array.from({ length: LIMITED_CLIENTS }, (_each, index) => `client_${index + 1}`);
  return tokens.length === 0 ? names.slice(0, 1) : names;
}
