import assert from "node:assert/strict";
import { test } from "node:test";

import {
  journeyGraceS, k6Scenarios as k6ScenariosOf, pacedStages, peakVus, stagesOf, timeScaleOf as timeScaleOfShape,
} from "../../src/perf_core/k6/lib/shapes.js";
import { shapes } from "./scenario_shapes.mjs";

const tools = ["add", "divide"];
const defaults = { timeScale: 1, vus: null, ratePerS: null, tools, pools: ["small", "large"], limits: { ratePerS: 2, burst: 20 } };
const stages = (name, settings = {}) => stagesOf(shapes[name], { ...defaults, ...settings });
const scenarios = (name, settings = {}, withCleanup = false) =>
  k6ScenariosOf(shapes[name], stages(name, settings), { requestTimeoutS: 30, ...settings }, withCleanup);
const timeScaleOf = (name, settings, duration_s) => timeScaleOfShape(shapes[name], { tools, ...settings }, duration_s);
const brief = (list) => list.map(({ name, kind, vus, start_s, end_s }) => [name, kind, vus, start_s, end_s]);

test("load as published", () => {
  assert.deepEqual(brief(stages("load")), [
    ["ramp_50", "ramp", 50, 0, 60], ["hold_50", "hold", 50, 60, 360], ["ramp_100", "ramp", 100, 360, 420],
    ["hold_100", "hold", 100, 420, 720], ["ramp_0", "ramp", 0, 720, 780],
  ]);
  assert.deepEqual(scenarios("load").load.stages, [
    { duration: "60000ms", target: 50 }, { duration: "0s", target: 50 }, { duration: "300000ms", target: 50 },
    { duration: "60000ms", target: 100 }, { duration: "0s", target: 100 }, { duration: "300000ms", target: 100 },
    { duration: "60000ms", target: 0 },
  ]);
  assert.equal(scenarios("load").load.startVUs, 0);
});

test("stress as published", () => {
  const list = brief(stages("stress"));
  assert.deepEqual(list.map(([name]) => name), [
    "ramp_100", "hold_100", "ramp_200", "hold_200", "ramp_400", "hold_400", "ramp_800", "hold_800", "ramp_0",
  ]);
  assert.deepEqual(list[7], ["hold_800", "hold", 800, 1020, 1200]);
  assert.equal(list[8][4], 1320);
});

test("spike jumps at once and starts at its baseline", () => {
  const list = stages("spike");
  assert.deepEqual(brief(list).slice(0, 3), [
    ["baseline", "baseline", 10, 0, 30], ["spike_1", "spike", 200, 30, 90], ["recovery_1", "recovery", 10, 90, 150],
  ]);
  assert.equal(list.length, 11);
  const { load } = scenarios("spike");
  assert.equal(load.startVUs, 10);
  assert.deepEqual(load.stages.slice(2, 4), [{ duration: "0s", target: 200 }, { duration: "60000ms", target: 200 }]);
});

test("endurance is paced by a rate, and calls of a slow server queue in further VUs", () => {
  const list = stages("endurance");
  assert.deepEqual(list.map((stage) => [stage.name, stage.rate_per_s, stage.end_s - stage.start_s, stage.vus]), [
    ["ramp_up", 200, 300, 50], ["hold", 200, 7200, 50], ["ramp_down", 0, 300, 50],
  ]);
  const { load } = scenarios("endurance", {}, true);
  assert.equal(load.executor, "ramping-arrival-rate");
  assert.deepEqual([load.preAllocatedVUs, load.maxVUs], [50, 2000]);
  assert.equal(scenarios("endurance", { ratePerS: 3 }).load.maxVUs, 90);
  // Per ten seconds, so that shares of small rates are whole numbers.
  assert.equal(load.timeUnit, "10s");
  assert.deepEqual(load.stages.map((stage) => stage.target), [2000, 2000, 2000, 0]);
  assert.deepEqual(stages("endurance", { ratePerS: 7 }).map((stage) => stage.rate_per_s), [7, 7, 0]);
});

test("concurrent climbs to the published levels, or to the number of clients set", () => {
  assert.deepEqual(brief(stages("concurrent")).filter(([, kind]) => kind === "hold"), [
    ["hold_10", "hold", 10, 10, 70], ["hold_50", "hold", 50, 80, 140], ["hold_100", "hold", 100, 150, 210],
    ["hold_200", "hold", 200, 220, 280],
  ]);
  assert.deepEqual(brief(stages("concurrent", { vus: 7 })), [
    ["ramp_7", "ramp", 7, 0, 10], ["hold_7", "hold", 7, 10, 70], ["ramp_0", "ramp", 0, 70, 80],
  ]);
});

