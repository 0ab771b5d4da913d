import assert from "node:assert/strict";
import { test } from "node:test";

import {
  argumentsWith, expectationWith, insertSaved, isExpectedRefusal, optionsOf, savedValues,
} from "../../src/perf_core/k6/lib/further_steps.js";
import { pauseS } from "../../src/perf_core/k6/lib/think_time.js";
import { nameIn } from "../../src/perf_core/k6/lib/wire.js";

const ID = 7;
const body = (result) => `{"jsonrpc":"2.0","id":${ID},"result":${result}}`;

test("options of a step", () => {
  assert.deepEqual(optionsOf(""), { method: "tools/call", save: null });
  assert.deepEqual(optionsOf('{"save":{"id":"/a"}}'), { method: "tools/call", save: { id: "/a" } });
  assert.deepEqual(optionsOf('{"method":"prompts/get"}'), { method: "prompts/get", save: null });
});

test("values of an answer are saved as they are", () => {
  const result = '{"content":[{"type":"text","text":"{\\"id\\": \\"a-1\\"}"}],"structuredContent":'
    + '{"n":9007199254740993,"f":1.3388150333141629,"s":"é\\"\\n","z":null,"list":[1,{"big":12345678901234567890}],"on":false}}';
  const save = {
    n: "/structuredContent/n", f: "/structuredContent/f", s: "/structuredContent/s", z: "/structuredContent/z",
    list: "/structuredContent/list", on: "/structuredContent/on", id: "/content/0/text/id", type: "/content/0/type",
  };
  assert.deepEqual(savedValues(body(result), ID, save), {
    n: "9007199254740993", f: "1.3388150333141629", s: '"é\\"\\n"', z: "null", list: '[1,{"big":12345678901234567890}]',
    on: "false", id: '"a-1"', type: '"text"',
  });
  assert.deepEqual(savedValues(`event: message\ndata: ${body(result)}\n\n`, ID, { on: "/structuredContent/on" }), { on: "false" });
});

test("a missing value is none", () => {
  for (const pointer of ["/structuredContent/b", "/structuredContent/a/b", "/content/0", "/content/-1", "/content/x"]) {
    assert.equal(savedValues(body('{"content":[],"structuredContent":{"a":1}}'), ID, { v: pointer }), null, pointer);
  }
  assert.equal(savedValues("", ID, { v: "/a" }), null);
});

test("saved values are inserted", () => {
  const values = { id: "7", name: '"Ana \\"A\\" {id}"', tags: '["a"]', z: "null" };
  const filled = [
    ['{"id":"{id}"}', { id: 7 }],
    ['{"note":"no. {id} of {name}"}', { note: 'no. 7 of Ana "A" {id}' }],
    ['{"name":"{name}","list":["{tags}","{id}{id}","{z}"]}', { name: 'Ana "A" {id}', list: [["a"], "77", null] }],
    ['{"{id}":"{tags} x"}', { 7: '["a"] x' }],
    ['{"a":"say \\"{id}\\"","b":"\\"{id}"}', { a: 'say "7"', b: '"7' }],
    ['{"a":"{id}\\""}', { a: '7"' }],
    ['{"a":"{other} {id","b":{"id":1},"c":"{}"}', { a: "{other} {id", b: { id: 1 }, c: "{}" }],
    ['{"a":"{toString}"}', { a: "{toString}" }],
    ['"{tags}"', ["a"]],
    ['"a\\\\"', "a\\"],
    ['{"a":"\\\\","b":"{id}"}', { a: "\\", b: 7 }],
    ['{"a":"$& {id} $1"}', { a: "$& 7 $1" }],
  ];
  for (const [text, expected] of filled) assert.deepEqual(JSON.parse(insertSaved(text, values)), expected, text);
  assert.equal(insertSaved('{"a":"{dollar}x"}', { dollar: '"$&"' }), '{"a":"$&x"}');
});

