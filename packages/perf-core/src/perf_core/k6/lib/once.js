/**
 * What is done once per run: reading and packing the plan, making k6's options, asking whether there is a server, and
 * the summary. VUs never load this module (see scenario.js).
 */

import { calculatorPool } from "./calculations.js";
import { expectCalculator } from "./calculator_check.js";
import { readConfig } from "./config.js";
import { packPools } from "./journey_packing.js";
import { parsedFile } from "./plan_file.js";
import { settingsFromEnvironment, settingsFromPlan } from "./settings.js";
import { k6Scenarios, stagesOf } from "./shapes.js";
import { summaryOf, textOf, TREND_STATS } from "./summary.js";
import { thresholdsOf } from "./thresholds.js";
import { UNIQUE } from "./unique_texts.js";

/**
 * @typedef {import("./config.js").Config} Config
 * @typedef {import("./plan.js").Plan} Plan
 */

/** Journeys per pool without a plan: enough that VUs seldom send the same one, made in a fraction of a second. */
const CALCULATOR_JOURNEYS = 2000;
const CALCULATOR_SEED = 20250711;

/**
 * What the VUs share: first the plan's head as JSON text, then the packed journeys.
 *
 * @param {string} shape one of shapes.SHAPES
 * @returns {string[]}
 * @throws {import("./settings.js").SettingsError} naming the field, what came and what was expected
 */
export function sharedTexts(shape) {
  const config = readConfig();
  const plan = config.planPath === null ? null : parsedFile(config.planPath);
  const settings = plan === null
    ? settingsFromEnvironment(config.environment, shape)
    : settingsFromPlan(plan, shape);
  const stages = stagesOf(shape, settings);
  const wanted = [...new Set(stages.map((stage) => stage.pool))];
  const { places, chunks } = packPools(plan === null ? calculatorPools(wanted) : plan.pools, wanted, settings);
  const { url, healthUrl } = config;
  const hasUnique = chunks.some((chunk) => chunk.includes(UNIQUE));
  return [JSON.stringify({ url, healthUrl, settings, stages, places, hasUnique }), ...chunks];
}

/** @param {string[]} wanted */
function calculatorPools(wanted) {
  return Object.fromEntries(
    wanted.map((pool) => [pool, calculatorPool(pool, CALCULATOR_JOURNEYS, CALCULATOR_SEED)]),
  );
}

/**
 * @param {Plan} plan
 * @returns {import("k6/options").Options}
 */
export function optionsOf({ settings, stages }) {
  return {
    scenarios: k6Scenarios(stages, keepsSessions(settings)),
    thresholds: thresholdsOf(settings, stages),
    summaryTrendStats: TREND_STATS,
  };
}

/** @param {import("./settings.js").Settings} settings */
function keepsSessions(settings) {
  return settings.wire === "session" && !settings.sessionPerIteration;
}

/**
 * @param {import("./vu_client.js").McpClient} client
 * @returns {number} when the load begins, in milliseconds since the epoch
 */
export function setUp(client) {
  if (readConfig().planPath === null) expectCalculator(client);
  return Date.now();
}

/**
 * What k6 shall write: the summary file, and without a plan a few lines for people.
 *
 * @param {import("./summary.js").SummaryData} data
 * @param {Plan} plan
 * @returns {Record<string, string>}
 */
export function outputsOf(data, { settings, stages }) {
  const config = readConfig();
  // Scenarios are made anew: k6 replaces what is in `options` by its own view of it, in which they are empty.
  const summary = summaryOf(data, settings, stages, k6Scenarios(stages, keepsSessions(settings)));
  return {
    ...(config.planPath === null ? { stdout: textOf(summary) } : {}),
    ...(config.summaryPath === null ? {} : { [config.summaryPath]: JSON.stringify(summary) }),
  };
}
