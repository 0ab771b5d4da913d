/**
 * Sub-metrics that the summary must contain, and thresholds that end a run early.
 *
 * k6 keeps a sub-metric for a tag's value only if a threshold names it. An empty list of thresholds is enough; it cannot
 * fail, and it saves k6 the sorting of every sample that it does every two seconds for a Trend with a real threshold.
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { ERROR_CLASSES } from "./answers.js";

/**
 * @typedef {import("./shapes.js").Shape} Shape
 * @typedef {import("./shapes.js").Stage} Stage
 * @typedef {import("./settings.js").Settings} Settings
 */

/** k6's own measurements of the parts of a request. */
const PHASES = ["http_req_blocked", "http_req_connecting", "http_req_tls_handshaking", "http_req_waiting", "http_req_receiving"];

/** Classes of calls that nobody answered. */
const WAITING_CLASSES = ["timeout", "unanswered"];

/** Kinds of stages with a constant load; the others lead from one to the next. */
const STEADY_KINDS = ["hold", "baseline", "spike", "recovery"];

/**
 * k6's `thresholds` option.
 * @param {Shape} shape @param {Settings} settings @param {Stage[]} stages
 * @returns {import("k6/options").Options["thresholds"]}
 */
export function thresholdsOf(shape, settings, stages) {
  const calls = "mcp_tool_call_duration_ms";
  const calling = stages.filter((stage) => stage.kind !== "protocol").map((stage) => stage.name);
  const { abortAboveP95_ms } = shape;
  const names = [
    calls,
    ...calling.map((stage) => `${calls}{stage:${stage}}`),
    ...settings.tools.map((tool) => `${calls}{tool:${tool}}`),
    "mcp_errors",
    ...ERROR_CLASSES.map((errorClass) => `mcp_errors{class:${errorClass}}`),
    ...ERROR_CLASSES.flatMap((errorClass) =>
      calling.map((stage) => `mcp_errors{class:${errorClass},stage:${stage}}`)),
    ...ERROR_CLASSES.flatMap((errorClass) => settings.tools.map((tool) => `mcp_errors{class:${errorClass},tool:${tool}}`)),
    // A session that could not be opened is an error without a call, so it is counted apart.
    ...ERROR_CLASSES.map((errorClass) => `mcp_errors{class:${errorClass},tool:initialize}`),
    ...ERROR_CLASSES.flatMap((errorClass) =>
      calling.map((stage) => `mcp_errors{class:${errorClass},stage:${stage},tool:initialize}`)),
    ...settings.journeys.map((journey) => `mcp_journey_duration_ms{journey:${journey}}`),
    "mcp_sessions_opened", "mcp_sessions_closed", "mcp_session_creation_ms", "mcp_overhead_requests",
    "dropped_iterations", "http_reqs", ...PHASES,
    ...(settings.byKind ? namesByKind(calls, settings) : []),
    ...(shape.subMetrics ? shape.subMetrics(settings, stages) : []),
    ...(abortAboveP95_ms === undefined ? [] : calling.map((stage) => `mcp_aborts{stage:${stage}}`)),
  ];
  /** @type {Record<string, (string | import("k6/options").ObjectThreshold)[]>} */
  const thresholds = Object.fromEntries(names.map((name) => [name, []]));
  if (abortAboveP95_ms !== undefined) {
    for (const stage of stages.filter(({ kind }) => STEADY_KINDS.includes(kind))) {
      thresholds[`${calls}{stage:${stage.name}}`] = [{ threshold: `p(95)<=${abortAboveP95_ms}`, abortOnFail: true }];
    }
  }
  return thresholds;
}

/** @param {string} calls @param {Settings} settings */
function namesByKind(calls, { tools, kinds }) {
  return kinds.flatMap((kind) => [
    `${calls}{kind:${kind}}`,
    ...tools.map((tool) => `${calls}{tool:${tool},kind:${kind}}`),
    ...ERROR_CLASSES.map((errorClass) => `mcp_errors{class:${errorClass},kind:${kind}}`),
    // Without these nobody would know which latencies are only the time that a call waited.
    ...WAITING_CLASSES.flatMap((errorClass) =>
      tools.map((tool) => `mcp_errors{class:${errorClass},tool:${tool},kind:${kind}}`)),
  ]);
}
