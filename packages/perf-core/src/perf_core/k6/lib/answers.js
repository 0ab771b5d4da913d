/**
 * Checks answers against expected ones: as text first, as JSON values when the text differs.
 * Pure: imports nothing of k6, so plain node can test it.
 */

/**
 * Kinds of expectation:
 * `result`: structuredContent equals the expected JSON; `members`: it has the members of the expected JSON object;
 * `text`: the first text content equals the expected JSON string; `error`: a result with isError true; `any`: a result
 * without isError.
 *
 * @typedef {"result" | "members" | "text" | "error" | "any"} ExpectKind
 *
 * @typedef {"transport" | "http_status" | "jsonrpc_error" | "is_error" | "wrong_answer" | "timeout" | "rate_limited"
 *   | "unanswered" | "session_lost"
 * } ErrorClass
 *
 * @typedef {object} RpcMessage a JSON-RPC message, unchecked
 * @property {unknown} [id]
 * @property {string} [method] present in requests and notifications only
 * @property {any} [result]
 * @property {any} [error]
 */

/** @type {ExpectKind[]} */
export const EXPECT_KINDS = ["result", "members", "text", "error", "any"];

/** @type {ErrorClass[]} */
export const ERROR_CLASSES = [
  "transport", "http_status", "jsonrpc_error", "is_error", "wrong_answer", "timeout", "rate_limited", "unanswered",
  "session_lost",
];

const STRUCTURED = '"structuredContent":';
const TEXT = '"text":';
const IS_ERROR = '"isError":true';
const VERSION = '"jsonrpc"';

/** k6's error code for a request that took longer than its timeout (grafana.com/docs/k6, "Error codes"). */
const REQUEST_TIMEOUT_CODE = 1050;

/**
 * Return the text that a right answer contains if the server encodes it as most do. Called once, when a plan is read.
 * @param {ExpectKind} kind @param {string} expectText JSON text
 */
export function needleOf(kind, expectText) {
  switch (kind) {
    case "result": return STRUCTURED + expectText;
    // Members in this order at the start are matched as text, any others after parsing.
    case "members": return STRUCTURED + expectText.slice(0, -1);
    case "text": return TEXT + expectText;
    case "error": return IS_ERROR;
    case "any": return '"result":{';
  }
}

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
 * Return the error class of a status-200 answer to a tools/call, or null when the answer is right.
 * @param {string} body JSON or SSE
 * @param {number} id of the request
 * @param {ExpectKind} kind @param {string} needle from needleOf
 * @returns {ErrorClass | null}
 */
export function answerError(body, id, kind, needle) {
  return looksRight(body, id, kind, needle) ? null : parsedAnswerError(body, id, kind, needle);
}

/**
 * Check the answer as text. Cheap and strict: an answer that it rejects may still be right.
 * @param {string} body @param {number} id @param {ExpectKind} kind @param {string} needle from needleOf
 */
function looksRight(body, id, kind, needle) {
  const idText = '"id":' + id;
  const contains = kind === "members"
    ? body.includes(`${needle},`) || body.includes(`${needle}}`)
    : body.includes(needle);
  return contains
    && (body.includes(idText + ",") || body.includes(idText + "}"))
    && (kind === "error" || !body.includes(IS_ERROR))
    // In a stream of several messages the id could belong to one and the content to another.
    && (body.startsWith("{") || body.indexOf(VERSION) === body.lastIndexOf(VERSION));
}

/**
 * Check the parsed answer.
 *
 * A body that is not a JSON-RPC message, or that answers another request, is a wrong answer: the server accepted the
 * call but did not return its result. An error object counts as `jsonrpc_error` when it carries our id or none (a server
 * that could not read the request answers with `id: null`).
 * @param {string} body @param {number} id @param {ExpectKind} kind @param {string} needle from needleOf
 * @returns {ErrorClass | null}
 */
export function parsedAnswerError(body, id, kind, needle) {
  const message = responseIn(body, id);
  if (message === null) return "wrong_answer";
  if (message.error !== undefined) {
    return message.id === id || message.id === null || message.id === undefined ? "jsonrpc_error" : "wrong_answer";
  }
  const result = message.result;
  if (message.id !== id || typeof result !== "object" || result === null) return "wrong_answer";
  if (kind === "error") return result.isError === true ? null : "wrong_answer";
  if (result.isError === true) return "is_error";
  return hasExpectedContent(result, kind, needle) ? null : "wrong_answer";
}

/** @param {any} result @param {ExpectKind} kind @param {string} needle from needleOf */
function hasExpectedContent(result, kind, needle) {
  switch (kind) {
    case "result":
      return sameValue(parseLossless(needle.slice(STRUCTURED.length)), result.structuredContent);
    case "members": {
      const content = result.structuredContent;
      const expected = parseLossless(`${needle.slice(STRUCTURED.length)}}`);
      return typeof content === "object" && content !== null && Object.keys(expected).every((name) =>
        Object.prototype.hasOwnProperty.call(content, name) && sameValue(expected[name], content[name]));
    }
    case "text": {
      const texts = Array.isArray(result.content)
        ? result.content.filter((/** @type {any} */ block) => block !== null && block.type === "text")
        : [];
      return texts.length > 0 && texts[0].text === JSON.parse(needle.slice(TEXT.length));
    }
    default:
      return true;
  }
}

/**
 * Return the response in a body that is JSON or an SSE stream; null when there is none.
 * @param {string} body @param {number} id of the request; in a stream with several responses this one is taken
 * @param {(text: string) => any} [parse] JSON.parse where the values of big integers do not matter: it saves the 20 kB
 *   that the first regular expression costs a VU
 * @returns {RpcMessage | null}
 */
export function responseIn(body, id, parse = parseLossless) {
  try {
    const trimmed = body.trimStart();
    const messages = trimmed.startsWith("{") ? [parse(trimmed)] : parseSSEResponse(body, parse);
    const responses = messages.filter(isResponse);
    return responses.find((message) => message.id === id) || responses[0] || null;
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
 * LF or CR; the data lines of one event are joined by LF; an empty line ends the event).
 * @param {string} text @param {(text: string) => any} [parse] @returns {RpcMessage[]}
 * @throws {SyntaxError} when an event's data is not JSON
 */
export function parseSSEResponse(text, parse = parseLossless) {
  /** @type {RpcMessage[]} */
  const messages = [];
  /** @type {string[]} */
  let data = [];
  for (const line of (text + "\n\n").split(/\r\n|\n|\r/)) {
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
