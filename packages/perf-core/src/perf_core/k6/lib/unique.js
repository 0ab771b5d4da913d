/**
 * Texts that no other journey has, of this run or of any other.
 *
 * Pure: imports nothing of k6, so plain node can test it.
 */

/** Stands in a plan's arguments and expected answers for such a text (perf_core.adapter.UNIQUE). */
export const UNIQUE = "{unique}";

/** Places, in base 36, of the start of the load, of the number of the VU, and of that of its journey. */
const START_PLACES = 8;
const VU_PLACES = 3;
const COUNT_PLACES = 5;

/**
 * 16 letters and digits: always as many, so that they may stand in base64, whose length counts.
 *
 * @param {number} start_ms start of the load
 * @param {number} vu
 * @param {number} count of the VU's journeys
 */
export function uniqueOf(start_ms, vu, count) {
  return inBase36(Math.round(start_ms), START_PLACES) + inBase36(vu, VU_PLACES) + inBase36(count, COUNT_PLACES);
}

/**
 * @param {number} number
 * @param {number} places
 */
function inBase36(number, places) {
  return number.toString(36).padStart(places, "0").slice(-places);
}

/**
 * A text with UNIQUE replaced wherever it stands.
 *
 * @param {string} text
 * @param {string} unique
 */
export function filled(text, unique) {
  return text.includes(UNIQUE) ? text.split(UNIQUE).join(unique) : text;
}
