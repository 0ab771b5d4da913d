/**
 * The check of answers under load: as strict as answerError, at a fraction of its cost.
 *
 * Most answers of a tool differ only in the id and in the expected content. So the checker learns the text around them
 * from an answer that was parsed and found right, and compares later bodies as a whole: 4 µs instead of 20. Where the
 * content varies further, k6's JSON engine validates the body and picks out the parts that decide. Whatever neither
 * accepts is parsed; only that way can an answer be found wrong.
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { answerError } from "./answers.js";

/**
 * @typedef {import("./answers.js").ErrorClass} ErrorClass
 * @typedef {import("./answers.js").ExpectKind} ExpectKind
 * @typedef {import("./answers.js").Further} Further
 * @typedef {import("./answers.js").Method} Method
 *
 * @typedef {object} Answer the parts of k6's Response that are used
 * @property {unknown} body
 * @property {(selector: string) => any} [json] undefined when the body is not JSON
 *
 * @typedef {object} Pattern text around the parts that vary, learnt from one right answer
 * @property {string[]} parts constant texts, one more than slots
 * @property {number[]} slots parts that vary, in order: ID, EXPECTED, ESCAPED or VALUE
 *
 * @typedef {(body: string, id: number, expectText: string) => boolean} Matcher
 */

const ID = 0;
const EXPECTED = 1;
/** The expected JSON within a JSON string: servers repeat the structured content as text. */
const ESCAPED = 2;
/** The value in {"result":value}: FastMCP repeats a wrapped value as text without the wrapping. */
const VALUE = 3;

const WRAPPER = '{"result":';

/** Text before the content that an expectation is about: elsewhere it is a copy within another result. */
const RESULT = '"result":';
const STRUCTURED_CONTENT = '"structuredContent":';

/** Path segments of k6's selectors: names that need no escaping. */
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const PLAIN_POINTER = /^(\/([A-Za-z_][A-Za-z0-9_]*|0|[1-9][0-9]*))+$/;
const LONG_INTEGER = /\d{16}/;
const HEAD = 'id,"v":jsonrpc,"e":error,"x":result.isError,"n":result.content.#,"k":result.content.#.type';

const HEAD_SELECTOR = `{${HEAD}}`;
const TEXT_SELECTOR = `{${HEAD},"s":result.content.0.text}`;

/** @type {Partial<Record<ExpectKind, string>>} none for kinds that k6's JSON engine cannot judge */
const SELECTORS = {
  result: `{${HEAD},"s":result.structuredContent.@tostr}`,
  text: `{${HEAD},"s":result.content.0.text.@tostr}`,
  whole: `{${HEAD},"s":result.@tostr}`,
  contains: TEXT_SELECTOR,
  regex: TEXT_SELECTOR,
  json: TEXT_SELECTOR,
};

/** Return JSON as it looks within a JSON string. @param {string} text */
function escaped(text) {
  return JSON.stringify(text).slice(1, -1);
}

/**
 * Make the checker of one VU.
 * @param {Further | null} [further] needed for other methods than tools/call, and for further kinds of expectation
 */
