/**
 * The check of answers under load: as strict as answerError, at a fraction of its cost.
 *
 * Most answers of a tool differ only in the id and in the expected content. So the checker learns the text around them
 * from an answer that was parsed and found right, and compares later bodies as a whole: 2 µs instead of 20. Where the
 * content varies further, k6's JSON engine validates the body and picks out the parts that decide. Whatever neither
 * accepts is parsed; only that way can an answer be found wrong.
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { answerError } from "./answers.js";

/**
 * @typedef {import("./answers.js").ErrorClass} ErrorClass
 * @typedef {import("./answers.js").ExpectKind} ExpectKind
 *
 * @typedef {object} Answer the parts of k6's Response that are used
 * @property {unknown} body
 * @property {(selector: string) => any} [json] undefined when the body is not JSON
 *
 * @typedef {object} Pattern text around the parts that vary, learnt from one right answer
 * @property {string[]} parts constant texts, one more than slots
 * @property {number[]} slots parts that vary, in order: ID, EXPECTED, ESCAPED or VALUE
 * @property {number} misses right answers that did not match
 */

const ID = 0;
const EXPECTED = 1;
/** The expected JSON within a JSON string: servers repeat the structured content as text. */
const ESCAPED = 2;
/** The value in {"result":value}: FastMCP repeats a wrapped value as text without the wrapping. */
const VALUE = 3;

const WRAPPER = '{"result":';

/** Longer expected content is not compared as text, which would hold it twice in each VU. */
const LONGEST_ESCAPED = 1000;

/** Path segments of k6's selectors: names that need no escaping. */
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LONG_INTEGER = /\d{16}/;
const HEAD = 'id,"v":jsonrpc,"e":error,"x":result.isError,"n":result.content.#,"k":result.content.#.type';

/**
 * Return the expected JSON as it looks within a JSON string; empty where it is not compared in this way. Called once, when
 * a plan is read.
 * @param {ExpectKind} kind @param {string} expectText
 */
export function escapedText(kind, expectText) {
  return kind === "result" && expectText.length <= LONGEST_ESCAPED ? JSON.stringify(expectText).slice(1, -1) : "";
}

/** Make the checker of one VU. */
export function answerChecker() {
  /** @type {Record<string, Pattern>} by tool */
  const patterns = {};
  /** @type {Record<string, string>} selectors by the names of the expected members */
  const selectors = {};

  return check;

  /**
   * Return the error class of a status-200 answer to a tools/call, or null when the answer is right.
   * @param {Answer} answer
   * @param {number} id of the request
   * @param {string} tool
   * @param {ExpectKind} kind @param {string} expectText expected JSON @param {string} escaped from escapedText
   * @returns {ErrorClass | null}
   */
  function check(answer, id, tool, kind, expectText, escaped) {
    const body = String(answer.body);
    const pattern = patterns[tool];
    if (pattern !== undefined && matches(pattern, body, id, expectText, escaped)) return null;
    if (answer.json !== undefined && body.charAt(0) === "{" && isRight(answer, id, kind, expectText)) {
      if (isLearnable(kind, escaped, pattern)) learn(tool, body, id, expectText, escaped);
      return null;
    }
    const error = answerError(body, id, kind, expectText);
    if (error === null && isLearnable(kind, escaped, pattern)) learn(tool, body, id, expectText, escaped);
    return error;
  }

  /**
   * Return whether to learn from a right answer: the first one, and ever more seldom when patterns do not match.
   * @param {ExpectKind} kind @param {string} escaped @param {Pattern | undefined} pattern
   */
  function isLearnable(kind, escaped, pattern) {
    if (kind !== "text" && escaped === "") return false;
    if (pattern === undefined) return true;
    pattern.misses += 1;
    return (pattern.misses & (pattern.misses - 1)) === 0;
  }

  /** @param {string} tool @param {string} body @param {number} id @param {string} expectText @param {string} escaped */
  function learn(tool, body, id, expectText, escaped) {
    const pattern = patternOf(body, id, expectText, escaped);
    // Without the id as a part the body would have been right for one call only.
    if (pattern.slots.indexOf(ID) < 0 || pattern.slots.indexOf(EXPECTED) < 0) return;
    pattern.misses = patterns[tool] === undefined ? 0 : patterns[tool].misses;
    patterns[tool] = pattern;
  }

  /**
   * Return whether k6's JSON engine finds the answer right. It validates the whole body; false says nothing.
   * @param {Answer} answer @param {number} id @param {ExpectKind} kind @param {string} expectText
   */
  function isRight(answer, id, kind, expectText) {
    // As doubles, two such integers could be the same.
    if (LONG_INTEGER.test(expectText)) return false;
    /** @type {Record<string, any>} */
    let members = {};
    let selector = `{${HEAD}}`;
    if (kind === "members") {
      members = JSON.parse(expectText);
      const names = Object.keys(members);
      const key = names.join();
      selector = selectors[key];
      if (selector === undefined) {
        if (!names.every((name) => PLAIN_NAME.test(name))) return false;
        const picked = names.map((name) => `,"m_${name}":result.structuredContent.${name}.@tostr`).join("");
        selector = selectors[key] = `{${HEAD}${picked}}`;
      }
    } else if (kind === "result") {
      selector = `{${HEAD},"s":result.structuredContent.@tostr}`;
    } else if (kind === "text") {
      selector = `{${HEAD},"s":result.content.0.text.@tostr}`;
    }
    const seen = /** @type {any} */ (answer).json(selector);
    // k6 returns undefined for a body that is not JSON.
    if (seen === undefined || seen.id !== id || seen.v !== "2.0" || seen.e !== undefined) return false;
    const types = seen.k;
    if (types === undefined || seen.n !== types.length) return false;
    for (const type of types) if (typeof type !== "string") return false;
    if (kind === "error") return seen.x === true;
    if (seen.x !== undefined && seen.x !== false) return false;
    switch (kind) {
      case "any": return true;
      case "result": return seen.s === expectText;
      case "text": return types[0] === "text" && seen.s === expectText;
      default:
        return Object.keys(members).every((name) => seen[`m_${name}`] === JSON.stringify(members[name]));
    }
  }
}

