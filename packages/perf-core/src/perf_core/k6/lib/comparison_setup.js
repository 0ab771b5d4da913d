/** Work done once per run of scenarios/slices.js: reading the plan, k6's options and the summary. */

import { readConfig } from "./config.js";
import { packPools } from "./journey_packing.js";
import { readPlanFile } from "./plan_file.js";
import { healthUrlOf } from "./environment_settings.js";
import { SettingsError, settingsFromPlan } from "./settings.js";
import { sliceScenarios, slicesOf, sliceThresholds } from "./comparison_schedule.js";
import { summaryOf, TREND_STATS } from "./summary.js";

/**
 * @typedef {Omit<import("./shared_plan.js").Plan, "stages"> & {
 *   stages: import("./comparison_schedule.js").Slice[], servers: import("./comparison_schedule.js").Servers,
 * }} ComparisonPlan
 */

/**
 * @returns {string[]} the plan's head as JSON text, then the packed journeys
 * @throws {SettingsError}
 */
export function sharedTexts() {
  const { planPath, ...config } = readConfig();
  if (planPath === null) throw new SettingsError("PLAN", "the path of a plan: perf-core compare writes one", undefined);
  const plan = readPlanFile(planPath);
  const settings = settingsFromPlan(plan, { name: "slices", profile: () => [] });
  const stages = slicesOf(plan, settings.vus === null ? 1 : settings.vus);
  const { places, chunks, contents } = packPools(plan.pools, ["mix"], settings);
  const servers = serversOf(plan.slices.wires, config);
  const head = { settings, stages, servers, places, ...contents, hasThinkTimes: false, journeyGraceS: 0, reportsEvents: true };
  return [JSON.stringify(head), ...chunks];
}

/**
 * @param {Record<string, import("./settings.js").Wire>} wires by side, the baseline first
 * @param {Omit<import("./config.js").Config, "planPath">} config
 * @returns {import("./comparison_schedule.js").Servers} @throws {SettingsError} a rival's URL is missing
 */
function serversOf(wires, { url, revision, users, rivals }) {
  const reached = [{ url, revision, users }, ...rivals];
  const sides = Object.keys(wires);
  if (reached.length < sides.length) {
    throw new SettingsError("RIVAL_URL", `URLs of ${sides.length - 1} rivals: RIVAL_URL, RIVAL_2_URL and so on`, undefined);
  }
  return Object.fromEntries(sides.map((side, index) => {
    const server = reached[index];
    return [side, { ...server, healthUrl: healthUrlOf(server.url), wire: wires[side] }];
  }));
}

/** @param {ComparisonPlan} plan @returns {import("k6/options").Options} */
export function optionsOf({ settings, stages }) {
  return {
    scenarios: sliceScenarios(stages, settings.requestTimeoutS),
    thresholds: sliceThresholds(stages),
    summaryTrendStats: TREND_STATS,
    insecureSkipTLSVerify: readConfig().acceptsAnyCertificate,
  };
}

/** @param {import("./summary.js").SummaryData} data @param {ComparisonPlan} plan @returns {Record<string, string>} */
export function outputsOf(data, { settings, stages }) {
  const { summaryPath } = readConfig();
  const summary = summaryOf(data, settings, stages, sliceScenarios(stages, settings.requestTimeoutS));
  return { [String(summaryPath)]: JSON.stringify(summary) };
}