test("tools and large-scores call one pool after another, by one client", () => {
  const pools = ["20x100", "50x200"];
  for (const [shape, length_s] of [["tools", 30], ["large-scores", 120]]) {
    assert.deepEqual(stages(shape, { pools }).map((stage) => [stage.name, stage.pool, stage.vus, stage.end_s]), [
      ["20x100", "20x100", 1, length_s], ["50x200", "50x200", 1, 2 * length_s],
    ]);
  }
});

test("stability follows the hours of a day", () => {
  const hours = stages("stability");
  assert.equal(hours.length, 24);
  assert.equal(hours[23].end_s, 600);
  const rates = Object.fromEntries(hours.map((stage) => [stage.name, stage.rate_per_s]));
  assert.deepEqual([rates.hour_08, rates.hour_09, rates.hour_16, rates.hour_17, rates.hour_21, rates.hour_22], [3, 10, 10, 7, 7, 3]);
  assert.deepEqual(stages("stability", { ratePerS: 1 }).slice(0, 1).map((stage) => stage.rate_per_s), [0.3]);
  const { load } = scenarios("stability");
  // The load jumps at the full hour: a ramp would belong to two hours.
  assert.deepEqual(load.stages.slice(16, 20), [
    { duration: "0s", target: 30 }, { duration: "25000ms", target: 30 },
    { duration: "0s", target: 100 }, { duration: "25000ms", target: 100 },
  ]);
});

test("memory and cleanup are paced by an arrival rate", () => {
  assert.deepEqual(stages("memory").map((stage) => [stage.name, stage.rate_per_s, stage.end_s]), [
    ["warm_up", 10, 60], ["hold", 10, 360],
  ]);
  assert.deepEqual(stages("cleanup").map((stage) => [stage.rate_per_s, stage.end_s]), [[5, 10]]);
});

test("rate-limit waits as long as buckets take to fill, at every time scale", () => {
  const limits = { ratePerS: 2, burst: 20 };
  const lengths = (timeScale) => Object.fromEntries(stages("rate-limit", { limits, timeScale }).map(
    (stage) => [stage.name, Math.round((stage.end_s - stage.start_s) * 1000) / 1000],
  ));
  assert.deepEqual(lengths(1), {
    fill: 11, burst: 2, sustained: 60, wait_half: 5, replenished_half: 2, wait_long: 16, replenished_whole: 2, retry: 20,
  });
  assert.deepEqual(lengths(0.5), { ...lengths(1), sustained: 30, retry: 10 });
  assert.equal(timeScaleOf("rate-limit", { tools, limits }, 38 + 40), 0.5);
  assert.ok(timeScaleOf("rate-limit", { tools, limits }, 1) > 0);
  assert.equal(timeScaleOf("endurance", { tools }, 1), 1 / 7800);
  const { load } = scenarios("rate-limit", { limits, vus: 9 });
  assert.deepEqual([load.executor, load.vus, load.iterations], ["per-vu-iterations", 2, 1]);
});

test("benchmark calls each tool alone, then the mix, then no tool", () => {
  assert.deepEqual(stages("benchmark").map((stage) => [stage.name, stage.pool, stage.vus, stage.kind]), [
    ["add", "add", 10, "hold"], ["divide", "divide", 10, "hold"], ["mixed", "mix", 20, "hold"],
    ["protocol", "mix", 1, "protocol"],
  ]);
});

test("a tool with the name of a stage gets a stage with another name", () => {
  const names = stages("benchmark", { tools: ["mixed", "protocol"] }).map((stage) => stage.name);
  assert.deepEqual(names, ["mixed", "protocol", "mixed_2", "protocol_2"]);
});

test("the time scale shortens every stage down to a minimum", () => {
  assert.deepEqual(stages("load", { timeScale: 0.1 }).map((stage) => stage.end_s), [6, 36, 42, 72, 78]);
  const short = stages("stress", { timeScale: 1e-6 }).map((stage) => stage.end_s - stage.start_s);
  short.forEach((length_s, index) => assert.ok(Math.abs(length_s - (index % 2 === 0 ? 0.2 : 1)) < 1e-9, String(length_s)));
});

