/**
 * The schedule of a comparison: which server is loaded from when to when, and the slice that the time belongs to.
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { ERROR_CLASSES } from "./answers.js";
import { SettingsError } from "./settings.js";

/**
 * @typedef {import("./shapes.js").Stage & {side: string}} Slice
 *
 * @typedef {object} Server
 * @property {string} url MCP endpoint
 * @property {string} healthUrl
 * @property {import("./settings.js").Wire} wire
 * @property {string} revision protocol revision to offer in `initialize`
 * @property {import("./environment_settings.js").User[]} users whose headers the VUs carry in rotation; may be empty
 *
 * @typedef {Record<string, Server>} Servers by side, the baseline first
 */

const WARM_UP = "warmup_";

/** Time for k6 to count calls after the last one could have timed out. */
const COUNTING_S = 1;

/**
 * Check and return the slices of a plan.
 * @param {any} plan parsed plan.json
 * @param {number} vus @returns {Slice[]} @throws {SettingsError}
 */
export function slicesOf(plan, vus) {
  const rows = plan.slices && plan.slices.schedule;
  if (!Array.isArray(rows) || rows.length === 0) {
    throw new SettingsError("plan.slices.schedule", "a list of slices, at least one", rows);
  }
  const sides = Object.keys(plan.slices.wires || {});
  let free_s = 0;
  return rows.map((row, index) => {
    const [name, side, start_s, end_s] = Array.isArray(row) ? row : [];
    const inOrder = typeof start_s === "number" && typeof end_s === "number" && start_s >= free_s && end_s > start_s;
    if (typeof name !== "string" || !/^\w+$/.test(name) || !sides.includes(side) || !inOrder) {
      const expected = `[name, one of ${sides.join(", ")}, start_s, end_s], each after the one before`;
      throw new SettingsError(`plan.slices.schedule[${index}]`, expected, row);
    }
    free_s = end_s;
    // The latency of all slices of a server together has no warm-up in it.
    const furtherTags = name.startsWith(WARM_UP) ? undefined : { side };
    return { name, side, kind: "hold", vus, rate_per_s: null, start_s, end_s, pool: "mix", furtherTags };
  });
}

/**
 * Return k6's thresholds for the sub-metrics that the summary needs. There are fewer than in other shapes: each costs
 * k6 time in every call.
 * @param {Slice[]} slices @returns {Record<string, string[]>}
 */
export function sliceThresholds(slices) {
  const byStage = ["mcp_tool_call_duration_ms", "mcp_errors", "mcp_slice_entered_ms", "mcp_slice_left_ms"];
  const stages = new Set(slices.map((slice) => slice.name));
  const names = [
    ...byStage.flatMap((metric) => [...stages].map((stage) => `${metric}{stage:${stage}}`)),
    // They cost nothing in a call that succeeds.
    ...ERROR_CLASSES.flatMap((each) => [...stages].map((stage) => `mcp_errors{class:${each},stage:${stage}}`)),
    ...[...new Set(slices.map((slice) => slice.side))].map((side) => `mcp_tool_call_duration_ms{side:${side}}`),
  ];
  return Object.fromEntries(names.map((name) => [name, []]));
}

/**
 * Return k6's `scenarios` option.
 * @param {Slice[]} slices @param {number} requestTimeoutS
 * @returns {Record<string, import("k6/options").Scenario>}
 */
export function sliceScenarios(slices, requestTimeoutS) {
  const { end_s, vus } = slices[slices.length - 1];
  // The 100 ms give VUs the time to leave the last slice and delete their sessions.
  const duration = `${Math.round(end_s * 1000) + 100}ms`;
  // Long enough for a call that is never answered to time out: ended by k6, it would count nowhere.
  return { load: { executor: "constant-vus", vus, duration, gracefulStop: `${requestTimeoutS + COUNTING_S}s` } };
}
