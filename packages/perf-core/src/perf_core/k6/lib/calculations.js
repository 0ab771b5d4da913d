/**
 * Calculator calls for runs without a plan: seeded arguments with their expected answers.
 * Pure: imports nothing of k6, so plain node can test it.
 */

/**
 * @typedef {import("./journey_packing.js").Journey} Journey
 * @typedef {import("./journey_packing.js").Step} Step
 */

/** Shares of the published mix, in percent. @type {[string, number][]} */
const MIX = [["add", 40], ["subtract", 30], ["multiply", 20], ["divide", 10]];

const NUMBER_KINDS = ["small", "large", "decimal", "negative", "mixed"];

/** @type {Record<string, (a: number, b: number) => number>} */
export const OPERATIONS = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
};

/**
 * Return one call with its expected answer; for a division by zero that is an error result.
 * @param {string} operation add, subtract, multiply or divide
 * @param {number} a @param {number} b @returns {Step}
 */
export function calculation(operation, a, b) {
  const argumentsText = `{"a":${exactText(a)},"b":${exactText(b)}}`;
  if (operation === "divide" && b === 0) return [operation, argumentsText, "error", "null"];
  return [operation, argumentsText, "result", `{"result":${exactText(OPERATIONS[operation](a, b))}}`];
}

/**
 * Return JSON text that parses to the same double. k6's JavaScript engine (sobek, k6 1.1) sometimes prints the text of
 * a neighbouring double: 12347227 / 9222504 as 1.338815033314163 instead of 1.3388150333141629.
 * @param {number} value
 */
export function exactText(value) {
  const text = String(value);
  return Number(text) === value ? text : value.toPrecision(17);
}

/**
 * Return a pool of journeys of one call each.
 * @param {string} pool "mix" for the published shares of the operations, or one operation
 * @param {number} journeys @param {number} seed @returns {Journey[]}
 */
export function calculatorPool(pool, journeys, seed) {
  const random = randomFrom(seed);
  /** @type {Journey[]} */
  const calls = [];
  for (let index = 0; index < journeys; index += 1) {
    const edge = pool === "divide" && index % 20 === 19;
    calls.push(edge
      ? [pool, "edge", [calculation(pool, whole(random, 1, 1e6), 0)]]
      : journeyOf(pool === "mix" ? operationAt(random()) : pool, index, random));
  }
  return calls;
}

/**
 * @param {string} operation @param {number} index selects the kind of numbers
 * @param {() => number} random @returns {Journey}
 */
function journeyOf(operation, index, random) {
  const kind = NUMBER_KINDS[index % NUMBER_KINDS.length];
  return [operation, kind, [calculation(operation, numberOf(kind, random), numberOf(kind, random))]];
}

/**
 * Return a number of this kind, never 0. Products of two stay below 2^53, the limit of exact integers in a double.
 * @param {string} kind @param {() => number} random @returns {number}
 */
function numberOf(kind, random) {
  switch (kind) {
    case "small": return whole(random, 1, 1000);
    case "large": return whole(random, 1e6, 9e7);
    case "decimal": return whole(random, 1, 1e6) / 1000;
    case "negative": return -whole(random, 1, 1e6);
    default: return numberOf(NUMBER_KINDS[whole(random, 0, 3)], random);
  }
}

/** @param {number} share from 0 to 1 */
function operationAt(share) {
  let sum = 0;
  for (const [operation, percent] of MIX) {
    sum += percent / 100;
    if (share < sum) return operation;
  }
  return MIX[0][0];
}

/**
 * Return a whole number from `least` to `most`.
 * @param {() => number} random @param {number} least @param {number} most
 */
function whole(random, least, most) {
  return least + Math.floor(random() * (most - least + 1));
}

/**
 * Return a generator of numbers from 0 to 1 (mulberry32, Tommy Ettinger, public domain). k6 cannot seed Math.random.
 * @param {number} seed
 */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
