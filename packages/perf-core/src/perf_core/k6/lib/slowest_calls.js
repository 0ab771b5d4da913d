/**
 * The slowest calls of one VU. Any other call costs the loop one comparison.
 *
 * A VU is not told that it will be stopped, so that it cannot wait for its end: it tells them now and then, and at once when
 * one is slower than all before by far, or the load is about to end.
 * Pure: imports nothing of k6, so plain node can test it.
 */

/** Time between two reports of one VU. */
const BETWEEN_MS = 2000;

/** A call that took so many times as long as any reported one is reported at once. */
const BY_FAR = 2;

/** Before the end of the load calls are reported at once: for a tenth of it, and at most a second. */
const LAST_SHARE = 0.1;
const LAST_MS = 1000;

/**
 * @typedef {object} SlowCall
 * @property {number} at_ms its start, since the start of the load
 * @property {number} duration_ms the sum of the next three
 * @property {number} connect_ms until there was a connection
 * @property {number} wait_ms from there until the first byte of the answer
 * @property {number} transfer_ms until the last byte
 * @property {string} tool
 * @property {string} stage
 * @property {string | null} class of its error; null for a right answer
 * @property {string} session digest of the session's id; empty without one
 * @property {string} arguments digest of their JSON text
 */

/**
 * @param {number} most calls to keep
 * @param {{start_ms: number, end_ms: number}} load since the epoch
 * @param {(calls: SlowCall[]) => void} tell reports calls that were not reported before
 */
export function slowestCalls(most, load, tell) {
  /** @type {{call: SlowCall, isTold: boolean}[]} */
  const kept = [];
  const last_ms = load.end_ms - Math.min(LAST_MS, (load.end_ms - load.start_ms) * LAST_SHARE);
  let longestTold_ms = 0;
  let told_ms = -Infinity;
  let areTold = true;
  /** Index of the quickest of them, once there are enough. */
  let quickest = 0;
  return { keep, tellDue, due_ms };

  /**
   * Keep a call that has just ended and took longer than what this returned before.
   * @param {{blocked: number, receiving: number}} timings of k6 @param {number} duration_ms
   * @param {number} now_ms since the epoch
   * @param {string} tool @param {string} stage @param {string | null} errorClass
   * @param {string} session digest @param {string} argumentsDigest
   * @returns {number} milliseconds that the next one has to take longer than
   */
  function keep({ blocked, receiving }, duration_ms, now_ms, tool, stage, errorClass, session, argumentsDigest) {
    kept[kept.length < most ? kept.length : quickest] = {
      isTold: false,
      call: {
        at_ms: now_ms - duration_ms - load.start_ms,
        duration_ms,
        connect_ms: blocked,
        wait_ms: duration_ms - blocked - receiving,
        transfer_ms: receiving,
        tool,
        stage,
        class: errorClass,
        session,
        arguments: argumentsDigest,
      },
    };
    areTold = false;
    if (duration_ms > BY_FAR * longestTold_ms) tellAll(now_ms);
    else tellDue(now_ms);
    if (kept.length < most) return 0;
    findQuickest();
    return kept[quickest].call.duration_ms;
  }

  /** When to call tellDue, in milliseconds since the epoch; Infinity if everything is reported. */
  function due_ms() {
    return areTold ? Infinity : Math.min(told_ms + BETWEEN_MS, last_ms);
  }

  /** Report what is due. @param {number} now_ms since the epoch */
  function tellDue(now_ms) {
    if (now_ms >= due_ms()) tellAll(now_ms);
  }

  /** @param {number} now_ms */
  function tellAll(now_ms) {
    const untold = kept.filter(({ isTold }) => !isTold);
    for (const entry of untold) {
      entry.isTold = true;
      longestTold_ms = Math.max(longestTold_ms, entry.call.duration_ms);
    }
    areTold = true;
    told_ms = now_ms;
    tell(untold.map(({ call }) => call));
  }

  function findQuickest() {
    quickest = 0;
    for (let index = 1; index < most; index += 1) {
      if (kept[index].call.duration_ms < kept[quickest].call.duration_ms) quickest = index;
    }
  }
}
