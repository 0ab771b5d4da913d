import assert from "node:assert/strict";
import { test } from "node:test";

import {
  endpointOf, healthUrlOf, seconds, settingsFromEnvironment as fromEnvironment, settingsFromPlan as fromPlan,
} from "../../src/perf_core/k6/lib/settings.js";
import { shapes } from "./scenario_shapes.mjs";

const settingsFromEnvironment = (environment, name) => fromEnvironment(environment, shapes[name]);
const settingsFromPlan = (document, name) => fromPlan(document, shapes[name]);

const plan = (changes = {}, settings = {}) => ({
  schema: 1, run_id: "r", scenario: "load", shape: "load", wire: "session", tools: ["add"], kinds: [],
  settings: {
    time_scale: 1, vus: null, rate_per_s: null, think_time_s: 0, session_per_iteration: false, calls_per_session: 3,
    request_timeout_s: 30, ...settings,
  },
  ...changes,
});

test("defaults without a plan", () => {
  assert.deepEqual(settingsFromEnvironment({}, "load"), {
    scenario: "load", shape: "load", wire: "session", timeScale: 1, vus: null, ratePerS: null, thinkTimeS: 0,
    sessionPerIteration: false, callsPerSession: 3, requestTimeoutS: 30,
    tools: ["add", "subtract", "multiply", "divide"],
    kinds: ["small", "large", "decimal", "negative", "mixed", "edge"], journeys: [],
    byKind: false, pools: [], limits: null, tokens: [],
  });
});

test("environment variables set up a run without a plan", () => {
  const settings = settingsFromEnvironment({
    WIRE: "session", TEST_DURATION: "78", TEST_VUS: "7", THINK_TIME: "0.5", SESSION_PER_ITERATION: "true",
  }, "load");
  assert.equal(settings.timeScale, 0.1);
  assert.equal(settings.vus, 7);
  assert.equal(settings.thinkTimeS, 0.5);
  assert.equal(settings.sessionPerIteration, true);
  assert.equal(settingsFromEnvironment({ RATE: "20", TIME_SCALE: "0.01" }, "endurance").ratePerS, 20);
});

test("an unusable variable is refused with its name and the expected and actual value", () => {
  const refusals = [
    [{ TEST_VUS: "many" }, 'TEST_VUS: expected a number, got "many"'],
    [{ TEST_VUS: "0" }, /^TEST_VUS: expected a whole number from 1.*, got 0$/],
    [{ TEST_VUS: "2.5" }, /^TEST_VUS: .*, got 2.5$/],
    [{ WIRE: "http" }, 'WIRE: expected "session" or "stateless", got "http"'],
    [{ TIME_SCALE: "-1" }, "TIME_SCALE: expected a number above 0, got -1"],
    [{ TEST_DURATION: "soon" }, /^TEST_DURATION: expected a duration.*, got "soon"$/],
    [{ TEST_DURATION: "0s" }, /^TEST_DURATION: expected a duration above 0/],
    [{ TEST_DURATION: "5m", TIME_SCALE: "1" }, /^TIME_SCALE: expected no value beside TEST_DURATION/],
    [{ RATE: "100" }, /^RATE: expected none: load has no arrival rate, got 100$/],
    [{ SESSION_PER_ITERATION: "perhaps" }, /^SESSION_PER_ITERATION: expected true or false.*, got "perhaps"$/],
    [{ SESSION_PER_ITERATION: "1", WIRE: "stateless" }, /^SESSION_PER_ITERATION: expected false: the stateless wire/],
  ];
  for (const [environment, message] of refusals) {
    assert.throws(() => settingsFromEnvironment(environment, "load"), { message }, JSON.stringify(environment));
  }
  assert.throws(() => settingsFromEnvironment({ THINK_TIME: "1" }, "endurance"), { message: /^THINK_TIME: expected 0/ });
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

test("pools, limits and tokens of a plan", () => {
  const limited = plan({
    shape: "rate-limit", pools: { mix: [], small: [], large: [] }, limits: { rate_per_s: 0.5, burst: 3 }, tokens: ["a"],
    kinds: ["unseen"],
  });
  const settings = settingsFromPlan(limited, "rate-limit");
  assert.deepEqual(settings.pools, ["small", "large"]);
  assert.deepEqual(settings.limits, { ratePerS: 0.5, burst: 3 });
  assert.deepEqual(settings.tokens, ["a"]);
  assert.equal(settings.byKind, true);
  const refusals = [
    [{ limits: undefined }, /^plan.limits: expected the server's rate limits.*, got nothing$/],
    [{ limits: { rate_per_s: 0, burst: 3 } }, /^plan.limits: expected a rate_per_s above 0/],
    [{ limits: { rate_per_s: 1, burst: 1.5 } }, /^plan.limits: /],
    [{ tokens: "a" }, /^plan.tokens: expected a list of strings/],
    [{ pools: { "a,b": [] } }, /^plan.pools: expected names/],
  ];
  for (const [changes, message] of refusals) {
    assert.throws(() => settingsFromPlan({ ...limited, ...changes }, "rate-limit"), { message }, JSON.stringify(changes));
  }
});

test("a shape that needs parts of a plan is refused without them", () => {
  for (const name of ["rate-limit", "tools", "large-scores"]) {
    const message = `PLAN: expected the path of a plan: perf-core run ${name} writes one, got nothing`;
    assert.throws(() => settingsFromEnvironment({ TEST_DURATION: "9" }, name), { message });
  }
  const message = /^plan.pools: expected a pool beside "mix": tools has a stage for each, got {"mix":\[\]}$/;
  assert.throws(() => settingsFromPlan(plan({ shape: "tools", pools: { mix: [] } }, { duration_s: 9 }), "tools"), { message });
});

test("durations", () => {
  const lengths = { 90: 90, "90s": 90, "2m": 120, "1h": 3600, "1h30m": 5400, "1m30s": 90, "500ms": 0.5, " 1.5m ": 90 };
  for (const [text, expected] of Object.entries(lengths)) assert.equal(seconds("X", text), expected, text);
  for (const text of ["", "s", "1d", "1 m", "-5", "1e3"]) assert.throws(() => seconds("X", text), /^SettingsError: X: /);
});

test("addresses", () => {
  assert.equal(endpointOf(undefined), "http://127.0.0.1:8100/mcp");
  assert.equal(endpointOf("http://h:1"), "http://h:1/mcp");
  assert.equal(endpointOf("https://h/"), "https://h/mcp");
  assert.equal(endpointOf("http://h:1/api/mcp"), "http://h:1/api/mcp");
  assert.equal(healthUrlOf("http://[::1]:1/api/mcp"), "http://[::1]:1/health");
  for (const url of ["localhost:8100", "ftp://h", "http://"]) assert.throws(() => endpointOf(url), /^SettingsError: SERVER_URL/);
});
