/**
 * One VU's way through a pool of packed journeys (see packing.js).
 *
 * Pure: imports nothing of k6, so plain node can test it.
 */

/** @typedef {import("./packing.js").PoolPlace} PoolPlace */

/** Journeys in one chunk: each VU holds a chunk, so that 800 VUs keep 800 times its size. */
export const JOURNEYS_PER_CHUNK = 25;

/** Fields before the first step of a journey, and fields of each step. */
export const JOURNEY_FIELDS = 3;
export const STEP_FIELDS = 4;

/** A control character stands nowhere in JSON text: inside strings it must be escaped, outside it is no white space. */
export const SEPARATOR = "\u001f";

/**
 * A VU's way through a pool, round and round, one chunk at a time. `at` is the place of the next journey's first field in
 * `fields`; who takes that journey moves `at` behind it and loads the next chunk at the end of this one.
 */
export class Cursor {
  /**
   * @param {(index: number) => string} chunkAt
   * @param {PoolPlace} place
   * @param {number} vu number of the VU, from 1
   */
  constructor(chunkAt, place, vu) {
    const start = startOf(vu, place.journeys);
    this.chunkAt = chunkAt;
    this.place = place;
    this.chunk = Math.floor(start / JOURNEYS_PER_CHUNK);
    this.fields = this.chunkFields();
    this.at = 0;
    for (let skipped = start % JOURNEYS_PER_CHUNK; skipped > 0; skipped -= 1) this.at += lengthOf(this.fields[this.at]);
  }

  /** Go on with the first journey of the next chunk. */
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

/**
 * How many fields a journey takes.
 *
 * @param {string} steps its first field
 */
export function lengthOf(steps) {
  return steps === "1" ? JOURNEY_FIELDS + STEP_FIELDS : JOURNEY_FIELDS + STEP_FIELDS * Number(steps);
}

/** Multiples of it, taken modulo 1, lie far apart from one another however many there are. */
const GOLDEN_SECTION = (Math.sqrt(5) - 1) / 2;

/**
 * Where a VU starts in a pool: VUs that walk at the same pace then hardly ever send the same call at the same time.
 *
 * @param {number} vu
 * @param {number} journeys
 */
export function startOf(vu, journeys) {
  return Math.floor(((vu * GOLDEN_SECTION) % 1) * journeys);
}
