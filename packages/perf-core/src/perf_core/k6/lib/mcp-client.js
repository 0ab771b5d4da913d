/**
 * MCP calls for your own k6 scripts, as plain functions. docs/k6.md has a complete script.
 *
 * Environment: SERVER_URL, the server (default http://127.0.0.1:8100; /mcp is added to a URL without a path), and WIRE,
 * `session` (default) or `stateless`. Both are checked when k6 loads the script.
 *
 * A failed request is a return value, not an exception: `error` is null on success, else a sentence that says what was
 * expected and what arrived instead; `errorClass` is one of the classes in answers.js. Calls and errors are also counted
 * in the metrics of metrics.js.
 */

import { exchangeError, parseSSEResponse as parseEvents, sameValue } from "./answers.js";
import { calculation, OPERATIONS } from "./calculations.js";
import { readConfig } from "./config.js";
import * as metrics from "./metrics.js";
import { SettingsError } from "./settings.js";
import { headerOf, mcpClient } from "./vu_client.js";
import { PROTOCOL_VERSIONS } from "./wire.js";

/**
 * @typedef {import("./answers.js").ErrorClass} ErrorClass
 * @typedef {import("./answers.js").RpcMessage} RpcMessage
 * @typedef {import("./vu_client.js").Reply} Reply
 *
 * @typedef {object} Outcome fields of every return value
 * @property {string | null} error null on success
 * @property {ErrorClass | null} errorClass null on success
 * @property {number} status HTTP status; 0 without an answer, or when no request was needed
 * @property {number} duration_ms
 *
 * @typedef {object} SessionFields
 * @property {string | null} sessionId null on the stateless wire and for a server without session ids
 * @property {string} protocolVersion
 * @property {any} serverInfo name and version of the server; null on the stateless wire
 *
 * @typedef {Outcome & SessionFields} Session plain data, so setup() can return it
 *
 * @typedef {object} ToolFields
 * @property {any} result the structured content, or its `result` where that is its only member: 8 for {"result": 8};
 *   null on failure or without structured content
 * @property {any} structuredContent null on failure or when the tool sends none
 * @property {any[]} content blocks of text, images and so on; empty on failure
 * @property {string} text the text blocks of `content`, joined by line breaks
 * @property {boolean} isError true when the tool reported an error, and also when no result arrived
 *
 * @typedef {Outcome & ToolFields} ToolResult
 */

const REQUEST_TIMEOUT_S = 30;
const EXCERPT_CHARACTERS = 200;
/** Pages of a list beyond which it is taken for endless, as the lab's own client has it. */
const MOST_PAGES = 200;
const NO_RESULT = { result: null, structuredContent: null, content: [], text: "", isError: true };

const { url, healthUrl, environment, revision, users } = readConfig();
const wire = environment.WIRE || "session";
if (wire !== "session" && wire !== "stateless") throw new SettingsError("WIRE", '"session" or "stateless"', wire);
const client = mcpClient({ url, healthUrl, wire, requestTimeoutS: REQUEST_TIMEOUT_S, revision, users });

/** Session that `client` uses. @type {string | null} */
let currentId = null;

/**
 * Open a session. The stateless wire has none to open, so no request is sent there.
 * @returns {Session}
 */
export function initializeSession() {
  client.forgetSession();
  const opening = client.initializeSession();
  const { error, response, message } = opening;
  const result = error === null && message !== null ? message.result : {};
  currentId = error === null && response !== null ? headerOf(response, "mcp-session-id") : null;
  return counted("initialize", {
    ...outcomeOf(opening),
    sessionId: currentId,
    protocolVersion: wire === "session" ? result.protocolVersion || PROTOCOL_VERSIONS.session : PROTOCOL_VERSIONS.stateless,
    serverInfo: result.serverInfo || null,
  });
}

/**
 * Call a tool.
 * @param {Session} session
 * @param {string} name
 * @param {object} [args] arguments of the tool
 * @returns {ToolResult}
 */
export function callTool(session, name, args = {}) {
  const failure = openingFailure(session);
  return failure === null ? counted(name, toolResult(name, JSON.stringify(args))) : { ...failure, ...NO_RESULT };
}

