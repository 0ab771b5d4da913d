/**
 * The summary of a run: summary.json for programs, a few lines for people.
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { ERROR_CLASSES } from "./answers.js";

/**
 * @typedef {import("./shapes.js").Stage} Stage
 * @typedef {import("./settings.js").Settings} Settings
 *
 * @typedef {object} SummaryData argument that k6 passes to handleSummary
 * @property {any} [setup_data]
 * @property {any} state
 * @property {Record<string, {values: Record<string, number>, thresholds?: Record<string, {ok: boolean}>}>} metrics
 */

export const SUMMARY_SCHEMA = 1;

/** Statistics of every Trend in the summary. */
export const TREND_STATS = [
  "count", "avg", "min", "med", "max", "p(90)", "p(95)", "p(99)",
  // Quantiles for a histogram of the latency.
  "p(1)", "p(5)", "p(10)", "p(20)", "p(30)", "p(40)", "p(60)", "p(70)", "p(75)", "p(80)",
  // And for the mean of the slowest 2 %.
  "p(98)", "p(98.25)", "p(98.5)", "p(98.75)", "p(99.25)", "p(99.5)", "p(99.75)", "p(99.9)", "p(99.95)", "p(99.99)",
];

/**
 * Content of summary.json, schema 1.
 * @param {SummaryData} data @param {Settings} settings @param {Stage[]} stages
 * @param {object} scenarios k6's option of this name
 */
export function summaryOf(data, settings, stages, scenarios) {
  return {
    schema: SUMMARY_SCHEMA,
    scenario: settings.scenario,
    shape: settings.shape,
    wire: settings.wire,
    started_at_ms: typeof data.setup_data === "number" ? data.setup_data : null,
    aborted: abortReason(data.metrics, stages),
    stages: stages.map(({ name, kind, vus, rate_per_s, start_s, end_s }) =>
      ({ name, kind, vus, rate_per_s, start_s, end_s })),
    state: data.state,
    metrics: data.metrics,
    options: { scenarios },
  };
}

/**
 * Reason for which the scripts ended the run early; null when they did not.
 * @param {SummaryData["metrics"]} metrics @param {Stage[]} stages @returns {string | null}
 */
export function abortReason(metrics, stages) {
  for (const { name } of stages) {
    if (countOf(metrics[`mcp_aborts{stage:${name}}`]) > 0) {
      const classes = ERROR_CLASSES
        .map((each) => ({ each, count: countOf(metrics[`mcp_errors{class:${each},stage:${name}}`]) }))
        .filter(({ count }) => count > 0)
        .sort((a, b) => b.count - a.count)
        .map(({ each, count }) => `${each} ${count}`);
      return `failure in ${name}: most of a VU's last calls failed (${classes.join(", ") || "sessions refused"})`;
    }
    const calls = metrics[`mcp_tool_call_duration_ms{stage:${name}}`];
    const broken = Object.entries((calls && calls.thresholds) || {}).find(([, { ok }]) => !ok);
    if (broken) {
      const p95_ms = calls.values["p(95)"].toFixed(0);
      const limit_ms = broken[0].replace("p(95)<=", "");
      return `heavy degradation in ${name}: p95 of calls ${p95_ms} ms, above ${limit_ms} ms`;
    }
  }
  return null;
}

/** @param {{values: Record<string, number>} | undefined} metric */
function countOf(metric) {
  return metric && metric.values.count ? metric.values.count : 0;
}

/** The summary for people: one line per stage, and the errors. @param {ReturnType<typeof summaryOf>} summary */
export function textOf(summary) {
  const { metrics } = summary;
  const lines = [
    `${summary.scenario}, ${summary.wire} wire`,
    ...(summary.aborted === null ? [] : [`ended early: ${summary.aborted}`]),
    columns(["stage", "VUs", "calls", "calls/s", "med ms", "p95 ms", "p99 ms", "max ms"]),
    ...summary.stages
      .filter((stage) => stage.kind !== "protocol")
      .map((stage) => stageLine(stage, metrics[`mcp_tool_call_duration_ms{stage:${stage.name}}`])),
    `sessions opened ${countOf(metrics.mcp_sessions_opened)}, closed ${countOf(metrics.mcp_sessions_closed)}; ` +
      `iterations dropped ${countOf(metrics.dropped_iterations)}`,
    `errors ${countOf(metrics.mcp_errors)}` + ERROR_CLASSES
      .map((each) => ({ each, count: countOf(metrics[`mcp_errors{class:${each}}`]) }))
      .filter(({ count }) => count > 0)
      .map(({ each, count }) => `; ${each} ${count}`)
      .join(""),
  ];
  return lines.join("\n") + "\n";
}

/**
 * @param {Pick<Stage, "name" | "vus" | "start_s" | "end_s">} stage
 * @param {{values: Record<string, number>} | undefined} calls
 */
function stageLine(stage, calls) {
  const count = countOf(calls);
  const figures = calls === undefined || count === 0
    ? ["-", "-", "-", "-"]
    : ["med", "p(95)", "p(99)", "max"].map((statistic) => calls.values[statistic].toFixed(1));
  const rate = (count / (stage.end_s - stage.start_s)).toFixed(1);
  return columns([stage.name, String(stage.vus), String(count), rate, ...figures]);
}

/** @param {string[]} cells */
function columns(cells) {
  return cells.map((cell, index) => (index === 0 ? cell.padEnd(14) : cell.padStart(10))).join("");
}
