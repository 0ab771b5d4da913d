/**
 * Work done once per run: reading and packing the plan, k6's options, the check for a server, and the summary. VUs never
 * load this module (see scenario.js).
 */

import { calculatorPool } from "./calculations.js";
import { expectCalculator } from "./calculator_check.js";
import { readConfig } from "./config.js";
import { settingsFromEnvironment } from "./environment_settings.js";
import { packPools } from "./journey_packing.js";
import { readPlanFile } from "./plan_file.js";
import { SettingsError, settingsFromPlan } from "./settings.js";
import { journeyGraceS, k6Scenarios, pacedStages, peakVus, stagesOf } from "./shapes.js";
import { summaryOf, textOf, TREND_STATS } from "./summary.js";
import { thresholdsOf } from "./thresholds.js";

/**
 * @typedef {import("./config.js").Config} Config
 * @typedef {import("./shapes.js").Shape} Shape
 * @typedef {import("./shared_plan.js").Plan} Plan
 */

/** Journeys per pool without a plan: enough that VUs seldom send the same call, drawn in a fraction of a second. */
const CALCULATOR_JOURNEYS = 2000;
const CALCULATOR_SEED = 20250711;

/** Slowest calls that all VUs together keep at least, and each of many VUs: those of one stall are spread over all. */
const SLOW_CALLS = 20;
const LEAST_SLOW_CALLS = 3;

/**
 * Texts that the VUs share: first the plan's head as JSON, then the packed journeys.
 * @param {Shape} shape @returns {string[]} @throws {import("./settings.js").SettingsError}
 */
export function sharedTexts(shape) {
  const config = readConfig();
  const plan = config.planPath === null ? null : readPlanFile(config.planPath);
  const settings = plan === null
    ? settingsFromEnvironment(config.environment, shape)
    : settingsFromPlan(plan, shape);
  const stages = plan !== null && plan.paced ? pacedStages(plan.paced) : stagesOf(shape, settings);
  const names = [...new Set(stages.map((stage) => stage.pool))];
  const { places, chunks, contents } = packPools(plan === null ? calculatorPools(names) : plan.pools, names, settings);
  const { url, healthUrl, revision, users } = config;
  if (plan === null) settings.identities = users.length;
  const head = {
    url, healthUrl, revision, users, settings, stages, places, ...contents, journeyGraceS: journeyGraceS(stages),
    reportsEvents: plan !== null,
    slowCalls: plan === null ? 0 : Math.max(LEAST_SLOW_CALLS, Math.ceil(SLOW_CALLS / peakVus(stages))),
  };
  return [JSON.stringify(head), ...chunks];
}

/** @param {string[]} names */
function calculatorPools(names) {
  return Object.fromEntries(
    names.map((pool) => [pool, calculatorPool(pool, CALCULATOR_JOURNEYS, CALCULATOR_SEED)]),
  );
}

/** @param {Plan} plan @param {Shape} shape @returns {import("k6/options").Options} */
export function optionsOf({ settings, stages, reportsEvents }, shape) {
  return {
    scenarios: k6Scenarios(shape, stages, settings, !reportsEvents && keepsSessions(settings)),
    thresholds: thresholdsOf(shape, settings, stages),
    summaryTrendStats: TREND_STATS,
    insecureSkipTLSVerify: readConfig().acceptsAnyCertificate,
    // Each client has a cookie jar of its own; k6 need not make one more for each iteration.
    noCookiesReset: true,
  };
}

/** @param {import("./settings.js").Settings} settings */
function keepsSessions(settings) {
  return settings.wire === "session" && !settings.sessionPerIteration;
}

/**
 * @param {import("./vu_client.js").McpClient} client @param {Plan} plan
 * @returns {number} start of the load, in milliseconds since the epoch
 * @throws {SettingsError} when the plan is for other users than those of the environment
 */
export function setUp(client, { settings, users }) {
  if (users.length !== settings.identities) {
    throw new SettingsError("MCP_IDENTITIES", `${settings.identities} users, as in the plan`, users.length);
  }
  if (readConfig().planPath === null) expectCalculator(client);
  return Date.now();
}

/**
 * Outputs for k6 to write: the summary file, and without a plan also a few lines for people.
 * @param {import("./summary.js").SummaryData} data @param {Plan} plan @param {Shape} shape
 * @returns {Record<string, string>}
 */
export function outputsOf(data, { settings, stages, reportsEvents }, shape) {
  const config = readConfig();
  // Computed again: k6 replaces the scenarios in `options` by its own view, in which they are empty.
  const summary = summaryOf(data, settings, stages, k6Scenarios(shape, stages, settings, !reportsEvents && keepsSessions(settings)));
  return {
    ...(config.planPath === null ? { stdout: textOf(summary) } : {}),
    ...(config.summaryPath === null ? {} : { [config.summaryPath]: JSON.stringify(summary) }),
  };
}
