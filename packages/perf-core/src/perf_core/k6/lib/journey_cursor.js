/**
 * One VU's position in a pool of packed journeys (see journey_packing.js).
 * Pure: imports nothing of k6, so plain node can test it.
 */

/** @typedef {import("./journey_packing.js").PoolPlace} PoolPlace */

/** Journeys in one chunk. Each VU holds a chunk, so 800 VUs hold 800 times its size. */
export const JOURNEYS_PER_CHUNK = 25;

/** Number of fields before the first step of a journey, and of each step. */
export const JOURNEY_FIELDS = 4;
export const STEP_FIELDS = 5;

/** A control character never occurs in JSON text: in strings it must be escaped, and elsewhere it is not white space. */
export const SEPARATOR = "\u001f";

/**
 * A VU's position in a pool, which it walks in a circle, one chunk at a time. `at` is the index in `fields` of the next
 * journey's first field; the caller that takes the journey moves `at` past it, or loads the next chunk at the end of this
 * one.
 */
export class Cursor {
  /** @param {(index: number) => string} chunkAt @param {PoolPlace} place @param {number} vu number of the VU, from 1 */
  constructor(chunkAt, place, vu) {
    const start = startOf(vu, place.journeys);
    this.chunkAt = chunkAt;
    this.place = place;
    this.chunk = Math.floor(start / JOURNEYS_PER_CHUNK);
    this.fields = this.chunkFields();
    this.at = 0;
    for (let skipped = start % JOURNEYS_PER_CHUNK; skipped > 0; skipped -= 1) this.at += lengthOf(this.fields[this.at]);
  }

  /** Move to the first journey of the next chunk. */
  load() {
    this.chunk = (this.chunk + 1) % this.place.chunks;
    this.fields = this.chunkFields();
    this.at = 0;
  }

  /** @returns {string[]} */
  chunkFields() {
    return this.chunkAt(this.place.firstChunk + this.chunk).split(SEPARATOR);
  }
}

/** Return the number of fields of a journey. @param {string} steps its first field */
export function lengthOf(steps) {
  return steps === "1" ? JOURNEY_FIELDS + STEP_FIELDS : JOURNEY_FIELDS + STEP_FIELDS * Number(steps);
}

/** Multiples of it modulo 1 are far apart from one another, however many there are. */
const GOLDEN_SECTION = (Math.sqrt(5) - 1) / 2;

/**
 * Return the index of the journey with which a VU starts: VUs at the same pace then rarely send the same call at once.
 * @param {number} vu @param {number} journeys
 */
export function startOf(vu, journeys) {
  return Math.floor(((vu * GOLDEN_SECTION) % 1) * journeys);
}
