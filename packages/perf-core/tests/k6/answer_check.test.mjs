import assert from "node:assert/strict";
import { test } from "node:test";

import { answerChecker, patternOf } from "../../src/perf_core/k6/lib/answer_check.js";

const ID = 3000000007;
const compact = (result) => (id) => JSON.stringify({ jsonrpc: "2.0", id, result });
const sse = (bodyOf) => (id, value) => `event: message\r\ndata: ${bodyOf(id, value)}\r\n\r\n`;
const sum = (id, value) => compact({
  content: [{ type: "text", text: JSON.stringify({ result: value }) }], structuredContent: { result: value }, isError: false,
})(id);
const wrapped = (id, value) => compact({
  content: [{ type: "text", text: String(value) }], structuredContent: { result: value }, isError: false,
})(id);
const expected = (value) => `{"result":${value}}`;

/** A checker and a count of the bodies that it parsed. */
function counted() {
  const check = answerChecker();
  const counts = { parsed: 0 };
  return {
    counts,
    check: (body, kind, expectText, id = ID) => {
      const before = JSON.parse;
      JSON.parse = (...args) => {
        if (String(args[0]).includes('"jsonrpc"')) counts.parsed += 1;
        return before(...args);
      };
      try {
        return check({ body }, id, "add", kind, expectText);
      } finally {
        JSON.parse = before;
      }
    },
  };
}

for (const [name, bodyOf] of Object.entries({ sum, wrapped, "sum as a stream": sse(sum), "wrapped as a stream": sse(wrapped) })) {
  test(`${name}: after the first answer, right ones are not parsed`, () => {
    const { check, counts } = counted();
    for (let value = -3; value < 20; value += 1) {
      assert.equal(check(bodyOf(ID + value, value), "result", expected(value), ID + value), null, String(value));
    }
    assert.ok(counts.parsed <= 2, `${counts.parsed} bodies were parsed`);
  });

  test(`${name}: once the pattern is known, every fault is still found`, () => {
    const { check } = counted();
    const right = bodyOf(ID, 31);
    for (const value of [1, 5, 31]) check(bodyOf(ID, value), "result", expected(value));
    assert.equal(check(right, "result", expected(31)), null);
    const faults = {
      "cut at the end": right.slice(0, -3),
      "cut after the expected text": right.slice(0, right.indexOf('"structuredContent":{"result":31}') + 33),
      "followed by garbage": `${right}}`,
      "followed by another value": right.replace("}}", "}},{}"),
      "another number that begins alike": bodyOf(ID, 3),
      "a longer number": bodyOf(ID, 311),
      "another id": bodyOf(ID + 1, 31),
      "no version": right.replace('"jsonrpc":"2.0",', ""),
    };
    for (const [fault, body] of Object.entries(faults)) {
      // A whole JSON body with something behind it is no JSON, but a stream may have further lines.
      if (fault === "followed by garbage" && body.startsWith("event")) continue;
      assert.equal(check(body, "result", expected(31)), "wrong_answer", fault);
    }
    assert.equal(check(right.replace('"isError":false', '"isError":true'), "result", expected(31)), "is_error");
  });
}

test("the expected text in the wrong place is no answer", () => {
  const { check } = counted();
  for (const value of [1, 2, 3]) check(sum(ID, value), "result", expected(value));
  const text = { content: [], structuredContent: { result: 4 }, isError: false };
  for (const result of [
    { ...text, _meta: { structuredContent: { result: 3 } } },
    { ...text, structuredContent: { structuredContent: { result: 3 } } },
    { ...text, content: [{ type: "text", text: '"structuredContent":{"result":3}' }] },
  ]) assert.equal(check(compact(result)(ID), "result", expected(3)), "wrong_answer", JSON.stringify(result));
  const data = { code: -1, message: "no", data: { result: {}, structuredContent: { result: 3 } } };
  const refusal = JSON.stringify({ jsonrpc: "2.0", id: ID, error: data });
  for (const kind of ["result", "any"]) assert.equal(check(refusal, kind, expected(3)), "jsonrpc_error");
  const claim = compact({ content: [{ type: "text", text: '"isError":true' }], isError: false })(ID);
  assert.equal(check(claim, "error", "null"), "wrong_answer");
});