export function answerChecker(further = null) {
  // One set for each kind: what is expected of one kind must not be looked for in the place of another.
  /** @type {Record<string, Matcher>} by tool */
  const resultMatchers = Object.create(null);
  /** @type {Record<string, Matcher>} by tool */
  const textMatchers = Object.create(null);
  /** @type {Record<string, Matcher>} by tool */
  const wholeMatchers = Object.create(null);
  /** @type {Record<string, Matcher>} of kinds of which nothing is learnt */
  const noMatchers = Object.freeze(Object.create(null));
  /** @type {Record<string, number>} right answers that did not match, by kind and tool */
  const misses = {};
  /** @type {Record<string, string>} selectors by the names of the expected members, or the expected pointers */
  const selectors = Object.create(null);

  return check;

  /**
   * Return the error class of a status-200 answer, or null when the answer is right.
   * @param {Answer} answer
   * @param {number} id of the request
   * @param {string} tool or the name in figures of another request
   * @param {ExpectKind} kind @param {string} expectText expected JSON
   * @param {Method} [method] tools/call without one; no default here, since it would cost every call
   * @returns {ErrorClass | null}
   */
  function check(answer, id, tool, kind, expectText, method) {
    const body = /** @type {string} */ (answer.body);
    const matchers = kind === "result" ? resultMatchers : kind === "text" ? textMatchers : kind === "whole" ? wholeMatchers : noMatchers;
    const isExpected = matchers[tool];
    if (isExpected !== undefined && isExpected(body, id, expectText)) return null;
    return slowCheck(answer, body === null ? "" : body, id, tool, kind, expectText, matchers, method);
  }

  /**
   * @param {Answer} answer @param {string} body
   * @param {number} id @param {string} tool
   * @param {ExpectKind} kind @param {string} expectText
   * @param {Record<string, Matcher>} matchers of the kind @param {Method} [method]
   * @returns {ErrorClass | null}
   */
  function slowCheck(answer, body, id, tool, kind, expectText, matchers, method = "tools/call") {
    const isJson = method === "tools/call" && answer.json !== undefined && body.charAt(0) === "{";
    if (!isJson || !isRight(answer, id, kind, expectText)) {
      const error = answerError(body, id, kind, expectText, method, further);
      if (error !== null) return error;
    }
    if (matchers !== noMatchers) learn(matchers, `${kind} ${tool}`, tool, body, id, expectText);
    return null;
  }

  /**
   * Learn from a right answer: the first one, and ever more seldom when patterns do not match.
   * @param {Record<string, Matcher>} matchers @param {string} key kind and tool @param {string} tool
   * @param {string} body @param {number} id @param {string} expectText
   */
  function learn(matchers, key, tool, body, id, expectText) {
    const count = misses[key] || 0;
    misses[key] = count + 1;
    if ((count & (count - 1)) !== 0) return;
    const pattern = patternOf(body, id, expectText);
    const { parts, slots } = pattern;
    // Without the id as a part the body would have been right for one call only.
    if (slots.indexOf(ID) < 0) return;
    const before = matchers === resultMatchers ? STRUCTURED_CONTENT : matchers === wholeMatchers ? RESULT : "";
    if (!slots.some((slot, index) => slot === EXPECTED && parts[index].endsWith(before))) return;
    matchers[tool] = matcherOf(pattern);
  }

  /**
   * Return whether k6's JSON engine finds the answer right. It validates the whole body; false says nothing.
   * @param {Answer} answer @param {number} id @param {ExpectKind} kind @param {string} expectText
   */
  function isRight(answer, id, kind, expectText) {
    /** @type {Record<string, any>} */
    let members = {};
    let selector = HEAD_SELECTOR;
    // Kinds whose answers are never compared as a whole come first: each test costs every one of their calls.
    if (kind !== "any" && kind !== "error") {
      // As doubles, two such integers could be the same.
      if (LONG_INTEGER.test(expectText)) return false;
      if (kind === "members" || kind === "paths") {
        members = JSON.parse(expectText);
        const names = Object.keys(members);
        const key = names.join();
        selector = selectors[key];
        if (selector === undefined) selector = selectors[key] = kind === "members" ? memberSelector(names) : pathSelector(names);
      } else {
        selector = SELECTORS[kind] || "";
      }
      if (selector === "") return false;
    }
    const seen = /** @type {any} */ (answer).json(selector);
    // k6 returns undefined for a body that is not JSON.
    if (seen === undefined || seen.id !== id || seen.v !== "2.0" || seen.e !== undefined) return false;
    const types = seen.k;
    if (types === undefined || seen.n !== types.length) return false;
    for (const type of types) if (typeof type !== "string") return false;
    if (kind === "error") return seen.x === true;
    if (seen.x !== undefined && seen.x !== false) return false;
    if (kind === "any") return true;
    if (kind === "members") return Object.keys(members).every((name) => seen[`m_${name}`] === JSON.stringify(members[name]));
    if (kind === "result" || kind === "whole") return seen.s === expectText;
    if (kind === "paths") {
      return Object.keys(members).every((pointer, index) => seen[`p_${index}`] === JSON.stringify(members[pointer]));
    }
    if (types[0] !== "text") return false;
    if (kind === "text") return seen.s === expectText;
    return typeof seen.s === "string" && /** @type {Further} */ (further).isExpectedText(seen.s, kind, expectText);
  }
}

/** Return the selector of some members of the structured content; empty for none and for names that need escaping. @param {string[]} names */
function memberSelector(names) {
  // Without members it would ask nothing of the structured content, which may be a list or absent.
  if (names.length === 0 || !names.every((name) => PLAIN_NAME.test(name))) return "";
  return `{${HEAD}${names.map((name) => `,"m_${name}":result.structuredContent.${name}.@tostr`).join("")}}`;
}

/** Return the selector of values within the result; empty for pointers that need escaping. @param {string[]} pointers */
function pathSelector(pointers) {
  if (!pointers.every((pointer) => PLAIN_POINTER.test(pointer))) return "";
  return `{${HEAD}${pointers.map((pointer, index) => `,"p_${index}":result${pointer.replace(/\//g, ".")}.@tostr`).join("")}}`;
}

/**
 * Return the comparison of a body with a pattern. The usual patterns are one template each, which k6's engine fills at
 * once; a loop costs 5 µs more.
 * @param {Pattern} pattern @returns {Matcher}
 */
export function matcherOf({ parts, slots }) {
  const [a, b, c, d] = parts;
  switch (slots.join()) {
    case `${ID},${VALUE},${EXPECTED}`: return (body, id, expectText) =>
      body === `${a}${id}${b}${expectText.slice(WRAPPER.length, -1)}${c}${expectText}${d}`;
    case `${ID},${ESCAPED},${EXPECTED}`: return (body, id, expectText) =>
      body === `${a}${id}${b}${escaped(expectText)}${c}${expectText}${d}`;
    case `${ID},${EXPECTED}`: return (body, id, expectText) =>
      body === `${a}${id}${b}${expectText}${c}`;
    default: return (body, id, expectText) => {
      const values = [id, expectText, escaped(expectText), expectText.slice(WRAPPER.length, -1)];
      return body === slots.reduce((text, slot, index) => text + values[slot] + parts[index + 1], a);
    };
  }
}

/**
 * Split a right answer at its id and at every repetition of the expected content.
 * @param {string} body @param {number} id @param {string} expectText @returns {Pattern}
 */
export function patternOf(body, id, expectText) {
  /** @type {[slot: number, before: string, text: string, after: string][]} */
  const tokens = [[ID, '"id":', String(id), ""]];
  // Text without quotes could also stand within a string, where another content would need quotes escaped.
  if (expectText.includes('"')) tokens.push([EXPECTED, "", expectText, ""], [ESCAPED, "", escaped(expectText), ""]);
  if (isWrappedNumber(expectText)) tokens.push([VALUE, '"text":"', expectText.slice(WRAPPER.length, -1), '"']);
  /** @type {Pattern} */
  const pattern = { parts: [], slots: [] };
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
