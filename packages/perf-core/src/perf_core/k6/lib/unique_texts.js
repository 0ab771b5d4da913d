/**
 * Texts that occur in no other journey, of this run or of any other.
 * Pure: imports nothing of k6, so plain node can test it.
 */

/** Placeholder for such a text in a plan's arguments and expected answers (perf_core.adapter.UNIQUE). */
export const UNIQUE = "{unique}";

/** Base-36 digits for the start of the load, the VU's number and the VU's count of journeys. */
const START_DIGITS = 8;
const VU_DIGITS = 3;
const COUNT_DIGITS = 5;

/** Where the count of one of several users with the same VU begins. @param {number} index @param {number} users */
export function partOfCounts(index, users) {
  return Math.floor((36 ** COUNT_DIGITS * index) / users);
}

/**
 * Return 16 lower-case letters and digits. The length is fixed so that base64 text around them keeps its length.
 * @param {number} start_ms start of the load
 * @param {number} vu @param {number} count of the VU's journeys
 */
export function uniqueText(start_ms, vu, count) {
  return inBase36(Math.round(start_ms), START_DIGITS) + inBase36(vu, VU_DIGITS) + inBase36(count, COUNT_DIGITS);
}

/** @param {number} number @param {number} digits */
function inBase36(number, digits) {
  return number.toString(36).padStart(digits, "0").slice(-digits);
}

/** Return the text with every UNIQUE replaced. @param {string} text @param {string} unique */
export function insertUnique(text, unique) {
  return text.includes(UNIQUE) ? text.split(UNIQUE).join(unique) : text;
}