test("a copy of the expected content elsewhere is not learnt as its place", () => {
  const { check } = counted();
  // The members stand in another order where they count.
  const body = (structuredContent, copy) => compact({ content: [], structuredContent, _meta: { copy } })(ID);
  assert.equal(check(body({ b: 2, a: 1 }, { a: 1, b: 2 }), "result", '{"a":1,"b":2}'), null);
  assert.equal(check(body({ b: 2, a: 1 }, { a: 8, b: 9 }), "result", '{"a":8,"b":9}'), "wrong_answer");
});

test("a text is compared without parsing, wherever it is repeated", () => {
  const { check, counts } = counted();
  const body = (id, text) => compact({ content: [{ type: "text", text }], structuredContent: { result: text } })(id);
  for (const text of ["a", "né\n\"quoted\"", "{}", "a"]) {
    assert.equal(check(body(ID, text), "text", JSON.stringify(text)), null, text);
    assert.equal(check(body(ID, `${text}!`), "text", JSON.stringify(text)), "wrong_answer", text);
  }
  assert.ok(counts.parsed <= 6, String(counts.parsed));
});

test("answers that vary beyond id and content are learnt ever more seldom, and stay right", () => {
  const { check } = counted();
  for (let count = 1; count < 40; count += 1) {
    const body = sum(ID, count).replace('"isError"', `"_meta":{"count":${count}},"isError"`);
    assert.equal(check(body, "result", expected(count)), null);
    assert.equal(check(body.replace(`"structuredContent":{"result":${count}`, '"structuredContent":{"result":-1'),
      "result", expected(count)), "wrong_answer");
  }
});

test("k6's JSON engine is asked for the parts that decide", () => {
  const check = answerChecker();
  const asked = [];
  const ask = (seen, kind, expectText) => check({
    body: "{not JSON", json: (selector) => { asked.push(selector); return seen; },
  }, ID, "key", kind, expectText);
  const seen = { id: ID, v: "2.0", x: false, n: 1, k: ["text"] };
  assert.equal(ask({ ...seen, m_key: '"G minor"', m_count: "3" }, "members", '{"key":"G minor","count":3}'), null);
  assert.ok(asked[0].includes('"m_count":result.structuredContent.count.@tostr'), asked[0]);
  assert.equal(ask({ ...seen, s: '{"a":1}' }, "result", '{"a":1}'), null);
  assert.equal(ask({ ...seen, s: '"b"' }, "text", '"b"'), null);
  assert.equal(ask({ ...seen, x: true }, "error", "null"), null);
  assert.equal(ask(seen, "any", "null"), null);
  for (const change of [{ id: ID + 1 }, { v: "1.0" }, { e: {} }, { x: true }, { x: "no" }, { n: undefined, k: undefined }, { k: [] }, { k: [3] }]) {
    // Refused here, the body is parsed, and it is not JSON.
    assert.equal(ask({ ...seen, ...change }, "any", "null"), "wrong_answer", JSON.stringify(change));
  }
  assert.equal(ask(undefined, "any", "null"), "wrong_answer");
  assert.equal(ask({ ...seen, m_n: "9007199254740993" }, "members", '{"n":9007199254740993}'), "wrong_answer");
});

test("a pattern is split at the id and at every repetition of the content", () => {
  const pattern = patternOf(sum(7, 5), 7, expected(5));
  assert.deepEqual(pattern.slots, [0, 2, 1]);
  assert.equal(pattern.parts.join("|"),
    '{"jsonrpc":"2.0","id":|,"result":{"content":[{"type":"text","text":"|"}],"structuredContent":|,"isError":false}}');
});
