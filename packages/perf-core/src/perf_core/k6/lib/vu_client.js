/**
 * An MCP client for both wires, one per VU. It counts the requests that are not tool calls; judging answers is the
 * caller's job. Scripts of your own use the plain functions of mcp-client.js instead.
 *
 * State is kept in closure variables: in k6's engine they cost a fraction of what an object's properties cost, and calls
 * are made thousands of times per second.
 */

import { b64encode } from "k6/encoding";
import http from "k6/http";
import { exchangeError, responseIn } from "./answers.js";
import { report } from "./events.js";
import * as metrics from "./metrics.js";
import * as wires from "./wire.js";

/**
 * @typedef {import("./answers.js").ErrorClass} ErrorClass
 * @typedef {import("./answers.js").RpcMessage} RpcMessage
 * @typedef {import("k6/http").RefinedResponse<"text">} Response
 * @typedef {import("k6/http").RefinedParams<"text">} Params
 *
 * @typedef {object} Reply answer to a request that is not a tool call
 * @property {ErrorClass | null} error
 * @property {number} duration_ms
 * @property {RpcMessage | null} message null when there was none
 * @property {Response | null} response null when no request was needed
 *
 * @typedef {ReturnType<typeof mcpClient>} McpClient
 */

/** Request ids reserved for each VU: ids are unique in a run without coordination between VUs. */
const IDS_PER_VU = 1e9;

/** Shortest time between two requests for headers that are due. */
const RETRY_MS = 1000;

/** Time for which headers count as new: if they are refused, others would be, too. */
const NEW_MS = 5000;

/** @type {Reply} */
const NOTHING_TO_DO = Object.freeze({ error: null, duration_ms: 0, message: null, response: null });

/**
 * @param {object} target
 * @param {string} target.url MCP endpoint
 * @param {string} target.healthUrl
 * @param {import("./wire.js").Wire} target.wire
 * @param {number} target.requestTimeoutS
 * @param {string} target.revision protocol revision to offer in `initialize`
 * @param {import("./environment_settings.js").User[]} target.users whose headers the VUs carry in rotation; empty for a
 *   server that lets everybody in
 * @param {boolean} [target.reportsSessions] whether to report sessions, so that the lab can delete those left at the end
 */
