import assert from "node:assert/strict";
import { test } from "node:test";

import { calculation, calculatorPool } from "../../src/perf_core/k6/lib/calculations.js";
import { Cursor, JOURNEY_FIELDS, lengthOf, SEPARATOR, startOf } from "../../src/perf_core/k6/lib/journey_cursor.js";
import { packPools } from "../../src/perf_core/k6/lib/journey_packing.js";
import { AFTER_ARGUMENTS, afterId, BEFORE_ID, beforeArguments, headerValue } from "../../src/perf_core/k6/lib/wire.js";

const settings = { wire: "session", tools: ["add"], kinds: ["small"] };
const step = (a) => ["add", `{"a":${a},"b":0}`, "result", `{"result":${a}}`];
const single = (a) => ["add", "small", [step(a)]];

/** Return the first arguments that a VU sends, in order. */
function walk(journeys, vu, count) {
  const { places, chunks } = packPools({ mix: journeys }, ["mix"], settings);
  const cursor = new Cursor((index) => chunks[index], places.mix, vu);
  return Array.from({ length: count }, () => {
    const { fields, at } = cursor;
    const end = at + lengthOf(fields[at]);
    if (end < fields.length) cursor.at = end;
    else cursor.load();
    return JSON.parse(fields[at + JOURNEY_FIELDS + 1]).a;
  });
}

test("VU walks the whole pool in a circle from its own start", () => {
  const journeys = Array.from({ length: 250 }, (_, a) => single(a));
  for (const vu of [1, 2, 77]) {
    const sent = walk(journeys, vu, 500);
    assert.equal(sent[0], startOf(vu, 250));
    assert.deepEqual(sent.slice(0, 250).sort((a, b) => a - b), journeys.map((_, a) => a));
    assert.deepEqual(sent.slice(250), sent.slice(0, 250));
  }
});

test("cursor moves by whole journeys of several steps", () => {
  const journeys = Array.from({ length: 150 }, (_, a) => ["j", "", Array.from({ length: 1 + (a % 3) }, () => step(a))]);
  assert.deepEqual(new Set(walk(journeys, 3, 150)).size, 150);
});

test("800 VUs start far apart in a pool of 20,000", () => {
  const starts = Array.from({ length: 800 }, (_, vu) => startOf(vu + 1, 20000)).sort((a, b) => a - b);
  const gaps = starts.slice(1).map((start, index) => start - starts[index]);
  assert.ok(Math.min(...gaps) >= 5, String(Math.min(...gaps)));
  assert.ok(starts[0] >= 0 && starts[799] < 20000);
});

