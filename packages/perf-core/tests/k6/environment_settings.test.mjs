import assert from "node:assert/strict";
import { test } from "node:test";

import {
  endpointOf, healthUrlOf, seconds, usersOf, settingsFromEnvironment as fromEnvironment,
} from "../../src/perf_core/k6/lib/environment_settings.js";
import { shapes } from "./scenario_shapes.mjs";

const settingsFromEnvironment = (environment, name) => fromEnvironment(environment, shapes[name]);

test("defaults without a plan", () => {
  assert.deepEqual(settingsFromEnvironment({}, "load"), {
    scenario: "load", shape: "load", wire: "session", timeScale: 1, vus: null, ratePerS: null, thinkTimeS: 0,
    sessionPerIteration: false, callsPerSession: 3, requestTimeoutS: 30,
    tools: ["add", "subtract", "multiply", "divide"],
    kinds: ["small", "large", "decimal", "negative", "mixed", "edge"], journeys: [],
    byKind: false, pools: [], limits: null, identities: 0,
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
    [{ RATE: "100", THINK_TIME: "1" }, /^THINK_TIME: expected 0: an arrival rate sets the pace, got 1$/],
    [{ SESSION_PER_ITERATION: "perhaps" }, /^SESSION_PER_ITERATION: expected true or false.*, got "perhaps"$/],
    [{ SESSION_PER_ITERATION: "1", WIRE: "stateless" }, /^SESSION_PER_ITERATION: expected false: the stateless wire/],
  ];
  for (const [environment, message] of refusals) {
    assert.throws(() => settingsFromEnvironment(environment, "load"), { message }, JSON.stringify(environment));
  }
  assert.throws(() => settingsFromEnvironment({ THINK_TIME: "1" }, "endurance"), { message: /^THINK_TIME: expected 0/ });
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
  assert.equal(endpointOf("https://h/", true), "https://h/", "the lab gives the URL that it has called");
  assert.equal(endpointOf("https://h", true), "https://h/mcp");
  assert.equal(endpointOf("http://h:1/api/mcp"), "http://h:1/api/mcp");
  assert.equal(endpointOf("http://[::1]:1/mcp?tenant=a%20b"), "http://[::1]:1/mcp?tenant=a%20b");
  assert.equal(endpointOf("http://h?tenant=a"), "http://h/mcp?tenant=a");
  assert.equal(healthUrlOf("http://[::1]:1/api/mcp?key=k"), "http://[::1]:1/health");
  assert.throws(() => endpointOf("http://h/mcp?key=s3cret#part"), (error) => !error.message.includes("s3cret"));
  for (const url of ["localhost:8100", "ftp://h", "http://"]) assert.throws(() => endpointOf(url), /^SettingsError: SERVER_URL/);
});

test("users come from JSON, which is not repeated when it is wrong", () => {
  assert.deepEqual(usersOf("MCP_IDENTITIES", {}), []);
  const users = [{ headers: { Authorization: "Bearer a" } }];
  assert.deepEqual(usersOf("MCP_IDENTITIES", { MCP_IDENTITIES: JSON.stringify(users) }), users);
  const further = [{ headers: { Authorization: "Bearer b" } }, { headers: {} }];
  const both = { MCP_IDENTITIES: JSON.stringify(users), MCP_IDENTITIES_2: JSON.stringify(further), MCP_IDENTITIES_4: "[]" };
  assert.deepEqual(usersOf("MCP_IDENTITIES", both), [...users, ...further]);
  for (const text of ["s3cret", '{"headers":{}}', '[{"headers":"s3cret"}]', "[null]"]) {
    assert.throws(() => usersOf("MCP_IDENTITIES", { MCP_IDENTITIES: text }), (error) =>
      error.message.startsWith("MCP_IDENTITIES: expected a JSON list of users") && !error.message.includes("s3cret"));
  }
});

test("a shape that needs parts of a plan is refused without one", () => {
  for (const name of ["rate-limit", "tools", "large-scores"]) {
    const message = `PLAN: expected the path of a plan: perf-core run ${name} writes one, got nothing`;
    assert.throws(() => settingsFromEnvironment({ TEST_DURATION: "9" }, name), { message });
  }
});
