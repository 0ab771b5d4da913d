import assert from "node:assert/strict";
import { test } from "node:test";

import { insertUnique, UNIQUE, uniqueText } from "../../src/perf_core/k6/lib/unique_texts.js";

test("16 letters and digits, different for each start, VU and count", () => {
  const start_ms = Date.UTC(2026, 10, 22);
  const texts = [];
  for (const at_ms of [start_ms, start_ms + 1]) {
    for (const vu of [1, 36, 800]) for (const count of [1, 2, 40_000]) texts.push(uniqueText(at_ms, vu, count));
  }
  assert.equal(new Set(texts).size, texts.length);
  for (const text of texts) assert.match(text, /^[0-9a-z]{16}$/);
});

test("every placeholder is replaced", () => {
  assert.equal(UNIQUE, "{unique}");
  assert.equal(insertUnique('{"a":"x-{unique}","b":"{unique}{unique}"}', "42"), '{"a":"x-42","b":"4242"}');
  assert.equal(insertUnique('{"a":{"unique":1}}', "42"), '{"a":{"unique":1}}');
});
