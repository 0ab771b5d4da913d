/**
 * Which sub-metrics the summary must carry, and what ends a stress run early.
 *
 * k6 keeps figures of a tag's value only where a threshold names them. An empty list of thresholds is enough, cannot
 * fail, and spares k6 the sorting of every sample that it does every two seconds for a Trend with a real threshold.
 *
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { ERROR_CLASSES } from "./answers.js";

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
    ...(settings.shape === "benchmark" ? benchmarkNames(calls, settings) : []),
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
function benchmarkNames(calls, settings) {
  return [
    ...settings.tools.flatMap((tool) => settings.kinds.map((kind) => `${calls}{tool:${tool},kind:${kind}}`)),
    "mcp_protocol_duration_ms",
    ...PROTOCOL_METHODS[settings.wire].map((method) => `mcp_protocol_duration_ms{method:${method}}`),
  ];
}
