import assert from "node:assert/strict";
import { test } from "node:test";

import {
  answerError, BigInteger, exchangeError, parseLossless, parseSSEResponse, sameValue,
} from "../../src/perf_core/k6/lib/answers.js";

const ID = 3000000007;
const judge = (body, kind, expected, id = ID) => answerError(body, id, kind, expected);
const answer = (result, id = ID) => JSON.stringify({ jsonrpc: "2.0", id, result: { content: [], ...result } });
const five = { content: [{ type: "text", text: "5" }], structuredContent: { result: 5 }, isError: false };

test("right answer in every encoding", () => {
  const event = (text) => `event: message\r\ndata: ${text}\r\n\r\n`;
  const pretty = JSON.stringify(JSON.parse(answer(five)), null, 2);
  const notification = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}';
  for (const body of [
    answer(five),
    pretty,
    event(answer(five)),
    event(answer(five)).replaceAll("\r\n", "\n"),
    event(notification) + event(answer(five)),
    `id: 1\r\ndata: \r\n\r\n: a comment\r\n${event(answer(five))}`,
    `event: message\ndata: ${pretty.split("\n").join("\ndata: ")}\n\n`,
    `data:${answer(five)}\n\n`,
    answer(five).replace('"result":5}', '"result":5.0}'),
    answer({ isError: false, structuredContent: { result: 5 }, content: [] }),
  ]) assert.equal(judge(body, "result", '{"result":5}'), null, body);
});

test("second answer to a request is a wrong answer, and one to another request none of it", () => {
  const event = (text) => `event: message\r\ndata: ${text}\r\n\r\n`;
  const other = answer({ ...five, structuredContent: { result: 6 } }, ID + 1);
  assert.equal(judge(event(answer(five)) + event(answer(five)), "result", '{"result":5}'), "wrong_answer");
  assert.equal(judge(event(other) + event(answer(five)), "result", '{"result":5}'), null);
});

test("number that is off by one is a wrong answer in every encoding", () => {
  const wrong = answer({ ...five, structuredContent: { result: 6 } });
  assert.equal(judge(wrong, "result", '{"result":5}'), "wrong_answer");
  assert.equal(judge(`event: message\r\ndata: ${wrong}\r\n\r\n`, "result", '{"result":5}'), "wrong_answer");
});

test("shorter number does not match the start of a longer one", () => {
  const body = answer({ ...five, structuredContent: { result: 51 } });
  assert.equal(judge(body, "result", '{"result":5}'), "wrong_answer");
  assert.equal(judge(answer({ structuredContent: { a: 12 } }, 70), "result", '{"a":12}', 7), "wrong_answer");
});

test("answer to another call is wrong even with the right content", () => {
  assert.equal(judge(answer(five, ID + 1), "result", '{"result":5}'), "wrong_answer");
  assert.equal(judge(answer(five, String(ID)), "result", '{"result":5}'), "wrong_answer");
});

test("error results", () => {
  const refused = answer({ content: [{ type: "text", text: "b must not be 0" }], isError: true });
  assert.equal(judge(refused, "result", '{"result":5}'), "is_error");
  assert.equal(judge(refused, "any", "null"), "is_error");
  assert.equal(judge(refused, "error", "null"), null);
  assert.equal(judge(refused.replace(":true", ": true"), "error", "null"), null);
  assert.equal(judge(answer({ ...five, isError: true }), "result", '{"result":5}'), "is_error");
  assert.equal(judge(answer(five), "error", "null"), "wrong_answer");
});

test("kinds of expectation", () => {
  assert.equal(judge(answer({ content: [{ type: "text", text: "né\n" }] }), "text", '"né\\n"'), null);
  assert.equal(judge(answer({ content: [{ type: "text", text: "né\n" }] }), "text", '"n\\u00e9\\n"'), null);
  const image = { type: "image", data: "x" };
  assert.equal(judge(answer({ content: [image, { type: "text", text: "b" }] }), "text", '"b"'), null);
  assert.equal(judge(answer({ content: [{ type: "text", text: "c" }] }), "text", '"b"'), "wrong_answer");
  assert.equal(judge(answer({ content: [] }), "text", '"b"'), "wrong_answer");
  assert.equal(judge(answer({ content: [] }), "any", "null"), null);
});

test("expected members of the structured content, among others", () => {
  const content = { score_id: "x", key: "G minor", coefficient: 0.5, list: [1, { a: 2 }], nested: { key: "C major" } };
  const body = answer({ structuredContent: content });
  const right = ['{"score_id":"x","key":"G minor"}', '{"key":"G minor","score_id":"x"}', '{"list":[1,{"a":2.0}]}', "{}"];
  for (const expected of right) assert.equal(judge(body, "members", expected), null, expected);
  const wrong = [
    '{"key":"C major"}', '{"score_id":"x","key":"G"}', '{"coefficient":0}', '{"list":[1]}', '{"nested":{}}', '{"missing":null}',
    '{"score_id":"x","key":"G minor","coefficient":0}',
  ];
  for (const expected of wrong) assert.equal(judge(body, "members", expected), "wrong_answer", expected);
  assert.equal(judge(answer({ structuredContent: null }), "members", '{"a":1}'), "wrong_answer");
  assert.equal(judge(answer({ structuredContent: content, isError: true }), "members", '{"score_id":"x"}'), "is_error");
  // The beginning as text must end where a member ends: 12 is not 123.
  const number = answer({ structuredContent: { count: 123 } });
  assert.equal(judge(number, "members", '{"count":12}'), "wrong_answer");
  assert.equal(judge(number, "members", '{"count":123}'), null);
});

