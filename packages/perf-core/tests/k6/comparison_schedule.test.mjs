import assert from "node:assert/strict";
import { test } from "node:test";
import { ERROR_CLASSES } from "../../src/perf_core/k6/lib/answers.js";
import { sliceScenarios, slicesOf, sliceThresholds } from "../../src/perf_core/k6/lib/comparison_schedule.js";

const rows = [
  ["warmup_b", "b", 0.1, 0.6], ["warmup_a", "a", 0.7, 1.2], ["warmup_a", "a", 1.3, 2.2], ["pair_1_a", "a", 2.3, 3.3],
];
const plan = (/** @type {unknown} */ schedule) => ({ slices: { wires: { a: "session", b: "session" }, schedule } });

test("schedule becomes slices of the mix at the given number of users", () => {
  const slices = slicesOf(plan(rows), 4);
  assert.deepEqual(slices.map(({ name, side, start_s, end_s }) => [name, side, start_s, end_s]), rows);
  assert.ok(slices.every(({ vus, pool, rate_per_s }) => vus === 4 && pool === "mix" && rate_per_s === null));
});

test("malformed schedule is refused with its position", () => {
  for (const [schedule, place] of [
    [undefined, "schedule"],
    [[], "schedule"],
    [[["x", "c", 0, 1]], "schedule[0]"],
    [[["x", "a", 1, 1]], "schedule[0]"],
    [[["x", "a", 0, 1], ["y", "b", 0.5, 2]], "schedule[1]"],
    [[["x{", "a", 0, 1]], "schedule[0]"],
    [[7], "schedule[0]"],
  ]) {
    assert.throws(() => slicesOf(plan(schedule), 4), (error) =>
      error instanceof Error && error.name === "SettingsError" && error.message.includes(`plan.slices.${place}`));
  }
  assert.throws(() => slicesOf({}, 4), /plan\.slices\.schedule/);
});

test("every slice has its sub-metrics, none with a threshold that can fail", () => {
  const thresholds = sliceThresholds(slicesOf(plan(rows), 4));
  assert.equal(Object.keys(thresholds).length, (4 + ERROR_CLASSES.length) * 3 + 2);
  assert.ok("mcp_tool_call_duration_ms{stage:pair_1_a}" in thresholds);
  assert.ok("mcp_tool_call_duration_ms{side:b}" in thresholds);
  assert.ok("mcp_errors{class:unanswered,stage:pair_1_a}" in thresholds);
  assert.ok("mcp_slice_left_ms{stage:warmup_b}" in thresholds);
  assert.ok(Object.values(thresholds).every((list) => list.length === 0));
});

test("calls carry their side, except in the warm-up", () => {
  const tags = slicesOf(plan(rows), 4).map(({ furtherTags }) => furtherTags);
  assert.deepEqual(tags, [undefined, undefined, undefined, { side: "a" }]);
});

test("load lasts 100 ms longer than its last slice, and an unanswered call has the time to time out", () => {
  const { load } = sliceScenarios(slicesOf(plan(rows), 4), 30);
  assert.deepEqual(load, { executor: "constant-vus", vus: 4, duration: "3400ms", gracefulStop: "31s" });
});

test("any number of servers, each with its sub-metrics", () => {
  const schedule = [["warmup_c", "c", 0.1, 0.6], ["pair_1_a", "a", 1, 2], ["pair_1_b", "b", 2.1, 3], ["pair_1_c", "c", 3.1, 4]];
  const wires = { a: "session", b: "stateless", c: "session" };
  const slices = slicesOf({ slices: { wires, schedule } }, 4);
  assert.deepEqual(slices.map(({ side }) => side), ["c", "a", "b", "c"]);
  const thresholds = sliceThresholds(slices);
  assert.equal(Object.keys(thresholds).length, (4 + ERROR_CLASSES.length) * 4 + 3);
  assert.ok("mcp_tool_call_duration_ms{side:c}" in thresholds);
  assert.throws(() => slicesOf({ slices: { wires: { a: "session", b: "session" }, schedule } }, 4), /one of a, b/);
});
