/**
 * Journeys packed once as text that all VUs share; each VU reads them with its own cursor (journey_cursor.js).
 *
 * A chunk is one string of fields: for each journey its step count, name, kind and think time, then for each step the tool,
 * the arguments, the kind of expectation, the expected JSON and further options (method, values to save), which a plain
 * tool call leaves empty. It is one string because reading it from a SharedArray then costs one parse of one string, and
 * its parts share its memory.
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { EXPECT_KINDS, METHODS } from "./answers.js";
import { regularExpression } from "./further_answers.js";
import { JOURNEYS_PER_CHUNK, SEPARATOR } from "./journey_cursor.js";
import { SettingsError } from "./settings.js";
import { DISTRIBUTIONS } from "./think_time.js";
import { UNIQUE } from "./unique_texts.js";

/**
 * @typedef {import("./answers.js").ExpectKind} ExpectKind
 * @typedef {[tool: string, argumentsText: string, expectKind: ExpectKind, expectText: string, options?: object]} Step
 * @typedef {[name: string, kind: string, steps: Step[], thinkTime?: [string, ...number[]]]} Journey
 *
 * @typedef {object} Contents what the journeys of a plan contain, so that VUs load and do no more than they need
 * @property {boolean} hasUnique the placeholder for a unique text (see unique_texts.js)
 * @property {boolean} hasFurther steps beyond a plain tool call (see further_steps.js)
 * @property {boolean} hasThinkTimes think times of their own (see think_time.js)
 *
 * @typedef {object} PoolPlace position of a pool in the list of all chunks
 * @property {number} firstChunk
 * @property {number} chunks
 * @property {number} journeys
 */

/**
 * Check the pools of a plan and pack them.
 * @param {any} pools journeys by pool
 * @param {string[]} poolNames pools that the shape calls
 * @param {import("./settings.js").Settings} settings
 * @returns {{places: Record<string, PoolPlace>, chunks: string[], contents: Contents}} @throws {SettingsError}
 */
export function packPools(pools, poolNames, settings) {
  if (typeof pools !== "object" || pools === null) throw new SettingsError("plan.pools", "an object", pools);
  /** @type {Record<string, PoolPlace>} */
  const places = {};
  /** @type {string[]} */
  const chunks = [];
  for (const pool of poolNames) {
    const field = `plan.pools.${pool}`;
    const journeys = pools[pool];
    if (!Array.isArray(journeys) || journeys.length === 0) {
      throw new SettingsError(field, "a list of journeys, at least one", journeys);
    }
    const packed = packJourneys(journeys, field, settings);
    places[pool] = { firstChunk: chunks.length, chunks: packed.length, journeys: journeys.length };
    for (const chunk of packed) chunks.push(chunk);
  }
  return { places, chunks, contents: contentsOf(poolNames.flatMap((pool) => pools[pool]), chunks) };
}

/**
 * Return what checked journeys contain. A plan has thousands of them: so their chunks are not read again, and members are
 * taken by index, since taking a list apart by a pattern costs k6's engine 5 µs.
 * @param {Journey[]} journeys @param {string[]} chunks @returns {Contents}
 */
function contentsOf(journeys, chunks) {
  return {
    hasUnique: chunks.some((chunk) => chunk.includes(UNIQUE)),
    hasFurther: journeys.some((journey) => journey[2].some((step) => step[4] !== undefined || !PLAIN_KINDS.includes(step[2]))),
    hasThinkTimes: journeys.some((journey) => journey[3] !== undefined),
  };
}

/** Kinds of expectation that answers.js judges by itself. */
const PLAIN_KINDS = ["result", "members", "text", "error", "any"];

/**
 * @param {any[]} journeys @param {string} field name of the pool in messages
 * @param {import("./settings.js").Settings} settings @returns {string[]}
 */
function packJourneys(journeys, field, settings) {
  const chunks = [];
  for (let start = 0; start < journeys.length; start += JOURNEYS_PER_CHUNK) {
    const fields = journeys
      .slice(start, start + JOURNEYS_PER_CHUNK)
      .flatMap((journey, index) => journeyFields(journey, () => `${field}[${start + index}]`, settings));
    chunks.push(fields.join(SEPARATOR));
  }
  return chunks;
}

