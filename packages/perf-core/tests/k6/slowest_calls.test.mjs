import assert from "node:assert/strict";
import { test } from "node:test";

import { slowestCalls } from "../../src/perf_core/k6/lib/slowest_calls.js";

const LOAD = { start_ms: 1000, end_ms: 101_000 };
const ABOUT = { tool: "add", stage: "hold", class: null, session: "s", arguments: "a" };

/** Keeps calls that exceed the threshold, as a virtual user does; returns what was told, as lists of durations. */
function user(most, load = LOAD) {
  const told = [];
  const slowest = slowestCalls(most, load, (calls) => told.push(calls));
  let slow_ms = 0;
  const call = (duration_ms, now_ms) => {
    if (duration_ms > slow_ms) slow_ms = slowest.keep({ blocked: 1, receiving: 2 }, duration_ms, now_ms, ...Object.values(ABOUT));
    return slow_ms;
  };
  return { call, slowest, told, durations: () => told.map((calls) => calls.map((each) => each.duration_ms)) };
}

test("a call is told with its start and its parts", () => {
  const { call, told } = user(2);
  call(30, 5000);
  assert.deepEqual(told, [[
    { at_ms: 3970, duration_ms: 30, connect_ms: 1, wait_ms: 27, transfer_ms: 2, ...ABOUT },
  ]]);
});

test("the threshold is the quickest of the calls that are kept", () => {
  const { call } = user(3);
  assert.deepEqual([50, 20, 40, 10, 30, 60].map((ms, index) => call(ms, 2000 + index)), [0, 0, 20, 20, 30, 40]);
});

test("calls are told together after two seconds, unless one is twice as slow as any before", () => {
  const { call, slowest, durations } = user(3);
  call(20, 2000);
  call(30, 2100);
  call(35, 2200);
  assert.deepEqual(durations(), [[20]]);
  assert.equal(slowest.due_ms(), 4000);
  slowest.tellDue(3999);
  assert.deepEqual(durations(), [[20]]);
  slowest.tellDue(4000);
  assert.deepEqual(durations(), [[20], [30, 35]]);
  assert.equal(slowest.due_ms(), Infinity);
  call(50, 4500);
  call(71, 4600);
  assert.deepEqual(durations().slice(2), [[50, 71]]);
});

test("a call that a slower one displaced is not told any more", () => {
  const { call, slowest, durations } = user(1);
  call(20, 2000);
  call(21, 2100);
  call(22, 2200);
  slowest.tellDue(4000);
  assert.deepEqual(durations(), [[20], [22]]);
});

test("at the end of the load nothing waits to be told", () => {
  const { call, slowest, durations } = user(4);
  call(20, 99_900);
  call(21, 99_950);
  assert.equal(slowest.due_ms(), 100_000);
  slowest.tellDue(100_000);
  call(22, 100_500);
  call(23, 102_000);
  assert.deepEqual(durations(), [[20], [21], [22], [23]]);
});

test("the end of a short load is a tenth of it", () => {
  const { call, slowest } = user(2, { start_ms: 0, end_ms: 2000 });
  call(20, 1000);
  call(21, 1001);
  assert.equal(slowest.due_ms(), 1800);
});

test("of many calls the slowest are told, whatever their order", () => {
  const numbers = Array.from({ length: 1000 }, (_, number) => number);
  for (const order of [(n) => n + 1, (n) => 1000 - n, (n) => (n * 7919) % 1000 + 1]) {
    const { call, slowest, durations } = user(5);
    for (const number of numbers) {
      slowest.tellDue(2000 + number * 50);
      call(order(number), 2000 + number * 50);
    }
    slowest.tellDue(101_000);
    assert.deepEqual(durations().flat().sort((a, b) => b - a).slice(0, 5), [1000, 999, 998, 997, 996]);
  }
});