test("levels follow the peak in proportion, at least one VU", () => {
  const levels = (shape, vus) => stages(shape, { vus }).map((stage) => stage.vus);
  assert.deepEqual(levels("load", 8), [4, 4, 8, 8, 0]);
  assert.deepEqual(levels("stress", 3), [1, 1, 1, 1, 2, 2, 3, 3, 0]);
  assert.deepEqual(levels("spike", 20).slice(0, 3), [1, 20, 1]);
  assert.deepEqual(levels("benchmark", 4), [2, 2, 4, 1]);
  assert.deepEqual(levels("endurance", 5), [5, 5, 5]);
  assert.deepEqual(levels("quick", 1), [1]);
});

test("names of stages are unique even when levels coincide", () => {
  assert.ok(Object.keys(shapes).length >= 14);
  for (const shape of Object.keys(shapes)) {
    const names = stages(shape, { vus: 1 }).map((stage) => stage.name);
    assert.equal(new Set(names).size, names.length, `${shape}: ${names}`);
  }
});

test("the cleanup starts after the load has released its VUs, and only when sessions are kept", () => {
  const settings = { timeScale: 0.1, vus: 6 };
  const { cleanup, load } = scenarios("load", settings, true);
  assert.equal(load.gracefulStop, "7800ms");
  assert.equal(cleanup.startTime, "85900ms");
  assert.equal(cleanup.vus, peakVus(stages("load", settings)));
  assert.equal(cleanup.iterations, 1);
  assert.deepEqual(Object.keys(scenarios("load", settings)), ["load"]);
});

test("time for journeys in progress grows with the load, within bounds", () => {
  assert.equal(journeyGraceS(stages("quick")), 3);
  assert.equal(journeyGraceS(stages("quick", { timeScale: 0.1 })), 2);
  assert.equal(journeyGraceS(stages("endurance")), 30);
});

test("every call can time out before k6 ends its VU", () => {
  const { load } = scenarios("load", { timeScale: 0.1, requestTimeoutS: 12 });
  // 12 s for the answer, 7.8 s in which a journey may begin further calls, and 2 s to count the failure.
  assert.deepEqual([load.gracefulStop, load.gracefulRampDown], ["21800ms", "21800ms"]);
});

test("a rate turns the levels of any shape into shares of it, under the same names", () => {
  const list = stages("load", { ratePerS: 300 });
  assert.deepEqual(list.map(({ name, rate_per_s, vus }) => [name, rate_per_s, vus]), [
    ["ramp_50", 150, 150], ["hold_50", 150, 150], ["ramp_100", 300, 150], ["hold_100", 300, 150], ["ramp_0", 0, 150],
  ]);
  const { load } = scenarios("load", { ratePerS: 300 });
  assert.deepEqual([load.executor, load.preAllocatedVUs, load.maxVUs], ["ramping-arrival-rate", 150, 2000]);
  assert.equal(stages("quick", { ratePerS: 2 })[0].vus, 10);
  assert.equal(stages("quick", { ratePerS: 300, vus: 40 })[0].vus, 40);
});

test("every scenario file defines a shape under its own name, with stages", () => {
  assert.ok(Object.keys(shapes).length >= 14);
  for (const [file, shape] of Object.entries(shapes)) {
    assert.equal(shape.name, file);
    assert.ok(stages(file).length > 0, file);
  }
});

test("a plan may state stages of its own, at arrival rates of tenths", () => {
  const list = pacedStages({
    vus: 7, most_vus: 30, stages: [["ramp", "ramp", 12.3, 1], ["warm_up", "ramp", 12.3, 1.5], ["hold", "hold", 12.3, 10]],
  });
  assert.deepEqual(list.map(({ name, rate_per_s, start_s, end_s }) => [name, rate_per_s, start_s, end_s]), [
    ["ramp", 12.3, 0, 1], ["warm_up", 12.3, 1, 2.5], ["hold", 12.3, 2.5, 12.5],
  ]);
  const { load } = k6ScenariosOf(shapes.quick, list, { requestTimeoutS: 5 }, false);
  assert.deepEqual([load.executor, load.preAllocatedVUs, load.maxVUs], ["ramping-arrival-rate", 7, 30]);
  assert.deepEqual(load.stages, [
    { duration: "1000ms", target: 123 }, { duration: "1500ms", target: 123 },
    { duration: "0s", target: 123 }, { duration: "10000ms", target: 123 },
  ]);
});