/**
 * List all tools of the server.
 * @param {Session} session
 * @returns {Outcome & {tools: any[]}} each tool with name, description and schemas; on failure those listed so far
 */
export function listTools(session) {
  const failure = openingFailure(session);
  if (failure !== null) return { ...failure, tools: [] };
  /** @type {any[]} */
  const tools = [];
  /** @type {Set<string>} */
  const asked = new Set();
  let members = "";
  for (;;) {
    asked.add(members);
    const reply = client.request("tools/list", members);
    const page = reply.error === null && reply.message !== null ? reply.message.result : {};
    const nextMembers = page.nextCursor ? `"cursor":${JSON.stringify(page.nextCursor)}` : "";
    if (Array.isArray(page.tools)) tools.push(...page.tools);
    else if (reply.error === null) reply.error = "wrong_answer";
    // A list without an end would be followed for ever.
    const isEndless = asked.has(nextMembers) || asked.size === MOST_PAGES;
    if (reply.error === null && nextMembers !== "" && isEndless) {
      const error = `expected a last page without a nextCursor, got one on each of ${asked.size} pages`;
      return counted("tools/list", { ...outcomeOf(reply), error, errorClass: "wrong_answer", tools });
    }
    if (reply.error !== null || nextMembers === "") return counted("tools/list", { ...outcomeOf(reply), tools });
    members = nextMembers;
  }
}

/**
 * End a session on the server. The stateless wire has none to end, so no request is sent there.
 * @param {Session} session
 * @returns {Outcome}
 */
export function deleteSession(session) {
  const failure = openingFailure(session);
  if (failure !== null) return failure;
  const response = client.deleteSession();
  const ended = response === null || (response.status >= 200 && response.status <= 299);
  return outcomeOf(exchangeReply(response, !ended));
}

/**
 * Parse the JSON-RPC messages of a Server-Sent-Events body, in order. The last event may lack the empty line at its end.
 * @param {string} body
 * @returns {RpcMessage[]}
 * @throws {SyntaxError} when the data of an event is not JSON
 */
export function parseSSEResponse(body) {
  return parseEvents(`${body}\n\n`, (data) => {
    try {
      return JSON.parse(data);
    } catch (_error) {
      throw new SyntaxError(`expected JSON as the data of an event, got ${excerpt(data)}`);
    }
  });
}

/**
 * Call an operation of the calculator and check its answer: `error` is null when the answer is right. The right answer to
 * a division by zero is an error of the tool.
 * @param {string} name add, subtract, multiply or divide
 * @param {number} a
 * @param {number} b
 * @param {Session} [session] if omitted, a session is opened for this call and deleted after it
 * @returns {ToolResult}
 */
export function performCalculation(name, a, b, session) {
  if (!(name in OPERATIONS)) throw new TypeError(`expected one of ${Object.keys(OPERATIONS).join(", ")}, got ${name}`);
  const [tool, argumentsText, kind, expectText] = calculation(name, a, b);
  const used = session || initializeSession();
  const failure = openingFailure(used);
  if (failure !== null) return { ...failure, ...NO_RESULT };
  const answer = toolResult(tool, argumentsText);
  if (session === undefined) deleteSession(used);
  const mustFail = kind === "error";
  const right = mustFail
    ? answer.errorClass === "is_error"
    : answer.error === null && sameValue(JSON.parse(expectText), answer.structuredContent);
  if (right) return { ...answer, error: null, errorClass: null };
  if (answer.error !== null) return counted(name, answer);
  const error = `expected ${mustFail ? "an error of the tool" : expectText}, got ${JSON.stringify(answer.structuredContent)}`;
  return counted(name, { ...answer, error, errorClass: "wrong_answer" });
}

/**
 * GET /health of the server. It is not part of MCP, and a server may have none (404).
 * @returns {Outcome & {healthy: boolean}}
 */
export function healthCheck() {
  const response = client.healthCheck();
  const outcome = outcomeOf(exchangeReply(response, response.status !== 200));
  return { ...outcome, healthy: outcome.error === null };
}

/**
 * @param {string} name @param {string} argumentsText JSON text
 * @returns {ToolResult}
 */