test("expected texts and the arguments of other methods stay texts", () => {
  const values = { id: "7", tags: '["a"]', name: '"Ana"' };
  assert.equal(expectationWith('"{id}"', values, "text"), '"7"');
  assert.equal(expectationWith('"{tags}"', values, "contains"), '"[\\"a\\"]"');
  assert.equal(expectationWith('"{name}"', values, "regex"), '"Ana"');
  assert.equal(expectationWith('{"id":"{id}"}', values, "result"), '{"id":7}');
  assert.equal(argumentsWith('{"name":"p","arguments":{"id":"{id}"}}', values, "prompts/get"), '{"name":"p","arguments":{"id":"7"}}');
  assert.equal(argumentsWith('{"id":"{id}"}', values, "tools/call"), '{"id":7}');
});

test("a refusal is the expected error only if it names the request", () => {
  const error = { code: -32602, message: "no such prompt" };
  const refusal = (id, status = 400, changes = {}) =>
    isExpectedRefusal({ status, body: JSON.stringify({ jsonrpc: "2.0", id, error: { ...error, ...changes } }) }, ID, "-32602");
  assert.ok(refusal(ID));
  assert.ok(refusal(ID, 404));
  for (const wrong of [refusal(null), refusal(ID + 1), refusal(ID, 429), refusal(ID, 500), refusal(ID, 400, { code: -32601 })]) {
    assert.ok(!wrong);
  }
  assert.ok(!isExpectedRefusal({ status: 404, body: "no such session" }, ID, ""));
});

test("pauses have their distribution", () => {
  assert.equal(pauseS("", () => 0.5), 0);
  assert.equal(pauseS("constant 1.5", () => 0.9), 1.5);
  assert.equal(pauseS("uniform 1 3", () => 0.25), 1.5);
  assert.equal(pauseS("exponential 2", () => 0), 0);
  assert.equal(pauseS("exponential 2", () => 1 - Math.exp(-1)).toFixed(6), "2.000000");
  assert.equal(pauseS("exponential 2", () => 1 - 1e-12), 10, "at most five means");
  assert.equal(pauseS("exponential 2", () => 1), 10);
});

test("names that the stateless wire repeats in a header", () => {
  assert.equal(nameIn("resources/read", '{"uri":"file:///é"}'), "file:///é");
  assert.equal(nameIn("prompts/get", '{"name":"greet","arguments":{}}'), "greet");
  assert.equal(nameIn("completion/complete", '{"ref":{"name":"greet"}}'), null);
});

test("saved numbers have the text that Python gives them", () => {
  // The same table as in tests/load/test_placeholders.py.
  const texts = [
    ["7.0", "7"], ["-0.0", "0"], ["0.00001", "0.00001"], ["-0.000001234", "-0.000001234"], ["1e-7", "1e-7"],
    ["1.5e-10", "1.5e-10"], ["1e20", "100000000000000000000"], ["1.2345678901234568e20", "123456789012345680000"],
    ["1e21", "1e+21"], ["2.5e300", "2.5e+300"],
    ["9007199254740993", "9007199254740993"], ["0.1", "0.1"],
    ['{"a":[1.0,1e-6,null,true,"x"]}', '{"a":[1,0.000001,null,true,"x"]}'],
  ];
  for (const [body, text] of texts) {
    const saved = savedValues(`{"jsonrpc":"2.0","id":${ID},"result":{"content":[],"x":${body}}}`, ID, { x: "/x" });
    assert.equal(JSON.parse(insertSaved('"{x}!"', saved)), `${text}!`, body);
  }
});

test("nothing is inserted where the brace is escaped", () => {
  const text = '{"a":"\\u007bx} {x}"}';
  assert.equal(insertSaved(text, { x: "1" }), '{"a":"\\u007bx} 1"}');
  assert.equal(JSON.parse(text).a, "{x} {x}");
});

test("a status that refuses the user is no answer", () => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: ID, error: { code: -1, message: "m" } });
  for (const status of [400, 404, 422]) assert.ok(isExpectedRefusal({ status, body }, ID, ""), status);
  for (const status of [302, 401, 403, 429, 500, 503]) assert.ok(!isExpectedRefusal({ status, body }, ID, ""), status);
});
