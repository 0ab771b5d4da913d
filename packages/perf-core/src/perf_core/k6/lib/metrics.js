/** The metrics of the scripts. Their names and tags are part of the format of summary.json. */

import { Counter, Trend } from "k6/metrics";

/**
 * Milliseconds of each tool call, or other request of a journey, that was answered or timed out; tags: tool (or the name of
 * the request in figures), stage, and kind where journeys have one.
 */
export const toolCallDuration = new Trend("mcp_tool_call_duration_ms", true);

/** Milliseconds to open a session: initialize and notifications/initialized. */
export const sessionCreation = new Trend("mcp_session_creation_ms", true);

/** Milliseconds of a journey of more than one step; tags: journey, stage. */
export const journeyDuration = new Trend("mcp_journey_duration_ms", true);

/** Milliseconds of requests other than tools/call, in the protocol stage of benchmark; tag: method. */
export const protocolDuration = new Trend("mcp_protocol_duration_ms", true);

/** Failed calls; tags: class (see answers.js), tool, stage, and kind where journeys have one. */
export const errors = new Counter("mcp_errors");

export const sessionsOpened = new Counter("mcp_sessions_opened");
export const sessionsClosed = new Counter("mcp_sessions_closed");

/** HTTP requests other than tools/call: http_reqs minus these is the number of calls. */
export const overheadRequests = new Counter("mcp_overhead_requests");

/** VUs that ended the run because the server had failed; tag: stage. */
export const aborts = new Counter("mcp_aborts");

/** In recovery: a VU's runs of failed calls, and the duration of those that ended with a right answer. */
export const outages = new Counter("mcp_outages");
export const outageDuration = new Trend("mcp_outage_ms", true);

/** In rate-limit: times at which messages were let through or refused, in ms since the epoch; tags: client, stage. */
export const letThrough = new Trend("mcp_let_through_at_ms");
export const refused = new Trend("mcp_refused_at_ms");

/** In rate-limit: retries after Retry-After; tags: client, kept ("yes": the message was let through). */
export const retries = new Counter("mcp_retries");

/** In rate-limit: Retry-After of the refusals, in seconds. */
export const retryAfter = new Trend("mcp_retry_after_s");

/** Times at which a VU entered and left a slice of a comparison, in milliseconds since the epoch; tag: stage. */
export const sliceEntered = new Trend("mcp_slice_entered_ms");
export const sliceLeft = new Trend("mcp_slice_left_ms");
