/**
 * The plan as a VU holds it: its head, and a way through the journeys that all VUs share.
 *
 * open() and JSON.parse of a plan take tens of megabytes; inside the SharedArray's callback that happens once, anywhere
 * else once per VU. Each element is a list of one text: k6 freezes what it hands out, a bare text character by character.
 */

import { SharedArray } from "k6/data";
import { Cursor } from "./journey_cursor.js";

/**
 * @typedef {object} Plan
 * @property {string} url MCP endpoint
 * @property {string} healthUrl
 * @property {import("./settings.js").Settings} settings
 * @property {import("./shapes.js").Stage[]} stages
 * @property {boolean} hasUnique whether a journey has texts of its own in it (see unique_texts.js)
 * @property {(pool: string, vu: number) => Cursor} cursor a VU's way through a pool
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
