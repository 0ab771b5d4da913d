/**
 * Loads that `perf-core compare` does not have: whole sessions one after the other, and calls at a fixed rate.
 *
 * KIND=cycles: each VU repeatedly opens a session, makes three calls and ends it.
 * KIND=fixed-rate: RATE calls start per second, however fast the server answers.
 *
 * Calls are to the calculator's `add`, and each answer is checked.
 */

import { check } from "k6";
import exec from "k6/execution";
import http from "k6/http";
import { Counter, Trend } from "k6/metrics";

const { KIND, SERVER_URL, WIRE, SUMMARY } = __ENV;
const VUS = Number(__ENV.VUS || 0);
const RATE = Number(__ENV.RATE || 0);
const DURATION_S = Number(__ENV.DURATION_S);

const cycles = new Counter("cycles");
const callMs = new Trend("call_ms");
const faults = new Counter("faults");

const scenario = KIND === "cycles"
  ? { executor: "constant-vus", vus: VUS, duration: `${DURATION_S}s`, exec: "cycle", gracefulStop: "2s" }
  : {
    executor: "constant-arrival-rate", rate: RATE, timeUnit: "1s", duration: `${DURATION_S}s`,
    preAllocatedVUs: VUS, maxVUs: VUS, exec: "call", gracefulStop: "2s",
  };

export const options = {
  scenarios: { load: scenario },
  summaryTrendStats: ["med", "p(95)", "p(99)", "max", "count"],
  noUsageReport: true,
};

const JSON_BOTH = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
const PREFIX = "io.modelcontextprotocol/";
const META = { [`${PREFIX}protocolVersion`]: "2026-07-28", [`${PREFIX}clientCapabilities`]: {} };
const STATELESS = {
  ...JSON_BOTH, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "add",
};
const OPENING = JSON.stringify({
  jsonrpc: "2.0", id: 0, method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "performance", version: "1" } },
});
const OPENED = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" });

/** @type {Record<string, string> | null} */
let session = null;

function open() {
  const answer = http.post(SERVER_URL, OPENING, { headers: JSON_BOTH });
  const id = answer.headers["Mcp-Session-Id"];
  expect(answer.status === 200 && Boolean(id), "initialize", answer);
  const headers = { ...JSON_BOTH, "Mcp-Session-Id": id, "MCP-Protocol-Version": "2025-11-25" };
  const done = http.post(SERVER_URL, OPENED, { headers });
  expect(done.status === 202, "initialized", done);
  return headers;
}

/** @param {Record<string, string>} headers @param {number} number */
function add(headers, number) {
  /** @type {Record<string, unknown>} */
  const params = { name: "add", arguments: { a: number, b: 0.5 } };
  if (headers === STATELESS) params._meta = META;
  const body = JSON.stringify({ jsonrpc: "2.0", id: number, method: "tools/call", params });
  const answer = http.post(SERVER_URL, body, { headers });
  callMs.add(answer.timings.duration);
  const text = String(answer.body);
  expect(answer.status === 200 && text.includes(`{"result":${number + 0.5}}`), "add", answer);
}

/** @param {boolean} holds @param {string} what @param {import("k6/http").RefinedResponse<any>} answer */
function expect(holds, what, answer) {
  if (check(null, { [what]: () => holds })) return;
  faults.add(1);
  console.error(`${what}: HTTP ${answer.status} ${String(answer.body).slice(0, 300)}`);
}

export function cycle() {
  const headers = open();
  for (let number = 1; number <= 3; number += 1) add(headers, number);
  const ended = http.del(SERVER_URL, null, { headers });
  expect(ended.status === 200, "DELETE", ended);
  cycles.add(1);
}

export function call() {
  if (WIRE === "stateless") return add(STATELESS, exec.scenario.iterationInTest);
  // One session per VU; opening it does not count as a call.
  session = session || open();
  return add(session, exec.scenario.iterationInTest);
}

/** @param {any} data */
export function handleSummary(data) {
  /** @param {string} name */
  const values = (name) => (data.metrics[name] ? data.metrics[name].values : {});
  return {
    [SUMMARY]: JSON.stringify({
      cycles: values("cycles").count || 0,
      faults: values("faults").count || 0,
      dropped: values("dropped_iterations").count || 0,
      call_ms: values("call_ms"),
    }),
  };
}
