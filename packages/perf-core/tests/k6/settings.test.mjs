import assert from "node:assert/strict";
import { test } from "node:test";

import { settingsFromPlan as fromPlan } from "../../src/perf_core/k6/lib/settings.js";
import { shapes } from "./scenario_shapes.mjs";

const settingsFromPlan = (document, name) => fromPlan(document, shapes[name]);

const plan = (changes = {}, settings = {}) => ({
  schema: 1, run_id: "r", scenario: "load", shape: "load", wire: "session", tools: ["add"], kinds: [],
  settings: {
    time_scale: 1, vus: null, rate_per_s: null, think_time_s: 0, session_per_iteration: false, calls_per_session: 3,
    request_timeout_s: 30, ...settings,
  },
  ...changes,
});

test("settings of a plan", () => {
  const settings = settingsFromPlan(plan({ wire: "stateless", scenario: "music" }, { vus: 5, think_time_s: 0.1 }), "load");
  assert.equal(settings.wire, "stateless");
  assert.equal(settings.scenario, "music");
  assert.equal(settings.vus, 5);
  assert.equal(settings.thinkTimeS, 0.1);
  assert.deepEqual(settings.journeys, []);
});

test("a plan's length of the whole profile replaces the time scale", () => {
  assert.equal(settingsFromPlan(plan({}, { time_scale: 1, duration_s: 78 }), "load").timeScale, 0.1);
  assert.equal(settingsFromPlan(plan({}, { time_scale: 0.5, duration_s: null }), "load").timeScale, 0.5);
});

test("a malformed plan is refused with the field and the expected and actual value", () => {
  const refusals = [
    [null, "plan: expected a JSON object, got null"],
    [plan({ schema: 2 }), "plan.schema: expected 1, got 2"],
    [plan({ shape: "spike" }), /^plan.shape: expected "load" in scenarios\/load.js.*, got "spike"$/],
    [plan({ settings: undefined }), "plan.settings: expected an object, got nothing"],
    [plan({}, { time_scale: "1" }), 'plan.settings.time_scale: expected a number above 0, got "1"'],
    [plan({}, { calls_per_session: 0 }), "plan.settings.calls_per_session: expected a whole number from 1, got 0"],
    [plan({}, { request_timeout_s: undefined }), /^plan.settings.request_timeout_s: .*, got nothing$/],
    [plan({ tools: [] }), /^plan.tools: expected a list of names, at least one/],
    [plan({ tools: ["a,b"] }), /^plan.tools: .*got \["a,b"\]$/],
    [plan({ tools: ["a", "a"] }), /^plan.tools: /],
    [plan({ kinds: [""] }), /^plan.kinds: /],
    [plan({ journeys: ["a", 1] }), /^plan.journeys: expected a list of names/],
    [plan({}, { duration_s: "1m" }), /^plan.settings.time_scale: expected a number above 0/],
  ];
  for (const [bad, message] of refusals) assert.throws(() => settingsFromPlan(bad, "load"), { message });
});

test("pools, limits and identities of a plan", () => {
  const limited = plan({
    shape: "rate-limit", pools: { mix: [], small: [], large: [] }, limits: { rate_per_s: 0.5, burst: 3 }, identities: 1,
    kinds: ["unseen"],
  });
  const settings = settingsFromPlan(limited, "rate-limit");
  assert.deepEqual(settings.pools, ["small", "large"]);
  assert.deepEqual(settings.limits, { ratePerS: 0.5, burst: 3 });
  assert.equal(settings.identities, 1);
  assert.equal(settings.byKind, true);
  const refusals = [
    [{ limits: undefined }, /^plan.limits: expected the server's rate limits.*, got nothing$/],
    [{ limits: { rate_per_s: 0, burst: 3 } }, /^plan.limits: expected a rate_per_s above 0/],
    [{ limits: { rate_per_s: 1, burst: 1.5 } }, /^plan.limits: /],
    [{ identities: "a" }, /^plan.identities: expected a whole number from 0/],
    [{ pools: { "a,b": [] } }, /^plan.pools: expected names/],
  ];
  for (const [changes, message] of refusals) {
    assert.throws(() => settingsFromPlan({ ...limited, ...changes }, "rate-limit"), { message }, JSON.stringify(changes));
  }
});

test("a shape with a stage for each pool is refused without pools", () => {
  const message = /^plan.pools: expected a pool beside "mix": tools has a stage for each, got {"mix":\[\]}$/;
  assert.throws(() => settingsFromPlan(plan({ shape: "tools", pools: { mix: [] } }, { duration_s: 9 }), "tools"), { message });
});
