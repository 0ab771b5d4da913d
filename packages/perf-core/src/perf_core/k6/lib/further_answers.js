/**
 * Answers to requests other than tools/call, and the expectations that answers.js does not judge itself. Only plans that
 * need them load this module (virtual_user.js), because every VU would pay for its memory.
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { BigInteger, parseLossless, sameValue } from "./answers.js";

/**
 * @typedef {import("./answers.js").ExpectKind} ExpectKind
 * @typedef {import("./answers.js").Method} Method
 */

/** Members of a result that belong to the protocol, and differ between its revisions; `isError` is judged apart. */
const PROTOCOL_MEMBERS = ["_meta", "resultType", "ttlMs", "cacheScope", "isError"];

/** Compiled patterns that are kept; a plan may draw ever new ones. */
const MOST_PATTERNS = 100;

/** @type {Record<string, RegExp>} by their JSON text */
let patterns = {};
let patternCount = 0;

/**
 * Return whether a value is the result of this method as the MCP schema has it, as far as every client relies on it.
 * @param {Method} method other than tools/call @param {any} result
 */
export function isResultOf(method, result) {
  if (!isObject(result)) return false;
  switch (method) {
    case "resources/read":
      return Array.isArray(result.contents) && result.contents.every((/** @type {any} */ part) =>
        isObject(part) && typeof part.uri === "string" && (typeof part.text === "string" || typeof part.blob === "string"));
    case "prompts/get":
      return Array.isArray(result.messages) && result.messages.every((/** @type {any} */ message) =>
        isObject(message) && (message.role === "user" || message.role === "assistant")
        && isObject(message.content) && typeof message.content.type === "string");
    case "completion/complete":
      return isObject(result.completion) && Array.isArray(result.completion.values)
        && result.completion.values.every((/** @type {any} */ value) => typeof value === "string");
    default:
      return false;
  }
}

/**
 * Return whether a result without isError is the expected one. `result` and `members` are of tools, and judged in answers.js.
 * @param {any} result of the method's form @param {ExpectKind} kind @param {string} expectText @param {Method} method
 * @returns {boolean}
 */
export function isExpected(result, kind, expectText, method) {
  switch (kind) {
    case "any":
      return true;
    case "text":
    case "contains":
    case "regex":
    case "json": {
      const text = firstText(result, method);
      return typeof text === "string" && isExpectedText(text, kind, expectText);
    }
    case "paths": {
      const expected = parseLossless(expectText);
      return Object.keys(expected).every((pointer) => {
        const value = valueAt(result, pointer);
        return value !== undefined && sameValue(expected[pointer], value);
      });
    }
    case "whole":
      return sameValue(contentOf(parseLossless(expectText)), contentOf(result));
    case "shape":
      return hasShape(result, JSON.parse(expectText));
    default:
      return false;
  }
}

/**
 * Return whether the first text of a result is the expected one.
 * @param {string} text @param {ExpectKind} kind text, contains, regex or json @param {string} expectText
 * @returns {boolean}
 */
export function isExpectedText(text, kind, expectText) {
  switch (kind) {
    case "text": return text === JSON.parse(expectText);
    case "contains": return text.includes(JSON.parse(expectText));
    case "regex": return patternOf(expectText).test(text);
    default: return hasMembers(jsonIn(text), parseLossless(expectText));
  }
}

/**
 * Return the first text of a result: of a tool's content, of a resource's contents, of a prompt's messages, or the first
 * value of a completion; undefined without one.
 * @param {any} result @param {Method} method
 */
function firstText(result, method) {
  switch (method) {
    case "resources/read":
      return textMember(result.contents.find((/** @type {any} */ part) => typeof part.text === "string"));
    case "prompts/get":
      return textMember(result.messages.map((/** @type {any} */ each) => each.content).find(isTextBlock));
    case "completion/complete":
      return result.completion.values[0];
    default:
      return textMember(result.content.find(isTextBlock));
  }
}

/** @param {any} block */
function isTextBlock(block) {
  return block.type === "text";
}

/** @param {any} part */
function textMember(part) {
  return part === undefined ? undefined : part.text;
}

/** @param {string} expectText JSON string */
function patternOf(expectText) {
  if (patterns[expectText] === undefined) {
    if (patternCount === MOST_PATTERNS) {
      patterns = {};
      patternCount = 0;
    }
    patterns[expectText] = regularExpression(JSON.parse(expectText));
    patternCount += 1;
  }
  return patterns[expectText];
}

/**
 * Compile a pattern that sees characters, as Python does, and not the halves of those beyond U+FFFF. That mode forbids some
 * escapes, such as of a hyphen, which Python allows.
 * @param {string} pattern @throws {SyntaxError} when it is none for this engine: k6's refuses a thousand repeats and more
 */
export function regularExpression(pattern) {
  try {
    return new RegExp(pattern, "u");
  } catch (_error) {
    return new RegExp(pattern);
  }
}

/** @param {any} value @param {any} expected an object */
function hasMembers(value, expected) {
  return isObject(value) && Object.keys(expected).every((name) =>
    Object.prototype.hasOwnProperty.call(value, name) && sameValue(expected[name], value[name]));
}

/** Return a result without the members of the protocol. @param {any} result */
function contentOf(result) {
  if (!isObject(result)) return result;
  const content = { ...result };
  for (const name of PROTOCOL_MEMBERS) delete content[name];
  return content;
}

/**
 * Return whether a value has the expected types: an object those of its required members, a list that of every element.
 * @param {any} value @param {any} types @returns {boolean}
 */
export function hasShape(value, types) {
  if (Array.isArray(types)) {
    return Array.isArray(value) && (types.length === 0 || value.every((each) => hasShape(each, types[0])));
  }
  switch (types) {
    case "any": return true;
    case "null": return value === null;
    case "number": return typeof value === "number" || value instanceof BigInteger;
    case "string": case "boolean": return typeof value === types;
    default:
      return isObject(types) && isObject(value) && Object.keys(types).every((name) =>
        Object.prototype.hasOwnProperty.call(value, name) && hasShape(value[name], types[name]));
  }
}

/**
 * Return the value at a JSON pointer (RFC 6901); undefined when there is none. A pointer that goes on after a text of JSON
 * goes on within that JSON: many servers answer with nothing else.
 * @param {any} value @param {string} pointer @returns {any}
 */
export function valueAt(value, pointer) {
  let at = value;
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replace(/~1/g, "/").replace(/~0/g, "~");
    if (typeof at === "string") at = jsonIn(at);
    if (Array.isArray(at)) at = /^(0|[1-9]\d*)$/.test(name) ? at[Number(name)] : undefined;
    else at = isObject(at) && Object.prototype.hasOwnProperty.call(at, name) ? at[name] : undefined;
    if (at === undefined) return undefined;
  }
  return at;
}

/** Return the JSON value in a text; undefined when it is none. @param {string} text @returns {any} */
function jsonIn(text) {
  try {
    return parseLossless(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** @param {unknown} value */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof BigInteger);
}
