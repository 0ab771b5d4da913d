/**
 * Steps beyond a plain tool call: other methods, values that an answer leaves to later steps, and further expectations.
 * Only plans with such steps load this module, and with it further_answers.js.
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { answerError, BigInteger, responseIn } from "./answers.js";
import { exactText } from "./calculations.js";
import { isExpected, isExpectedText, isResultOf, valueAt } from "./further_answers.js";

export { isExpected, isExpectedText, isResultOf };

/**
 * @typedef {import("./answers.js").Method} Method
 *
 * @typedef {object} StepOptions
 * @property {Method} method
 * @property {Record<string, string> | null} save JSON pointers into the result, by the name of the saved value
 */

/** Statuses that say something about the user, and nothing about the request. */
const REFUSED_USER = [401, 403, 429];

/** @type {StepOptions} */
const PLAIN = Object.freeze({ method: "tools/call", save: null });

/** @type {Record<string, StepOptions>} by their JSON text */
const parsed = {};

/** Name of a saved value in braces, with the quotes that may stand around it. */
const PLACEHOLDER = /"?\{([A-Za-z_][A-Za-z0-9_]*)\}"?/g;

/** Return the options of a step. @param {string} text the step's last field: JSON, or nothing */
export function optionsOf(text) {
  if (text === "") return PLAIN;
  if (parsed[text] === undefined) parsed[text] = { ...PLAIN, ...JSON.parse(text) };
  return parsed[text];
}

/**
 * Return the values that an answer leaves to later steps, as JSON texts by name; null when one is missing.
 * @param {string} body @param {number} id of the request @param {Record<string, string>} save
 * @returns {Record<string, string> | null}
 */
export function savedValues(body, id, save) {
  const message = responseIn(body, id);
  /** @type {Record<string, string>} */
  const values = {};
  for (const name of Object.keys(save)) {
    const value = valueAt(message === null ? undefined : message.result, save[name]);
    if (value === undefined) return null;
    values[name] = jsonText(value);
  }
  return values;
}

/** Return JSON text that keeps every number as it is. @param {any} value @returns {string} */
function jsonText(value) {
  if (value instanceof BigInteger) return value.digits;
  if (typeof value === "number") return exactText(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.keys(value).map((name) => `${JSON.stringify(name)}:${jsonText(value[name])}`).join()}}`;
}

/** Kinds that expect a text, of which a saved value becomes a part. */
const TEXT_KINDS = ["text", "contains", "regex"];

/**
 * Return the arguments of a step with saved values inserted. Other methods than tools/call take texts only.
 * @param {string} argumentsText compact JSON @param {Record<string, string>} values JSON texts by name
 * @param {Method} method
 */
export function argumentsWith(argumentsText, values, method) {
  return insertSaved(argumentsText, values, method !== "tools/call");
}

/**
 * Return the expected answer of a step with saved values inserted.
 * @param {string} expectText compact JSON @param {Record<string, string>} values JSON texts by name
 * @param {string} kind of the expectation
 */
export function expectationWith(expectText, values, kind) {
  return insertSaved(expectText, values, TEXT_KINDS.includes(kind));
}

/**
 * Return JSON text with every "{name}" of a saved value replaced. A string that is nothing but the placeholder becomes the
 * value, of whatever type; within a longer string, and in the name of a member, its text is inserted.
 * @param {string} text compact JSON @param {Record<string, string>} values JSON texts by name
 * @param {boolean} [asText] whether strings stay strings
 */
export function insertSaved(text, values, asText = false) {
  return text.replace(PLACEHOLDER, (match, name, offset) => {
    const value = Object.prototype.hasOwnProperty.call(values, name) ? values[name] : undefined;
    if (value === undefined) return match;
    const end = offset + match.length;
    const opens = match[0] === '"' && text[offset - 1] !== "\\";
    const isWhole = opens && match[match.length - 1] === '"' && text[end] !== ":";
    if (isWhole && !asText) return value;
    const inner = value[0] === '"' ? value.slice(1, -1) : JSON.stringify(value).slice(1, -1);
    return match.replace(`{${name}}`, () => inner);
  });
}

/**
 * Return whether an answer with another status than 200 is the expected JSON-RPC error: servers also send 400 or 404 with
 * one. It must name the request, since 404 without its id means that the session is gone. A user who is refused (401, 403)
 * or asked to wait (429) got no answer at all. Python has the same rule (perf_core.server.client.steps).
 * @param {{status: number, body: unknown}} response @param {number} id @param {string} expectText
 */
export function isExpectedRefusal({ status, body }, id, expectText) {
  return status >= 400 && status <= 499 && !REFUSED_USER.includes(status) && answerError(String(body), id, "rpc_error", expectText) === null;
}
