/**
 * Message envelopes and HTTP headers of both wires (revisions 2026-07-28 and 2025-11-25 of the MCP specification).
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

/** Text before the id in every request. Only ids change from call to call; everything else is prepared once. */
export const BEFORE_ID = '{"jsonrpc":"2.0","id":';

/**
 * Return the text between the id and the arguments of a tools/call; AFTER_ARGUMENTS follows them.
 * @param {Wire} wire @param {string} tool
 */
export function beforeArguments(wire, tool) {
  const meta = wire === "stateless" ? `"_meta":${STATELESS_META},` : "";
  return `,"method":"tools/call","params":{${meta}"name":${JSON.stringify(tool)},"arguments":`;
}

export const AFTER_ARGUMENTS = "}}";

/**
 * Return the text after the id in a request other than tools/call.
 * @param {Wire} wire @param {string} method
 * @param {string} [params] members of `params`, as JSON text without the braces
 */
export function afterId(wire, method, params = "") {
  const meta = wire === "stateless" ? `"_meta":${STATELESS_META}` : "";
  const members = [params, meta].filter((part) => part !== "").join(",");
  return `,"method":${JSON.stringify(method)},"params":{${members}}}`;
}

/** Return the members of the params of `initialize`, as JSON text without the braces. @param {string} revision offered */
export function initializeParams(revision) {
  return JSON.stringify({ protocolVersion: revision, capabilities: {}, clientInfo: CLIENT_INFO }).slice(1, -1);
}

export const INITIALIZED_NOTIFICATION = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

/** Headers of the request that opens a session; all other requests have them, too. */
export const OPENING_HEADERS = Object.freeze({
  "Content-Type": "application/json",
  Accept: "application/json, text/event-stream",
});

/**
 * Return the headers of a request within a session.
 * @param {string | null} sessionId null for a server without session ids, which MCP allows
 * @param {string} version protocol version that the server chose in `initialize`
 * @returns {Record<string, string>}
 */
export function sessionHeaders(sessionId, version) {
  /** @type {Record<string, string>} */
  const headers = { ...OPENING_HEADERS, "MCP-Protocol-Version": version };
  if (sessionId !== null) headers["Mcp-Session-Id"] = sessionId;
  return headers;
}

/** Member of the params that the header Mcp-Name repeats, by method. @type {Record<string, string>} */
const NAME_MEMBERS = { "prompts/get": "name", "resources/read": "uri" };

/**
 * Return what the header Mcp-Name says of a request; null for methods that have none, such as completion/complete.
 * @param {string} method other than tools/call @param {string} paramsText JSON text
 * @returns {string | null}
 */
export function nameIn(method, paramsText) {
  const member = NAME_MEMBERS[method];
  return member === undefined ? null : String(JSON.parse(paramsText)[member]);
}

/**
 * Return the headers of a request on the stateless wire, which repeat parts of the body.
 * @param {string} method @param {string | null} name tool of a tools/call; null for methods without a name
 * @param {(text: string) => string} base64 encodes a text's UTF-8 bytes, with padding
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
 * Return the text as a header value, encoded if a header cannot carry it or if it looks encoded already.
 * @param {string} text @param {(text: string) => string} base64
 */
export function headerValue(text, base64) {
  const plain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !/^=\?base64\?.*\?=$/i.test(text);
  return plain ? text : `=?base64?${base64(text)}?=`;
}