/**
 * @param {Pattern} pattern @param {string} body @param {number} id @param {string} expectText @param {string} escaped
 */
function matches({ parts, slots }, body, id, expectText, escaped) {
  let text = parts[0];
  for (let index = 0; index < slots.length; index += 1) {
    const slot = slots[index];
    if (slot === ID) text += id;
    else if (slot === EXPECTED) text += expectText;
    else if (slot === ESCAPED) text += escaped;
    else text += expectText.slice(WRAPPER.length, -1);
    text += parts[index + 1];
  }
  return text === body;
}

/**
 * Split a right answer at its id and at every repetition of the expected content.
 * @param {string} body @param {number} id @param {string} expectText @param {string} escaped @returns {Pattern}
 */
export function patternOf(body, id, expectText, escaped) {
  /** @type {[slot: number, before: string, text: string, after: string][]} */
  const tokens = [[ID, '"id":', String(id), ""]];
  // Text without quotes could also stand within a string, where another content would need quotes escaped.
  if (expectText.includes('"')) tokens.push([EXPECTED, "", expectText, ""]);
  if (escaped !== "" && escaped !== expectText) tokens.push([ESCAPED, "", escaped, ""]);
  if (isWrappedNumber(expectText)) tokens.push([VALUE, '"text":"', expectText.slice(WRAPPER.length, -1), '"']);
  /** @type {Pattern} */
  const pattern = { parts: [], slots: [], misses: 0 };
  let start = 0;
  for (;;) {
    let first = -1;
    let token = tokens[0];
    for (const each of tokens) {
      const at = body.indexOf(each[1] + each[2] + each[3], start);
      if (at >= 0 && (first < 0 || at < first)) {
        first = at;
        token = each;
      }
    }
    if (first < 0) break;
    const [slot, before, text] = token;
    pattern.parts.push(body.slice(start, first + before.length));
    pattern.slots.push(slot);
    start = first + before.length + text.length;
  }
  pattern.parts.push(body.slice(start));
  return pattern;
}

/** @param {string} expectText */
function isWrappedNumber(expectText) {
  return expectText.startsWith(WRAPPER) && /^-?\d[\d.eE+-]*$/.test(expectText.slice(WRAPPER.length, -1));
}
