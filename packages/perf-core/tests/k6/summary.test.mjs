import assert from "node:assert/strict";
import { test } from "node:test";

import { stagesOf } from "../../src/perf_core/k6/lib/shapes.js";
import { abortReason, summaryOf, textOf } from "../../src/perf_core/k6/lib/summary.js";
import { thresholdsOf } from "../../src/perf_core/k6/lib/thresholds.js";
import { shapes } from "./scenario_shapes.mjs";

const settings = (shape, changes = {}) => ({
  scenario: shape, shape, wire: "session", timeScale: 1, vus: null, ratePerS: null, tools: ["add", "divide"],
  kinds: ["small"], journeys: ["import"], byKind: true, pools: ["add"], limits: { ratePerS: 2, burst: 20 }, identities: 2,
  ...changes,
});
const stages = (shape) => stagesOf(shapes[shape], settings(shape));
const thresholds = (shape, changes) => thresholdsOf(shapes[shape], settings(shape, changes), stages(shape));
const trend = (count, p95) => ({ values: { count, med: 1, "p(95)": p95, "p(99)": p95, max: p95 } });

test("sub-metrics split by stage, tool and error class", () => {
  const names = Object.keys(thresholds("load"));
  for (const name of [
    "mcp_tool_call_duration_ms{stage:ramp_50}", "mcp_tool_call_duration_ms{stage:hold_100}",
    "mcp_journey_duration_ms{journey:import}", "mcp_tool_call_duration_ms{tool:divide}",
    "mcp_errors{class:rate_limited}", "mcp_errors{class:wrong_answer,stage:ramp_0}", "dropped_iterations",
    "mcp_session_creation_ms", "mcp_sessions_opened", "mcp_sessions_closed", "mcp_overhead_requests",
  ]) assert.ok(names.includes(name), name);
});

test("sub-metrics of benchmark split by kind and protocol method", () => {
  const names = Object.keys(thresholds("benchmark"));
  for (const name of [
    "mcp_tool_call_duration_ms{tool:add,kind:small}", "mcp_errors{class:timeout,tool:add,kind:small}",
    "mcp_errors{class:unanswered,tool:add,kind:small}", "mcp_protocol_duration_ms{method:GET /health}",
    "mcp_protocol_duration_ms{method:ping}", "mcp_protocol_duration_ms{method:tools/list}",
  ]) assert.ok(names.includes(name), name);
  assert.ok(!names.includes("mcp_tool_call_duration_ms{stage:protocol}"));
  assert.ok(!("mcp_tool_call_duration_ms{tool:add,kind:small}" in thresholds("benchmark", { byKind: false })));
  assert.ok("mcp_protocol_duration_ms{method:server/discover}" in thresholds("benchmark", { wire: "stateless" }));
});

test("sub-metrics of every shape split by kind, and some shapes have more", () => {
  const load = Object.keys(thresholds("load"));
  for (const name of ["mcp_tool_call_duration_ms{kind:small}", "mcp_errors{class:timeout,kind:small}"]) {
    assert.ok(load.includes(name), name);
  }
  assert.ok(!load.includes("mcp_outage_ms"));
  assert.ok("mcp_outage_ms" in thresholds("recovery"));
  const limited = Object.keys(thresholds("rate-limit"));
  for (const name of [
    "mcp_let_through_at_ms{client:client_2,stage:sustained}", "mcp_refused_at_ms{client:client_1,stage:burst}",
    "mcp_retries{client:client_1,kept:no}", "mcp_retry_after_s",
  ]) assert.ok(limited.includes(name), name);
  assert.ok(!limited.some((name) => name.startsWith("mcp_let_through_at_ms") && name.includes("stage:fill")));
  assert.ok(!Object.keys(thresholds("rate-limit", { identities: 1 })).some((name) => name.includes("client_2")));
});

test("no threshold can fail, except that stress ends when a hold stage is too slow", () => {
  for (const shape of ["quick", "load", "endurance", "spike", "benchmark"]) {
    assert.ok(Object.values(thresholds(shape)).every((list) => list.length === 0), shape);
  }
  const real = Object.entries(thresholds("stress")).filter(([, list]) => list.length > 0);
  assert.deepEqual(real.map(([name]) => name), [100, 200, 400, 800].map((level) => `mcp_tool_call_duration_ms{stage:hold_${level}}`));
  assert.deepEqual(real[0][1], [{ threshold: "p(95)<=5000", abortOnFail: true }]);
  assert.ok("mcp_aborts{stage:ramp_100}" in thresholds("stress"));
  assert.ok(!("mcp_aborts{stage:hold_50}" in thresholds("load")));
});

test("reasons for an early end", () => {
  const list = stages("stress");
  assert.equal(abortReason({}, list), null);
  assert.equal(
    abortReason({
      "mcp_aborts{stage:hold_400}": { values: { count: 2 } },
      "mcp_errors{class:timeout,stage:hold_400}": { values: { count: 3 } },
      "mcp_errors{class:http_status,stage:hold_400}": { values: { count: 17 } },
    }, list),
    "failure in hold_400: most of a VU's last calls failed (http_status 17, timeout 3)",
  );
  assert.equal(
    abortReason({
      "mcp_tool_call_duration_ms{stage:hold_200}": { ...trend(50, 6001.2), thresholds: { "p(95)<=5000": { ok: false } } },
    }, list),
    "heavy degradation in hold_200: p95 of calls 6001 ms, above 5000 ms",
  );
});

test("summary.json", () => {
  const data = { setup_data: 17, state: { testRunDurationMs: 5 }, metrics: { http_reqs: { values: { count: 1 } } } };
  const summary = summaryOf(data, settings("load"), stages("load"), { load: {} });
  assert.deepEqual(summary.options, { scenarios: { load: {} } });
  assert.deepEqual(Object.keys(summary), [
    "schema", "scenario", "shape", "wire", "started_at_ms", "aborted", "stages", "state", "metrics", "options",
  ]);
  assert.equal(summary.started_at_ms, 17);
  assert.equal(summary.aborted, null);
  assert.deepEqual(summary.stages[1], {
    name: "hold_50", kind: "hold", vus: 50, rate_per_s: null, start_s: 60, end_s: 360,
  });
  assert.equal(summaryOf({ ...data, setup_data: undefined }, settings("load"), stages("load"), {}).started_at_ms, null);
});

test("the text for people shows a stage without calls as dashes", () => {
  const metrics = {
    "mcp_tool_call_duration_ms{stage:hold_50}": trend(600, 12.34),
    mcp_errors: { values: { count: 2 } },
    "mcp_errors{class:timeout}": { values: { count: 2 } },
    dropped_iterations: { values: { count: 4 } },
  };
  const text = textOf(summaryOf({ state: {}, metrics }, settings("load"), stages("load"), {}));
  assert.match(text, /^load, session wire\n/);
  assert.match(text, /hold_50 +50 +600 +2\.0 +1\.0 +12\.3 +12\.3 +12\.3\n/);
  assert.match(text, /hold_100 +100 +0 +0\.0 +- +- +- +-\n/);
  assert.match(text, /iterations dropped 4\n/);
  assert.match(text, /errors 2; timeout 2\n$/);
});