export function mcpClient({ url, healthUrl, wire, requestTimeoutS, revision, users, reportsSessions = false }) {
  const stateless = wire === "stateless";
  const { AFTER_ARGUMENTS, BEFORE_ID } = wires;
  // One for each client: users share none, nor do two servers on one host, whose ports do not matter to cookies.
  const jar = new http.CookieJar();
  const identity = users.length === 0 ? null : __VU % users.length;
  /** @type {import("./environment_settings.js").User} */
  const user = identity === null ? { headers: {} } : users[identity];
  let { headers: userHeaders, renew = null } = user;
  /** When to ask the lab for new headers. */
  let renewAt_ms = askingTime();
  let asked_ms = 0;
  let lastId = __VU * IDS_PER_VU;
  /** @type {string | null} */
  let sessionId = null;
  let sessionVersion = "";
  /** @type {Params} headers of the open session */
  let sessionParams = {};
  /** @type {Record<string, {beforeArguments: string, params: Params}>} by tool, which may have the name of an object's own method */
  let calls = Object.create(null);

  const client = {
    url,
    /** Whether calls can be made: always on the stateless wire, after initializeSession on the other. */
    ready: stateless,
    /** Id of the last call or request of a journey; its answer must carry it. */
    callId: 0,
    callTool,
    ask,
    initializeSession,
    useSession,
    deleteSession,
    forgetSession,
    session: () => sessionId,
    request,
    replyIn,
    renewIfDue,
    refused,
    ping,
    healthCheck,
  };
  return client;

  /**
   * POST a tools/call. The caller judges the answer, which must carry `callId`.
   * @param {string} tool @param {string} argumentsText JSON text
   * @returns {Response}
   */
  function callTool(tool, argumentsText) {
    const call = calls[tool] || preparedCall(tool);
    lastId += 1;
    client.callId = lastId;
    // A template is filled at once; sums would copy the text four times.
    return http.post(url, `${BEFORE_ID}${lastId}${call.beforeArguments}${argumentsText}${AFTER_ARGUMENTS}`, call.params);
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
   * POST a request of another method that a journey makes. The caller judges the answer, which must carry `callId`.
   * @param {string} method @param {string} paramsText JSON text of an object
   * @returns {Response}
   */
  function ask(method, paramsText) {
    const members = paramsText.slice(1, -1);
    const params = stateless
      ? paramsOf(wires.statelessHeaders(method, wires.nameIn(method, paramsText), encode))
      : sessionParams;
    lastId += 1;
    client.callId = lastId;
    return http.post(url, `${BEFORE_ID}${lastId}${wires.afterId(wire, method, members)}`, params);
  }

  /**
   * Open a session for all later requests. Do nothing on the stateless wire or when a session is open.
   * @returns {Reply} of `initialize`, or of `notifications/initialized` when that failed
   */
  function initializeSession() {
    if (client.ready) return NOTHING_TO_DO;
    const response = post("initialize", wires.initializeParams(revision), paramsOf(wires.OPENING_HEADERS));
    const opening = replyIn(response);
    if (opening.error !== null) {
      if (response.status === 401) refused();
      return opening;
    }
    const version = opening.message === null ? null : opening.message.result.protocolVersion;
    useSession(headerOf(response, "mcp-session-id"), version || revision);
    // A server may do without session ids on this wire; then there is nothing to delete.
    if (sessionId !== null) {
      metrics.sessionsOpened.add(1);
      if (reportsSessions) report("session_opened", { id: sessionId, url, version: sessionVersion, identity, cookies: cookies() });
    }
    const acknowledged = http.post(url, wires.INITIALIZED_NOTIFICATION, sessionParams);
    metrics.overheadRequests.add(1);
    if (acknowledged.status < 200 || acknowledged.status > 299) {
      deleteSession();
      const error = exchangeError(acknowledged.status, acknowledged.error_code) || "http_status";
      return { error, duration_ms: durationOf(acknowledged), message: null, response: acknowledged };
    }
    metrics.sessionCreation.add(opening.duration_ms + durationOf(acknowledged));
    return opening;
  }

  /**
   * Send later requests in this open session, which setup() or another client may have opened.
   * @param {string | null} id null for a server without session ids
   * @param {string} version protocol version that the server chose
   */
  function useSession(id, version) {
    sessionId = id;
    sessionVersion = version;
    sessionParams = paramsOf(wires.sessionHeaders(id, version));
    calls = Object.create(null);
    client.ready = true;
  }

  /**
   * End the session on the server. A session that the server keeps in spite of this is not counted as closed.
   * @returns {Response | null} null when there was no session to delete
   */
  function deleteSession() {
    let response = null;
    if (sessionId !== null) {
      response = http.del(url, null, sessionParams);
      metrics.overheadRequests.add(1);
      if (response.status >= 200 && response.status <= 299) {
        metrics.sessionsClosed.add(1);
        if (reportsSessions) report("session_closed", { id: sessionId });
      }
    }
    client.ready = stateless;
    sessionId = null;
    return response;
  }

  /** Drop a session that the server no longer has. */
  function forgetSession() {
    if (reportsSessions && sessionId !== null) report("session_lost", { id: sessionId });
    client.ready = stateless;
    sessionId = null;
  }

  /**
   * Send the cheapest request of the wire: `ping`, or `server/discover` where there is no ping.
   * @returns {Reply & {method: string}}
   */
  function ping() {
    const method = stateless ? "server/discover" : "ping";
    return { ...request(method), method };
  }

  /**
   * Ask the lab for new headers when theirs is due, as before a token expires.
   * @returns {number} when to call this again, in milliseconds since the epoch; Infinity for never
   */
  function renewIfDue() {
    if (Date.now() >= renewAt_ms) askForHeaders("");
    return renewAt_ms;
  }

  /** Ask the lab for new headers after a status 401, unless they are new. */
  function refused() {
    if (Date.now() - asked_ms > NEW_MS) askForHeaders("?refused");
  }

  /** @param {string} query */
  function askForHeaders(query) {
    if (renew === null) return;
    const { status, body } = http.get(renew.url + query, { redirects: 0 });
    metrics.overheadRequests.add(1);
    asked_ms = Date.now();
    if (status !== 200) {
      // The old headers may serve a little longer; the lab knows why there are no new ones.
      renewAt_ms = asked_ms + RETRY_MS;
      return;
    }
    ({ headers: userHeaders, renew = null } = JSON.parse(String(body)));
    // The lab keeps headers that are due while they are valid and it gets no others.
    renewAt_ms = Math.max(askingTime(), asked_ms + RETRY_MS);
    calls = Object.create(null);
    if (!stateless && client.ready) sessionParams = paramsOf(wires.sessionHeaders(sessionId, sessionVersion));
  }

  /** The VUs do not all ask in the same moment. */
  function askingTime() {
    return renew === null ? Infinity : renew.at_ms + (__VU % 64) / 64 * renew.spread_ms;
  }

  /** GET the health endpoint. It is not part of MCP: a server may have none (404). @returns {Response} */
  function healthCheck() {
    const response = http.get(healthUrl, paramsOf({}));
    metrics.overheadRequests.add(1);
    return response;
  }

  /**
   * @param {string} method one that is not about a named tool, resource or prompt
   * @param {string} [members] of its `params`, as JSON text
   * @returns {Reply}
   */
  function request(method, members = "") {
    const params = stateless ? paramsOf(wires.statelessHeaders(method, null, encode)) : sessionParams;
    return replyIn(post(method, members, params));
  }

  /**
   * @param {string} method @param {string} members of `params`, as JSON text
   * @param {Params} params of the HTTP request
   * @returns {Response}
   */
  function post(method, members, params) {
    lastId += 1;
    const response = http.post(url, BEFORE_ID + lastId + wires.afterId(wire, method, members), params);
    // Not before: a request that k6 cuts off is not counted by k6 either.
    metrics.overheadRequests.add(1);
    return response;
  }

  /**
   * Check and parse the answer to the last request; the content of a result is not checked.
   * @param {Response} response @returns {Reply & {response: Response}}
   */
  function replyIn(response) {
    const duration_ms = durationOf(response);
    const failure = exchangeError(response.status, response.error_code);
    if (failure !== null) return { error: failure, duration_ms, message: null, response };
    const message = responseIn(String(response.body), lastId, JSON.parse);
    if (message === null || message.jsonrpc !== "2.0"
      || (message.error === undefined && (message.id !== lastId || !isObject(message.result)))) {
      return { error: "wrong_answer", duration_ms, message, response };
    }
    return { error: message.error === undefined ? null : "jsonrpc_error", duration_ms, message, response };
  }

  /** Return the cookies of later requests, as in the header. A load balancer finds the session's server by them. */
  function cookies() {
    const values = Object.entries(jar.cookiesForURL(url));
    return values.flatMap(([name, each]) => each.map((value) => `${name}=${value}`)).join("; ");
  }

  /** @param {Record<string, string>} headers @returns {Params} */
  function paramsOf(headers) {
    // k6 would follow a redirect with a GET, and the answer to a call is never elsewhere.
    return { headers: { ...userHeaders, ...headers }, jar, timeout: requestTimeoutS * 1000, redirects: 0 };
  }
}

/** @param {unknown} value */
function isObject(value) {
  return typeof value === "object" && value !== null;
}

/** @param {string} text */
function encode(text) {
  return b64encode(text);
}

/**
 * Return how long a user waits for an answer: k6's `duration` begins when a connection is there, `blocked` is the wait for
 * it, name resolution and TLS included.
 * @param {import("k6/http").Response} response
 */
export function durationOf({ timings }) {
  return timings.blocked + timings.duration;
}

/**
 * @param {Response} response @param {string} name in lower case
 * @returns {string | null}
 */
export function headerOf(response, name) {
  const key = Object.keys(response.headers).find((each) => each.toLowerCase() === name);
  return key === undefined ? null : response.headers[key];
}
