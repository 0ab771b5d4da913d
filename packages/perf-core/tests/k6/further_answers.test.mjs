import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { answerChecker } from "../../src/perf_core/k6/lib/answer_check.js";
import { answerError, EXPECT_KINDS, METHODS } from "../../src/perf_core/k6/lib/answers.js";
import * as further from "../../src/perf_core/k6/lib/further_answers.js";

const ID = 3000000007;
/** Cases that Python judges, too (tests/load/test_answers.py). */
const cases = JSON.parse(readFileSync(new URL("../data/answers.json", import.meta.url), "utf8")).map((each) => {
  const answerText = each.answer_text ?? JSON.stringify(each.answer);
  return {
    ...each,
    method: each.method ?? "tools/call",
    expectText: each.expected_text ?? JSON.stringify(each.expected),
    body: `{"jsonrpc":"2.0","id":${ID},${answerText.slice(1)}`,
  };
});

for (const { name, method, kind, expectText, body, error } of cases) {
  test(name, () => {
    assert.equal(answerError(body, ID, kind, expectText, method, further), error);
    assert.equal(answerChecker(further)({ body }, ID, "t", kind, expectText, method), error);
    const stream = `event: message\r\ndata: ${body}\r\n\r\n`;
    assert.equal(answerError(stream, ID, kind, expectText, method, further), error);
    assert.equal(answerError(body, ID + 1, kind, expectText, method, further), "wrong_answer", "answer to another request");
  });
}

test("cases cover every kind and method, right and wrong", () => {
  for (const kind of EXPECT_KINDS) {
    for (const isRight of [true, false]) {
      assert.ok(cases.some((each) => each.kind === kind && (each.error === null) === isRight), `${kind} ${isRight}`);
    }
  }
  for (const method of METHODS) assert.ok(cases.some((each) => each.method === method && each.error === null), method);
});

test("a checker that has seen every right answer still finds every wrong one", () => {
  const check = answerChecker(further);
  const judge = ({ method, kind, expectText, body }) => check({ body }, ID, method, kind, expectText, method);
  for (let round = 0; round < 3; round += 1) for (const each of cases) if (each.error === null) judge(each);
  for (const each of cases) assert.equal(judge(each), each.error, each.name);
});

test("whole results that the server writes as expected are not parsed after the first", () => {
  const check = answerChecker(further);
  const result = (text) => JSON.stringify({ content: [{ type: "text", text }], _meta: {} });
  const body = (text, id) => `{"jsonrpc":"2.0","id":${id},"result":${result(text)}}`;
  assert.equal(check({ body: body("a", ID) }, ID, "t", "whole", result("a")), null);
  const parse = JSON.parse;
  JSON.parse = () => assert.fail("parsed");
  try {
    assert.equal(check({ body: body("b", ID + 1) }, ID + 1, "t", "whole", result("b")), null);
  } finally {
    JSON.parse = parse;
  }
  assert.equal(check({ body: body("c", ID) }, ID, "t", "whole", result("b")), "wrong_answer");
});

test("a copy of the expected result within another result teaches nothing", () => {
  const check = answerChecker(further);
  const right = (text) => JSON.stringify({ content: [{ type: "text", text }] });
  const body = (text, copied) =>
    `{"jsonrpc":"2.0","id":${ID},"result":{ "content": [{"type":"text","text":"${text}"}],"_meta":{"copy":${right(copied)}}}}`;
  assert.equal(check({ body: body("a", "a") }, ID, "t", "whole", right("a")), null);
  assert.equal(check({ body: body("a", "b") }, ID, "t", "whole", right("b")), "wrong_answer");
});

test("what one kind expects is not looked for in the place of another", () => {
  const check = answerChecker(further);
  const body = (text) => JSON.stringify({ jsonrpc: "2.0", id: ID, result: { content: [{ type: "text", text }] } });
  for (const text of ["x", "y"]) assert.equal(check({ body: body(text) }, ID, "t", "text", JSON.stringify(text)), null);
  assert.equal(check({ body: body("a\\.c") }, ID, "t", "regex", JSON.stringify("a\\.c")), "wrong_answer");
  assert.equal(check({ body: body("a.c") }, ID, "t", "regex", JSON.stringify("a\\.c")), null);
});

/** An answer as k6 has it, whose JSON engine gives these values for any selector. */
function seenBy(engine, kind, expectText, body = "{") {
  let selector = "";
  const json = (each) => {
    selector = each;
    return { id: ID, v: "2.0", n: 1, k: ["text"], ...engine };
  };
  return { error: answerChecker(further)({ body, json }, ID, "t", kind, expectText), selector };
}

test("k6's JSON engine is asked for the parts that decide, for further kinds, too", () => {
  const right = [
    ["contains", '"cold"', { s: "it is cold" }], ["regex", '"^c"', { s: "cold" }], ["json", '{"a":1}', { s: '{"a":1,"b":2}' }],
    ["whole", '{"content":[]}', { s: '{"content":[]}' }], ["paths", '{"/content/1/text":"x"}', { p_0: '"x"' }],
  ];
  for (const [kind, expectText, engine] of right) {
    assert.equal(seenBy(engine, kind, expectText).error, null, kind);
    // What the engine does not accept is parsed, and "{" is no JSON.
    const wrong = Object.fromEntries(Object.keys(engine).map((name) => [name, '{"other":0}']));
    assert.equal(seenBy(wrong, kind, expectText).error, "wrong_answer", kind);
    assert.equal(seenBy({ ...engine, id: ID + 1 }, kind, expectText).error, "wrong_answer", kind);
    if (kind !== "whole" && kind !== "paths") {
      assert.equal(seenBy({ ...engine, k: ["image"] }, kind, expectText).error, "wrong_answer", kind);
    }
  }
  assert.match(seenBy({ p_0: '"x"' }, "paths", '{"/content/1/text":"x"}').selector, /"p_0":result\.content\.1\.text\.@tostr/);
  assert.equal(seenBy({ p_0: "1" }, "paths", '{"/a~1b":1}').selector, "", "no selector for names that need escaping");
});

test("k6's JSON engine is not asked about other methods, whose results have another form", () => {
  const body = `{"jsonrpc":"2.0","id":${ID},"result":{"contents":[{"uri":"file:///a","text":"a"}]}}`;
  const json = () => assert.fail("asked");
  assert.equal(answerChecker(further)({ body, json }, ID, "t", "any", "", "resources/read"), null);
});

test("a pattern is compiled once while there are few, and not all are kept", () => {
  const compile = globalThis.RegExp;
  let compiled = 0;
  globalThis.RegExp = class extends compile {
    constructor(...args) {
      super(...args);
      compiled += 1;
    }
  };
  try {
    for (let count = 0; count < 5; count += 1) assert.ok(further.isExpectedText("x7", "regex", '"^x7"'));
    assert.equal(compiled, 1);
    for (let count = 0; count < 300; count += 1) assert.ok(further.isExpectedText(`y${count}`, "regex", `"^y${count}$"`));
    assert.equal(compiled, 301);
    assert.ok(further.isExpectedText("x7", "regex", '"^x7"'));
    assert.equal(compiled, 302, "patterns that are drawn anew must not fill the memory");
  } finally {
    globalThis.RegExp = compile;
  }
});