/**
 * @param {any} journey
 * @param {() => string} field name in messages; a function because most of a plan's thousands are never named
 * @param {import("./settings.js").Settings} settings @returns {string[]}
 */
function journeyFields(journey, field, settings) {
  if (!Array.isArray(journey) || journey.length < 3 || journey.length > 4 || !isText(journey[0]) || !isText(journey[1])
    || !Array.isArray(journey[2]) || journey[2].length === 0) {
    throw new SettingsError(field(), "[name, kind, [step, …]] with at least one step, and a think time or nothing", journey);
  }
  const name = journey[0];
  const kind = journey[1];
  const steps = journey[2];
  const thinkTime = journey[3];
  if (thinkTime !== undefined && !isThinkTime(thinkTime)) {
    throw new SettingsError(`${field()}[3]`, '["constant", s], ["uniform", s, s] or ["exponential", s]', thinkTime);
  }
  if (kind !== "" && !settings.kinds.includes(kind)) {
    throw new SettingsError(`${field()}[1]`, `a kind from plan.kinds (${settings.kinds.join(", ")}) or ""`, kind);
  }
  const stepFields = steps.flatMap((/** @type {any} */ step, /** @type {number} */ index) => {
    const place = () => `${field()}[2][${index}]`;
    if (!Array.isArray(step) || step.length < 4 || step.length > 5 || !step.slice(0, 4).every(isText)) {
      throw new SettingsError(
        place(),
        "[tool, arguments JSON, expectation kind, expected JSON, options or nothing], texts without control characters", step,
      );
    }
    const tool = step[0];
    const argumentsText = step[1];
    const expectKind = step[2];
    const expectText = step[3];
    const options = step[4];
    if (!settings.tools.includes(tool)) {
      throw new SettingsError(`${place()}[0]`, `a tool from plan.tools (${settings.tools.join(", ")})`, tool);
    }
    if (!EXPECT_KINDS.includes(expectKind)) {
      throw new SettingsError(`${place()}[2]`, `one of ${EXPECT_KINDS.join(", ")}`, expectKind);
    }
    if (expectKind === "regex") expectPattern(expectText, () => `${place()}[3]`);
    if (options !== undefined && !isOptions(options)) {
      throw new SettingsError(
        `${place()}[4]`, `{method: one of ${METHODS.join(", ")}; save: JSON pointers by name} or nothing`, options,
      );
    }
    return [tool, argumentsText, expectKind, expectText, options === undefined ? "" : JSON.stringify(options)];
  });
  return [String(steps.length), name, kind, thinkTime === undefined ? "" : thinkTime.join(" ")].concat(stepFields);
}

/**
 * Compile a pattern, since one that does not compile under load would leave every answer unjudged.
 * @param {string} expectText @param {() => string} field name in messages @throws {SettingsError}
 */
function expectPattern(expectText, field) {
  try {
    regularExpression(JSON.parse(expectText));
  } catch (error) {
    throw new SettingsError(field(), `a JSON string with a pattern that k6 can use (${error})`, expectText);
  }
}

/** @param {any} options of a step */
function isOptions(options) {
  return typeof options === "object" && options !== null
    && Object.keys(options).every((name) => name === "method" || name === "save")
    && (options.method === undefined || METHODS.includes(options.method))
    && (options.save === undefined || (typeof options.save === "object" && options.save !== null && !Array.isArray(options.save)
      && Object.keys(options.save).every((name) => typeof options.save[name] === "string")));
}

/** @param {any} thinkTime */
function isThinkTime(thinkTime) {
  return Array.isArray(thinkTime) && DISTRIBUTIONS[thinkTime[0]] === thinkTime.length - 1
    && thinkTime.slice(1).every((value) => typeof value === "number" && Number.isFinite(value) && value >= 0);
}

/** @param {unknown} value */
function isText(value) {
  return typeof value === "string" && !value.includes(SEPARATOR);
}
