/**
 * The plan in a VU: its head, and cursors over the journeys that all VUs share.
 *
 * open() and JSON.parse of a plan take tens of megabytes: once in the callback of a SharedArray, but once per VU anywhere
 * else. Each element is a list of one text because k6 freezes what it hands out, and a bare text character by character.
 */

import { SharedArray } from "k6/data";
import { Cursor } from "./journey_cursor.js";

/**
 * @typedef {object} Plan
 * @property {string} url MCP endpoint
 * @property {string} healthUrl
 * @property {string} revision protocol revision to offer in `initialize`
 * @property {import("./environment_settings.js").User[]} users whose headers the VUs carry in rotation; may be empty
 * @property {import("./settings.js").Settings} settings
 * @property {import("./shapes.js").Stage[]} stages
 * @property {boolean} hasUnique whether a journey contains the placeholder for a unique text (see unique_texts.js)
 * @property {boolean} hasFurther whether a journey has steps beyond plain tool calls (see further_steps.js)
 * @property {boolean} hasThinkTimes whether journeys have think times of their own (see think_time.js)
 * @property {number} journeyGraceS time after the load during which a journey may begin further calls
 * @property {boolean} reportsEvents whether to report sessions and failed calls (see events.js)
 * @property {number} [slowCalls] slowest calls that each VU keeps and reports (see slowest_calls.js); none by default
 * @property {number} [journeysBefore] where the count of journeys begins, for texts that no other user of the same VU has
 * @property {(pool: string, vu: number) => Cursor} cursor of a VU in a pool
 */

/**
 * @param {() => string[]} texts called once per run: the head as JSON text, then the packed journeys
 * @returns {Plan}
 */
export function sharedPlan(texts) {
  const shared = new SharedArray("plan", () => texts().map((text) => [text]));
  const { places, ...head } = JSON.parse(shared[0][0]);
  return { ...head, cursor: (pool, vu) => new Cursor((index) => shared[1 + index][0], places[pool], vu) };
}
