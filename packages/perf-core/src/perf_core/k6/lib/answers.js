/**
 * Checks answers against expected ones, as JSON values. Under load answer_check.js is asked first, which is faster.
 * Pure: imports nothing of k6, so plain node can test it.
 */

/**
 * Kinds of expectation (perf_core.adapter.Expectation has their meanings):
 * `result`: structuredContent equals the expected JSON; `members`: it has the members of the expected JSON object;
 * `text`: the first text content equals the expected JSON string; `error`: a result with isError true; `any`: a result
 * without isError; `rpc_error`: a JSON-RPC error, with the expected code if there is one. The other kinds, and all other
 * methods, are judged by further_answers.js, which is passed in because most plans need none of it.
 *
 * @typedef {"result" | "members" | "text" | "error" | "any" | "contains" | "regex" | "json" | "paths" | "whole" | "shape"
 *   | "rpc_error"} ExpectKind
 * @typedef {"tools/call" | "resources/read" | "prompts/get" | "completion/complete"} Method
 *
 * @typedef {object} Further what further_answers.js adds
 * @property {(method: Method, result: any) => boolean} isResultOf
 * @property {(result: any, kind: ExpectKind, expectText: string, method: Method) => boolean} isExpected
 * @property {(text: string, kind: ExpectKind, expectText: string) => boolean} isExpectedText
 *
 * @typedef {"transport" | "http_status" | "jsonrpc_error" | "is_error" | "wrong_answer" | "timeout" | "rate_limited"
 *   | "unanswered" | "session_lost"
 * } ErrorClass
 *
 * @typedef {object} RpcMessage a JSON-RPC message, unchecked
 * @property {unknown} [jsonrpc]
 * @property {unknown} [id]
 * @property {string} [method] present in requests and notifications only
 * @property {any} [result]
 * @property {any} [error]
 */

/** @type {ExpectKind[]} */
export const EXPECT_KINDS = [
  "result", "members", "text", "contains", "regex", "json", "paths", "whole", "shape", "error", "rpc_error", "any",
];

/** @type {Method[]} */
export const METHODS = ["tools/call", "resources/read", "prompts/get", "completion/complete"];

/** @type {ErrorClass[]} */
export const ERROR_CLASSES = [
  "transport", "http_status", "jsonrpc_error", "is_error", "wrong_answer", "timeout", "rate_limited", "unanswered",
  "session_lost",
];

/** k6's error code for a request that took longer than its timeout (grafana.com/docs/k6, "Error codes"). */
const REQUEST_TIMEOUT_CODE = 1050;

/**
 * Return the error class that the HTTP exchange alone shows, before its body is read.
 * @param {number} status HTTP status; 0 without an answer
 * @param {number} errorCode k6's error code; 0 without an error
 * @returns {ErrorClass | null} null when the body decides
 */
export function exchangeError(status, errorCode) {
  if (status === 200) return null;
  if (status === 0) return errorCode === REQUEST_TIMEOUT_CODE ? "timeout" : "transport";
  return status === 429 ? "rate_limited" : "http_status";
}

/**
 * Return the error class of a status-200 answer, or null when the answer is right.
 *
 * A body that is not a JSON-RPC message, that the MCP schema refuses, or that answers another request, is a wrong answer:
 * the server accepted the call but did not return its result. An error object counts as `jsonrpc_error` when it carries
 * our id or none (a server that could not read the request answers with `id: null`).
 * @param {string} body JSON or SSE
 * @param {number} id of the request
 * @param {ExpectKind} kind @param {string} expectText expected JSON; not used by `error` and `any`
 * @param {Method} [method] @param {Further | null} [further] needed for other methods and kinds
 * @returns {ErrorClass | null}
 */
export function answerError(body, id, kind, expectText, method = "tools/call", further = null) {
  const message = responseIn(body, id);
  if (message === null || message.jsonrpc !== "2.0") return "wrong_answer";
  const { error, result } = message;
  if (error !== undefined) {
    const isOurs = message.id === id || message.id === null || message.id === undefined;
    if (!isOurs || result !== undefined || !isObject(error)) return "wrong_answer";
    return kind === "rpc_error" && message.id === id && isExpectedError(error, expectText) ? null : "jsonrpc_error";
  }
  if (message.id !== id) return "wrong_answer";
  if (method !== "tools/call") {
    const { isResultOf, isExpected } = /** @type {Further} */ (further);
    return isResultOf(method, result) && isExpected(result, kind, expectText, method) ? null : "wrong_answer";
  }
  if (!isToolResult(result)) return "wrong_answer";
  if (kind === "error") return result.isError === true ? null : "wrong_answer";
  if (result.isError === true) return "is_error";
  return hasExpectedContent(result, kind, expectText, further) ? null : "wrong_answer";
}

/** @param {any} error of JSON-RPC @param {string} expectText its code; empty or null for any */
function isExpectedError({ code, message }, expectText) {
  return Number.isInteger(code) && typeof message === "string"
    && (expectText === "" || expectText === "null" || code === Number(expectText));
}

/**
 * Return whether a value is a CallToolResult of the MCP schema, as far as every client relies on it.
 * @param {any} result
 */