test("malformed pool is refused with its position", () => {
  const refusals = [
    [{}, "plan.pools.mix: expected a list of journeys, at least one, got nothing"],
    [{ mix: [] }, "plan.pools.mix: expected a list of journeys, at least one, got []"],
    [{ mix: [single(1), ["add", "small"]] }, /^plan.pools.mix\[1\]: expected \[name, kind, \[step, …\]\]/],
    [{ mix: [["add", "huge", [step(1)]]] }, /^plan.pools.mix\[0\]\[1\]: expected a kind from plan.kinds \(small\)/],
    [{ mix: [["add", "", [["add", "{}", "result"]]]] }, /^plan.pools.mix\[0\]\[2\]\[0\]: expected \[tool/],
    [{ mix: [["add", "", [["pow", "{}", "result", "{}"]]]] }, /\[2\]\[0\]\[0\]: expected a tool from plan.tools.*"pow"$/],
    [{ mix: [["add", "", [["add", "{}", "maybe", "{}"]]]] }, /\[2\]\[0\]\[2\]: expected one of result, members, text, contains/],
    ...[{ method: "tools/list" }, { save: ["id"] }, { save: { id: 1 } }, { other: 1 }, null, "x"].map((options) => [
      { mix: [["add", "", [["add", "{}", "any", "", options]]]] }, /\[2\]\[0\]\[4\]: expected \{method: one of tools\/call, resources/,
    ]),
    ...[["constant"], ["uniform", 1], ["exponential", "2"], ["constant", -1], ["toString"], "constant", []].map((thinkTime) => [
      { mix: [["add", "", [step(1)], thinkTime]] }, /^plan.pools.mix\[0\]\[3\]: expected \["constant", s\]/,
    ]),
  ];
  for (const [pools, message] of refusals) assert.throws(() => packPools(pools, ["mix"], settings), { message });
});

test("options and think times are packed, and VUs are told what a plan contains", () => {
  const packed = (...journeys) => packPools({ mix: journeys }, ["mix"], settings);
  const plain = packed(single(1));
  assert.deepEqual(plain.contents, { hasUnique: false, hasFurther: false, hasThinkTimes: false });
  assert.deepEqual(plain.chunks[0].split(SEPARATOR), ["1", "add", "small", "", "add", '{"a":1,"b":0}', "result", '{"result":1}', ""]);
  const saving = packed(single(1), ["j", "", [step(1), [...step(2), { save: { id: "/a" } }]]]);
  assert.deepEqual(saving.contents, { hasUnique: false, hasFurther: true, hasThinkTimes: false });
  assert.equal(saving.chunks[0].split(SEPARATOR).pop(), '{"save":{"id":"/a"}}');
  assert.ok(packed(["j", "", [["add", "{}", "contains", '"x"']]]).contents.hasFurther);
  assert.ok(packed(["j", "", [["add", "{}", "any", "", { method: "prompts/get" }]]]).contents.hasFurther);
  const pausing = packed(["j", "", [step(1)], ["uniform", 1, 2.5]], single(2));
  assert.deepEqual(pausing.contents, { hasUnique: false, hasFurther: false, hasThinkTimes: true });
  assert.equal(pausing.chunks[0].split(SEPARATOR)[3], "uniform 1 2.5");
  assert.ok(packed(["j", "", [["add", '{"a":"{unique}"}', "any", ""]]]).contents.hasUnique);
});

test("requests of both wires", () => {
  const request = (wire) => JSON.parse(BEFORE_ID + 5 + beforeArguments(wire, 'a"b') + '{"x":"ü"}' + AFTER_ARGUMENTS);
  assert.deepEqual(request("session"), {
    jsonrpc: "2.0", id: 5, method: "tools/call", params: { name: 'a"b', arguments: { x: "ü" } },
  });
  assert.deepEqual(request("stateless").params, {
    name: 'a"b', arguments: { x: "ü" },
    _meta: {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
      "io.modelcontextprotocol/clientInfo": { name: "k6", version: "1" },
    },
  });
  assert.deepEqual(JSON.parse(BEFORE_ID + 5 + afterId("session", "ping")).params, {});
});

test("names that a header cannot carry are encoded", () => {
  const base64 = (text) => Buffer.from(text, "utf8").toString("base64");
  assert.equal(headerValue("add", base64), "add");
  assert.equal(headerValue("a b", base64), "a b");
  assert.equal(headerValue("größe", base64), "=?base64?Z3LDtsOfZQ==?=");
  for (const name of [" a", "a ", "a\nb", "=?base64?YQ==?="]) {
    assert.equal(headerValue(name, base64), `=?base64?${base64(name)}?=`);
  }
});

test("calculations and their answers", () => {
  assert.deepEqual(calculation("subtract", 2, 5), ["subtract", '{"a":2,"b":5}', "result", '{"result":-3}']);
  assert.deepEqual(calculation("divide", 7, 2), ["divide", '{"a":7,"b":2}', "result", '{"result":3.5}']);
  assert.deepEqual(calculation("divide", 7, 0), ["divide", '{"a":7,"b":0}', "error", "null"]);
});

test("mix of the calculator has the published shares, is seeded, and keeps whole numbers exact", () => {
  const mix = calculatorPool("mix", 10000, 1);
  const share = (tool) => mix.filter(([name]) => name === tool).length / 100;
  for (const [tool, percent] of [["add", 40], ["subtract", 30], ["multiply", 20], ["divide", 10]]) {
    assert.ok(Math.abs(share(tool) - percent) < 2, `${tool}: ${share(tool)} %`);
  }
  assert.deepEqual(calculatorPool("mix", 10000, 1), mix);
  assert.notDeepEqual(calculatorPool("mix", 10000, 2), mix);
  for (const [, , [[, , kind, expected]]] of mix) {
    assert.equal(kind, "result");
    assert.ok(Math.abs(JSON.parse(expected).result) <= Number.MAX_SAFE_INTEGER, expected);
  }
});

test("pool of divisions has divisions by zero", () => {
  const edges = calculatorPool("divide", 100, 1).filter(([, kind]) => kind === "edge");
  assert.equal(edges.length, 5);
  assert.ok(edges.every(([, , [[, , kind]]]) => kind === "error"));
});

test("a pattern that does not compile is a mistake of the plan, and not of each answer", () => {
  const pack = (pattern) => packPools({ mix: [["j", "", [["add", "{}", "regex", JSON.stringify(pattern)]]]] }, ["mix"], settings);
  pack("^a{2}$");
  pack("\\-");
  assert.throws(() => pack("("), /plan\.pools\.mix\[0\]\[2\]\[0\]\[3\].*pattern that k6 can use/);
});

test("an escaped placeholder asks for no unique text", () => {
  const contents = (text) => packPools({ mix: [["j", "", [["add", text, "any", ""]]]] }, ["mix"], settings).contents;
  assert.equal(contents('{"a":"{unique}"}').hasUnique, true);
  assert.equal(contents('{"a":"\\u007bunique}"}').hasUnique, false);
});
