/**
 * The calculator's calls, made here for runs without a plan: seeded arguments with the answers that must come back.
 *
 * Pure: imports nothing of k6, so plain node can test it.
 */

/**
 * @typedef {import("./packing.js").Journey} Journey
 * @typedef {import("./packing.js").Step} Step
 */

/** Shares of the published mix, in percent. @type {[string, number][]} */
const MIX = [["add", 40], ["subtract", 30], ["multiply", 20], ["divide", 10]];

const NUMBER_KINDS = ["small", "large", "decimal", "negative", "mixed"];

/** @type {Record<string, (a: number, b: number) => number>} */
const OPERATIONS = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
};

/**
 * One call and what must come back: division by zero is an error that the server has to tell.
 *
 * @param {string} operation add, subtract, multiply or divide
 * @param {number} a
 * @param {number} b
 * @returns {Step}
 */
export function calculation(operation, a, b) {
  const argumentsText = `{"a":${exactText(a)},"b":${exactText(b)}}`;
  if (operation === "divide" && b === 0) return [operation, argumentsText, "error", "null"];
  return [operation, argumentsText, "result", `{"result":${exactText(OPERATIONS[operation](a, b))}}`];
}

/**
 * A number as JSON text that reads back as the same double. k6's JavaScript engine (sobek, k6 1.1) sometimes prints the
 * text of a neighbour: 12347227 / 9222504 as 1.338815033314163 instead of 1.3388150333141629.
 *
 * @param {number} value
 */
export function exactText(value) {
  const text = String(value);
  return Number(text) === value ? text : value.toPrecision(17);
}

/**
 * A pool of single calls.
 *
 * @param {string} pool "mix" for the published shares of the operations, or one operation
 * @param {number} journeys
 * @param {number} seed
 * @returns {Journey[]}
 */
export function calculatorPool(pool, journeys, seed) {
  const random = randomFrom(seed);
  /** @type {Journey[]} */
  const made = [];
  for (let index = 0; index < journeys; index += 1) {
    const edge = pool === "divide" && index % 20 === 19;
    made.push(edge
      ? [pool, "edge", [calculation(pool, whole(random, 1, 1e6), 0)]]
      : journeyOf(pool === "mix" ? operationAt(random()) : pool, index, random));
  }
  return made;
}

/**
 * @param {string} operation
 * @param {number} index decides the kind of numbers
 * @param {() => number} random
 * @returns {Journey}
 */
function journeyOf(operation, index, random) {
  const kind = NUMBER_KINDS[index % NUMBER_KINDS.length];
  return [operation, kind, [calculation(operation, numberOf(kind, random), numberOf(kind, random))]];
}

/**
 * A number of a kind, never 0. Products of two stay below 2^53, where whole numbers and doubles still agree.
 *
 * @param {string} kind
 * @param {() => number} random
 * @returns {number}
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
 * @param {() => number} random
 * @param {number} least
 * @param {number} most
 */
function whole(random, least, most) {
  return least + Math.floor(random() * (most - least + 1));
}

/**
 * Numbers from 0 to 1, the same for the same seed (mulberry32, Tommy Ettinger, public domain). Math.random cannot be
 * seeded in k6.
 *
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
