/**
 * An MCP client for both wires, one per VU. It counts what it does beside tool calls and judges nothing else.
 *
 * State lies in variables of a closure: in k6's engine they cost a fraction of an object's properties, and calls are made
 * thousands of times per second.
 */

import { b64encode } from "k6/encoding";
import http from "k6/http";
import { exchangeError, responseIn } from "./answers.js";
import * as metrics from "./metrics.js";
import * as wires from "./wire.js";

export { parseSSEResponse } from "./answers.js";

/**
 * @typedef {import("./answers.js").ErrorClass} ErrorClass
 * @typedef {import("./answers.js").RpcMessage} RpcMessage
 * @typedef {import("k6/http").RefinedResponse<"text">} Response
 * @typedef {import("k6/http").RefinedParams<"text">} Params
 *
 * @typedef {object} Reply of a request that is no tool call
 * @property {ErrorClass | null} error
 * @property {number} duration_ms
 * @property {RpcMessage | null} message null when there was none, or none was expected
 *
 * @typedef {ReturnType<typeof mcpClient>} McpClient
 */

/** Room for the ids of one VU: ids are unique over the whole run without the VUs knowing of one another. */
const IDS_PER_VU = 1e9;

/**
 * @param {object} target
 * @param {string} target.url MCP endpoint
 * @param {string} target.healthUrl
 * @param {import("./wire.js").Wire} target.wire
 * @param {number} target.requestTimeoutS
 * @param {string[]} target.tokens bearer tokens, which VUs take in turn; empty where none is asked for
 */
export function mcpClient({ url, healthUrl, wire, requestTimeoutS, tokens }) {
  const stateless = wire === "stateless";
  const { AFTER_ARGUMENTS, BEFORE_ID } = wires;
  /** @type {Record<string, string>} */
  const authorization = tokens.length === 0 ? {} : { Authorization: `Bearer ${tokens[__VU % tokens.length]}` };
  let lastId = __VU * IDS_PER_VU;
  /** @type {string | null} */
  let sessionId = null;
  /** @type {Params} headers of the open session */
  let sessionParams = {};
  /** @type {Record<string, {beforeArguments: string, params: Params}>} by tool */
  let calls = {};

  const client = {
    url,
    /** Whether calls can be made: always on the stateless wire, after initializeSession on the other. */
    ready: stateless,
    /** The id of the last tools/call, which its answer must carry. */
    callId: 0,
    callTool,
    initializeSession,
    deleteSession,
    forgetSession,
    listTools: () => request("tools/list"),
    ping,
    healthCheck,
  };
  return client;

  /**
   * POST a tools/call. The caller judges the answer, which must carry `callId`.
   *
   * @param {string} tool
   * @param {string} argumentsText JSON text
   * @returns {Response}
   */
  function callTool(tool, argumentsText) {
    const call = calls[tool] || preparedCall(tool);
    lastId += 1;
    client.callId = lastId;
    return http.post(url, BEFORE_ID + lastId + call.beforeArguments + argumentsText + AFTER_ARGUMENTS, call.params);
  }

  /** @param {string} tool */
  function preparedCall(tool) {
    calls[tool] = {
      beforeArguments: wires.beforeArguments(wire, tool),
      params: stateless ? paramsOf(wires.statelessHeaders("tools/call", tool, encode)) : sessionParams,
    };
    return calls[tool];
  }

  /**
   * Open a session, which all later requests belong to. On the stateless wire there is none to open.
   *
   * @returns {ErrorClass | null}
   */
  function initializeSession() {
    if (client.ready) return null;
    const response = post("initialize", wires.INITIALIZE_PARAMS, paramsOf(wires.OPENING_HEADERS));
    const opened = replyIn(response);
    if (opened.error !== null) return opened.error;
    const result = opened.message === null ? {} : opened.message.result;
    const version = typeof result.protocolVersion === "string" ? result.protocolVersion : wires.PROTOCOL_VERSIONS.session;
    sessionId = headerOf(response, "mcp-session-id");
    sessionParams = paramsOf(wires.sessionHeaders(sessionId, version));
    calls = {};
    client.ready = true;
    // A server may do without sessions on this wire; then there is none to delete.
    if (sessionId !== null) metrics.sessionsOpened.add(1);
    metrics.overheadRequests.add(1);
    const acknowledged = http.post(url, wires.INITIALIZED_NOTIFICATION, sessionParams);
    if (acknowledged.status < 200 || acknowledged.status > 299) {
      deleteSession();
      return exchangeError(acknowledged.status, acknowledged.error_code) || "http_status";
    }
    metrics.sessionCreation.add(opened.duration_ms + acknowledged.timings.duration);
    return null;
  }

  /** End the session with the server. One that it keeps in spite of this is a session left over, which is counted. */
  function deleteSession() {
    if (sessionId !== null) {
      metrics.overheadRequests.add(1);
      const response = http.del(url, null, sessionParams);
      if (response.status >= 200 && response.status <= 299) metrics.sessionsClosed.add(1);
    }
    forgetSession();
  }

  /** The server no longer knows the session. */
  function forgetSession() {
    client.ready = stateless;
    sessionId = null;
  }

  /**
   * The cheapest request of the wire: `ping`, or `server/discover` where there is no ping.
   *
   * @returns {Reply & {method: string}}
   */
  function ping() {
    const method = stateless ? "server/discover" : "ping";
    return { ...request(method), method };
  }

  /**
   * GET the health endpoint. Not part of MCP: a server may have none (404).
   *
   * @returns {{status: number, errorCode: number, duration_ms: number}} status 0 when nothing answered
   */
  function healthCheck() {
    metrics.overheadRequests.add(1);
    const response = http.get(healthUrl, paramsOf({}));
    return { status: response.status, errorCode: response.error_code, duration_ms: response.timings.duration };
  }

  /**
   * @param {string} method one without a name or parameters
   * @returns {Reply}
   */
  function request(method) {
    const params = stateless ? paramsOf(wires.statelessHeaders(method, null, encode)) : sessionParams;
    return replyIn(post(method, "", params));
  }

  /**
   * @param {string} method
   * @param {string} members of `params`, as JSON text
   * @param {Params} params of the HTTP request
   * @returns {Response}
   */
  function post(method, members, params) {
    lastId += 1;
    metrics.overheadRequests.add(1);
    return http.post(url, BEFORE_ID + lastId + wires.afterId(wire, method, members), params);
  }

  /**
   * @param {Response} response to the request with `lastId`
   * @returns {Reply}
   */
  function replyIn(response) {
    const duration_ms = response.timings.duration;
    const failed = exchangeError(response.status, response.error_code);
    if (failed !== null) return { error: failed, duration_ms, message: null };
    const message = responseIn(String(response.body), lastId, JSON.parse);
    if (message === null || (message.error === undefined && message.id !== lastId)) {
      return { error: "wrong_answer", duration_ms, message };
    }
    return { error: message.error === undefined ? null : "jsonrpc_error", duration_ms, message };
  }

  /**
   * @param {Record<string, string>} headers
   * @returns {Params}
   */
  function paramsOf(headers) {
    // k6 would follow a redirect with a GET, and the answer to a call is never elsewhere.
    return { headers: { ...headers, ...authorization }, timeout: requestTimeoutS * 1000, redirects: 0 };
  }
}

/** @param {string} text */
function encode(text) {
  return b64encode(text);
}

/**
 * @param {Response} response
 * @param {string} name in lower case
 * @returns {string | null}
 */
export function headerOf(response, name) {
  const key = Object.keys(response.headers).find((each) => each.toLowerCase() === name);
  return key === undefined ? null : response.headers[key];
}