function toolResult(name, argumentsText) {
  const reply = client.replyIn(client.callTool(name, argumentsText));
  if (reply.response.status === 200 || reply.error === "timeout") {
    metrics.toolCallDuration.add(reply.duration_ms, { tool: name });
  }
  if (reply.error !== null || reply.message === null) return { ...outcomeOf(reply), ...NO_RESULT };
  const { structuredContent = null, isError = false } = reply.message.result;
  const content = Array.isArray(reply.message.result.content) ? reply.message.result.content : [];
  const text = content.filter((/** @type {any} */ block) => block !== null && block.type === "text")
    .map((/** @type {any} */ block) => block.text).join("\n");
  if (isError) {
    const error = `expected a result of ${name}, got an error of the tool: ${text}`;
    return { ...outcomeOf(reply), error, errorClass: "is_error", result: null, structuredContent, content, text, isError };
  }
  const members = structuredContent === null ? [] : Object.keys(structuredContent);
  const result = members.length === 1 && members[0] === "result" ? structuredContent.result : structuredContent;
  return { ...outcomeOf(reply), result, structuredContent, content, text, isError };
}

/**
 * Make `client` use a session.
 * @param {Session} session @returns {Outcome | null} the failure if the session did not open, else null
 */
function openingFailure(session) {
  if (!session || session.protocolVersion === undefined) {
    throw new TypeError(`expected a session from initializeSession(), got ${JSON.stringify(session)}`);
  }
  const { error, errorClass, status, sessionId, protocolVersion } = session;
  if (error !== null) {
    return { error: `expected an open session, got one that did not open: ${error}`, errorClass, status, duration_ms: 0 };
  }
  if (wire === "session" && (!client.ready || sessionId !== currentId)) client.useSession(sessionId, protocolVersion);
  currentId = sessionId;
  return null;
}

/** @param {import("./vu_client.js").Response | null} response @param {boolean} failed @returns {Reply} */
function exchangeReply(response, failed) {
  const duration_ms = response === null ? 0 : response.timings.duration;
  const error = response !== null && failed ? exchangeError(response.status, response.error_code) : null;
  return { error, duration_ms, message: null, response };
}

/** @param {Reply} reply @returns {Outcome} */
function outcomeOf(reply) {
  const { error, duration_ms, response } = reply;
  const status = response === null ? 0 : response.status;
  return { error: error === null ? null : sentence(reply), errorClass: error, status, duration_ms };
}

/** Say in one sentence what was expected, what arrived and what to do. @param {Reply} reply one with an error */
function sentence({ error, message, response }) {
  const { status, body, request, error: failure } = /** @type {import("./vu_client.js").Response} */ (response);
  switch (error) {
    case "transport":
      return `expected an answer from ${request.url}, got none (${failure}): check that the server runs and SERVER_URL is its URL`;
    case "timeout":
      return `expected an answer from ${request.url} within ${REQUEST_TIMEOUT_S} s, got none`;
    case "rate_limited":
      return `expected HTTP 200, got 429 (${excerpt(body)}): the server limits the rate, send less`;
    case "http_status":
      return `expected HTTP 200, got ${status} (${excerpt(body)})`
        + (status === 404 ? ": the server has no such session, or its MCP endpoint is elsewhere" : "");
    case "jsonrpc_error":
      return `expected a result, got ${excerpt(JSON.stringify(message && message.error))}`;
    default:
      return `expected a JSON-RPC response with a result, got ${excerpt(body)}`;
  }
}

/** @param {unknown} body */
function excerpt(body) {
  const text = String(body === null ? "" : body).trim();
  if (text === "") return "nothing";
  return text.length <= EXCERPT_CHARACTERS ? text : `${text.slice(0, EXCERPT_CHARACTERS)}…`;
}

/**
 * Count a failure in the metric of errors.
 * @template {Outcome} T
 * @param {string} tool or method
 * @param {T} outcome
 * @returns {T}
 */
function counted(tool, outcome) {
  if (outcome.errorClass !== null) metrics.errors.add(1, { class: outcome.errorClass, tool });
  return outcome;
}
