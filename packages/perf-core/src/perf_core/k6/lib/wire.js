/**
 * The envelopes and headers of both wires (revisions 2026-07-28 and 2025-11-25 of the MCP specification).
 *
 * Pure: imports nothing of k6, so plain node can test it.
 */

/** @typedef {import("./settings.js").Wire} Wire */

export const PROTOCOL_VERSIONS = Object.freeze({ stateless: "2026-07-28", session: "2025-11-25" });

const CLIENT_INFO = { name: "k6", version: "1" };

const STATELESS_META = JSON.stringify({
  "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSIONS.stateless,
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": CLIENT_INFO,
});

/** What stands before the id in every request: ids change from call to call, all else is made once. */
export const BEFORE_ID = '{"jsonrpc":"2.0","id":';

/**
 * What stands between the id and the arguments of a tools/call. AFTER_ARGUMENTS ends it.
 *
 * @param {Wire} wire
 * @param {string} tool
 */
export function beforeArguments(wire, tool) {
  const meta = wire === "stateless" ? `"_meta":${STATELESS_META},` : "";
  return `,"method":"tools/call","params":{${meta}"name":${JSON.stringify(tool)},"arguments":`;
}

export const AFTER_ARGUMENTS = "}}";

/**
 * What follows the id in a request that is no tools/call.
 *
 * @param {Wire} wire
 * @param {string} method
 * @param {string} [params] members of `params`, as JSON text without the braces
 */
export function afterId(wire, method, params = "") {
  const meta = wire === "stateless" ? `"_meta":${STATELESS_META}` : "";
  const members = [params, meta].filter((part) => part !== "").join(",");
  return `,"method":${JSON.stringify(method)},"params":{${members}}}`;
}

/** Members of the params of `initialize`. */
export const INITIALIZE_PARAMS = JSON.stringify({
  protocolVersion: PROTOCOL_VERSIONS.session, capabilities: {}, clientInfo: CLIENT_INFO,
}).slice(1, -1);

export const INITIALIZED_NOTIFICATION = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

/** Headers of the request that opens a session, and the beginning of all others. */
export const OPENING_HEADERS = Object.freeze({
  "Content-Type": "application/json",
  Accept: "application/json, text/event-stream",
});

/**
 * Headers of a request within a session.
 *
 * @param {string | null} sessionId null: the server keeps sessions without an id, as it may
 * @param {string} version the one that the server chose in `initialize`
 * @returns {Record<string, string>}
 */
export function sessionHeaders(sessionId, version) {
  /** @type {Record<string, string>} */
  const headers = { ...OPENING_HEADERS, "MCP-Protocol-Version": version };
  if (sessionId !== null) headers["Mcp-Session-Id"] = sessionId;
  return headers;
}

/**
 * Headers of a request on the stateless wire, which repeat what the body says.
 *
 * @param {string} method
 * @param {string | null} name the tool of a tools/call; null for methods without a name
 * @param {(text: string) => string} base64 of a text's UTF-8 bytes, padded
 * @returns {Record<string, string>}
 */
export function statelessHeaders(method, name, base64) {
  /** @type {Record<string, string>} */
  const headers = {
    ...OPENING_HEADERS,
    "MCP-Protocol-Version": PROTOCOL_VERSIONS.stateless,
    "Mcp-Method": method,
  };
  if (name !== null) headers["Mcp-Name"] = headerValue(name, base64);
  return headers;
}

/**
 * A header value as it is, or encoded where a header could not carry it (or would seem encoded already).
 *
 * @param {string} text
 * @param {(text: string) => string} base64
 */
export function headerValue(text, base64) {
  const plain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !/^=\?base64\?.*\?=$/i.test(text);
  return plain ? text : `=?base64?${base64(text)}?=`;
}
