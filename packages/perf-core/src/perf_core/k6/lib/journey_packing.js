/**
 * Journeys packed once as text that all VUs share; each VU reads them with its own cursor (journey_cursor.js).
 *
 * A chunk is one string of fields: for each journey its step count, name and kind, then for each step the tool, the
 * arguments, the kind of expectation and the expected JSON. It is one string because reading it from a SharedArray then
 * costs one parse of one string, and its parts share its memory.
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { EXPECT_KINDS } from "./answers.js";
import { JOURNEYS_PER_CHUNK, SEPARATOR, STEP_FIELDS } from "./journey_cursor.js";
import { SettingsError } from "./settings.js";

/**
 * @typedef {import("./answers.js").ExpectKind} ExpectKind
 * @typedef {[tool: string, argumentsText: string, expectKind: ExpectKind, expectText: string]} Step
 * @typedef {[name: string, kind: string, steps: Step[]]} Journey
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
 * @param {import("./settings.js").Settings} settings @returns {{places: Record<string, PoolPlace>, chunks: string[]}}
 * @throws {SettingsError}
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
  return { places, chunks };
}

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
  if (!Array.isArray(journey) || journey.length !== 3 || !isText(journey[0]) || !isText(journey[1])
    || !Array.isArray(journey[2]) || journey[2].length === 0) {
    throw new SettingsError(field(), "[name, kind, [step, …]] with at least one step", journey);
  }
  const [name, kind, steps] = journey;
  if (kind !== "" && !settings.kinds.includes(kind)) {
    throw new SettingsError(`${field()}[1]`, `a kind from plan.kinds (${settings.kinds.join(", ")}) or ""`, kind);
  }
  const stepFields = steps.flatMap((/** @type {any} */ step, /** @type {number} */ index) => {
    const place = () => `${field()}[2][${index}]`;
    if (!Array.isArray(step) || step.length !== STEP_FIELDS || !step.every(isText)) {
      throw new SettingsError(
        place(), "[tool, arguments JSON, expectation kind, expected JSON], all text without control characters", step,
      );
    }
    const [tool, argumentsText, expectKind, expectText] = step;
    if (!settings.tools.includes(tool)) {
      throw new SettingsError(`${place()}[0]`, `a tool from plan.tools (${settings.tools.join(", ")})`, tool);
    }
    if (!EXPECT_KINDS.includes(expectKind)) {
      throw new SettingsError(`${place()}[2]`, `one of ${EXPECT_KINDS.join(", ")}`, expectKind);
    }
    return [tool, argumentsText, expectKind, expectText];
  });
  return [String(steps.length), name, kind, ...stepFields];
}

/** @param {unknown} value */
function isText(value) {
  return typeof value === "string" && !value.includes(SEPARATOR);
}