test("JSON-RPC error with our id or none", () => {
  const error = { code: -32602, message: "unknown tool" };
  for (const id of [ID, null]) {
    assert.equal(judge(JSON.stringify({ jsonrpc: "2.0", id, error }), "result", "{}"), "jsonrpc_error");
  }
  assert.equal(judge(JSON.stringify({ jsonrpc: "2.0", id: 1, error }), "result", "{}"), "wrong_answer");
});

test("body without a response is a wrong answer", () => {
  for (const body of ["", "<html>", "{", "null", "[]", '{"id":3000000007}', "data: {\n\n", `{"id":${ID},"result":null}`]) {
    assert.equal(judge(body, "any", "null"), "wrong_answer", body);
  }
});

test("text inside a string is not structured content", () => {
  const text = '"structuredContent":{"result":5}';
  assert.equal(judge(answer({ content: [{ type: "text", text }] }), "result", '{"result":5}'), "wrong_answer");
});

test("classes of failed exchanges", () => {
  assert.equal(exchangeError(200, 0), null);
  assert.equal(exchangeError(0, 1212), "transport");
  assert.equal(exchangeError(0, 1050), "timeout");
  assert.equal(exchangeError(429, 1429), "rate_limited");
  for (const status of [202, 301, 400, 404, 500, 503]) assert.equal(exchangeError(status, 0), "http_status");
});

test("integers beyond 2^53 are not rounded", () => {
  const big = (digits) => `{"jsonrpc":"2.0","id":${ID},"result":{"content":[],"structuredContent": {"result": ${digits}}}}`;
  assert.equal(judge(big("9007199254740993"), "result", '{"result":9007199254740993}'), null);
  assert.equal(judge(big("9007199254740992"), "result", '{"result":9007199254740993}'), "wrong_answer");
  assert.equal(judge(big("9007199254740994"), "result", '{"result":9007199254740993}'), "wrong_answer");
  assert.equal(judge(big("-9007199254740993"), "result", '{"result":9007199254740993}'), "wrong_answer");
  assert.equal(judge(big("9007199254740992.0"), "result", '{"result":9007199254740993}'), "wrong_answer");
  assert.equal(judge(big("9007199254740994.0"), "result", '{"result":9007199254740994}'), null);
  assert.equal(judge(big("1e20"), "result", '{"result":100000000000000000000}'), null);
});

test("double written as a long integer equals that double", () => {
  // 2**60 as Python's repr of a float, and as JavaScript prints the same double.
  assert.ok(sameValue(parseLossless("1.152921504606847e+18"), parseLossless("1152921504606847000")));
  assert.ok(!sameValue(parseLossless("1.152921504606847e+18"), parseLossless("1152921504606849000")));
});

test("lossless parsing changes only big integers", () => {
  const text = '{"s":"12345678901234567890 \\" 98765432109876543210","n":[1234567890123456.5,1e25,1234567890123456,-0],'
    + '"12345678901234567890":null,"big":-12345678901234567890}';
  const { big, ...rest } = parseLossless(text);
  const { big: _, ...expected } = JSON.parse(text);
  assert.deepEqual(rest, expected);
  assert.ok(big instanceof BigInteger);
  assert.equal(big.digits, "-12345678901234567890");
  assert.throws(() => parseLossless("{"), SyntaxError);
});

test("equality of values", () => {
  const same = [["3", "3.0"], ['{"a":1,"b":[2,{}]}', '{"b":[2.0,{}],"a":1}'], ["null", "null"], ["0", "-0"], ['"x"', '"x"']];
  const different = [
    ["3", '"3"'], ["1", "true"], ["[1,2]", "[2,1]"], ["[]", "{}"], ["{}", "null"], ["null", "{}"], ['{"a":1}', "{}"],
    ['{"a":1}', '{"a":1,"b":2}'], ['{"a":1}', '{"b":1}'], ['{"toString":1}', '{"a":1}'], ["0.1", "0.10000000000000002"],
  ];
  for (const [a, b] of same) assert.ok(sameValue(parseLossless(a), parseLossless(b)), `${a} ${b}`);
  for (const [a, b] of different) assert.ok(!sameValue(parseLossless(a), parseLossless(b)), `${a} ${b}`);
});

test("what the protocol refuses is wrong", () => {
  const message = JSON.parse(answer(five));
  for (const change of [
    { jsonrpc: "1.0" }, { jsonrpc: undefined }, { error: { code: 1, message: "and a result" } }, { error: null },
    { result: { structuredContent: { result: 5 } } }, { result: { ...five, content: {} } },
    { result: { ...five, content: ["5"] } }, { result: { ...five, content: [{ text: "5" }] } },
    { result: { ...five, isError: "false" } }, { result: [five] },
  ]) assert.equal(judge(JSON.stringify({ ...message, ...change }), "result", '{"result":5}'), "wrong_answer", JSON.stringify(change));
  const error = JSON.stringify({ jsonrpc: "2.0", id: ID, error: "no" });
  assert.equal(judge(error, "any", "null"), "wrong_answer");
});

test("stream of several messages", () => {
  const messages = parseSSEResponse('retry: 5\r\rdata: {"a":1}\r\revent: x\ndata: {"b"\ndata: :2}\n\nid: 3\n\ndata: {"cut":1}\n');
  assert.deepEqual(messages, [{ a: 1 }, { b: 2 }]);
  const other = answer(five, 1);
  const body = `data: ${other}\n\ndata: ${answer({ ...five, structuredContent: { result: 5.5 } })}\n\n`;
  assert.equal(judge(body, "result", '{"result":5}'), "wrong_answer");
});