function isToolResult(result) {
  return isObject(result)
    && Array.isArray(result.content)
    && result.content.every((/** @type {any} */ block) => isObject(block) && typeof block.type === "string")
    && (result.isError === undefined || typeof result.isError === "boolean");
}

/** @param {unknown} value */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @param {any} result of a tool @param {ExpectKind} kind @param {string} expectText @param {Further | null} further
 * @returns {boolean}
 */
function hasExpectedContent(result, kind, expectText, further) {
  switch (kind) {
    case "result":
      return sameValue(parseLossless(expectText), result.structuredContent);
    case "members": {
      const content = result.structuredContent;
      const expected = parseLossless(expectText);
      return isObject(content) && !(content instanceof BigInteger) && Object.keys(expected).every((name) =>
        Object.prototype.hasOwnProperty.call(content, name) && sameValue(expected[name], content[name]));
    }
    case "text": {
      const first = result.content.find((/** @type {any} */ block) => block.type === "text");
      return first !== undefined && first.text === JSON.parse(expectText);
    }
    case "any":
      return true;
    default:
      return /** @type {Further} */ (further).isExpected(result, kind, expectText, "tools/call");
  }
}

/**
 * Return the response in a body that is JSON or an SSE stream; null when there is none, or more than one to the request.
 * @param {string} body @param {number} id of the request; in a stream with several responses its own is taken
 * @param {(text: string) => any} [parse] JSON.parse where the values of big integers do not matter: it saves the 20 kB
 *   that the first regular expression costs a VU
 * @returns {RpcMessage | null}
 */
export function responseIn(body, id, parse = parseLossless) {
  try {
    const trimmed = body.trimStart();
    const messages = trimmed.startsWith("{") ? [parse(trimmed)] : parseSSEResponse(body, parse);
    const responses = messages.filter(isResponse);
    const own = responses.filter((message) => message.id === id);
    // Each request has one response (JSON-RPC 2.0).
    return own.length > 1 ? null : own[0] || responses[0] || null;
  } catch (error) {
    // A body that does not parse holds no response.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** @param {any} message */
function isResponse(message) {
  return typeof message === "object" && message !== null && message.method === undefined
    && (message.result !== undefined || message.error !== undefined);
}

/**
 * Return the JSON-RPC messages of a Server-Sent-Events stream, in order (HTML standard, section 9.2.6: lines end in CRLF,
 * LF or CR; the data lines of one event are joined by LF; an empty line ends the event, and an event without that end is
 * discarded: it may have been cut off).
 * @param {string} text @param {(text: string) => any} [parse] @returns {RpcMessage[]}
 * @throws {SyntaxError} when an event's data is not JSON
 */
export function parseSSEResponse(text, parse = parseLossless) {
  /** @type {RpcMessage[]} */
  const messages = [];
  /** @type {string[]} */
  let data = [];
  const lines = text.split(/\r\n|\n|\r/);
  lines.pop();
  for (const line of lines) {
    if (line === "" && data.length > 0) {
      // An event without text only carries the id from which a stream can be resumed.
      if (data.join("") !== "") messages.push(parse(data.join("\n")));
      data = [];
    } else if (line.startsWith("data:")) {
      data.push(line.startsWith("data: ") ? line.slice(6) : line.slice(5));
    }
  }
  return messages;
}

/** An integer of JSON text that a double cannot hold. */
export class BigInteger {
  /** @param {string} digits as written, sign included */
  constructor(digits) {
    this.digits = digits;
  }
}

/** Key that marks such an integer during JSON.parse; real JSON does not contain it. */
const BIG_KEY = "\u0000big integer";

/**
 * Parse JSON, keeping integers beyond 2^53 as BigInteger instead of rounding them.
 * @param {string} text @returns {any} @throws {SyntaxError}
 */
export function parseLossless(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;
  const marked = text.replace(stringOrNumber, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token))
      ? `{${JSON.stringify(BIG_KEY)}:"${token}"}`
      : token);
  return JSON.parse(marked, (_key, value) =>
    typeof value === "object" && value !== null && typeof value[BIG_KEY] === "string"
      ? new BigInteger(value[BIG_KEY])
      : value);
}

/**
 * Compare parsed JSON: the order of keys is free, 3 equals 3.0.
 *
 * Numbers are compared as doubles, but an expected integer beyond 2^53 must be matched exactly. Where a fraction or
 * exponent is expected, a long integer that is the same double is right, too.
 * @param {any} expected @param {any} actual @returns {boolean}
 */
export function sameValue(expected, actual) {
  if (expected instanceof BigInteger) {
    if (actual instanceof BigInteger) return actual.digits === expected.digits;
    return Number.isInteger(actual) && BigInt(actual) === BigInt(expected.digits);
  }
  if (actual instanceof BigInteger) return Number(actual.digits) === expected;
  if (typeof expected !== "object" || expected === null) return expected === actual;
  if (typeof actual !== "object" || actual === null || Array.isArray(expected) !== Array.isArray(actual)) return false;
  const keys = Object.keys(expected);
  return keys.length === Object.keys(actual).length
    && keys.every((key) => Object.prototype.hasOwnProperty.call(actual, key) && sameValue(expected[key], actual[key]));
}
