/** One VU alternating between servers. All are idle between slices, so that the CPU time of each can be told apart. */

import exec from "k6/execution";
import { sleep } from "k6";
import * as metrics from "./metrics.js";

const IDLE_S = 0.05;

/** Pause after the last slice: the lab reads its CPU time before sessions are deleted, which must not count. */
const SETTLING_S = 0.15;

/**
 * Make the iteration function of one VU.
 * @param {import("./comparison_schedule.js").Slice[]} slices in order of time
 * @param {Record<string, () => void>} users one iteration against a server, by side
 * @param {() => void} finish called once, after the last slice
 * @returns {() => void}
 */
export function alternate(slices, users, finish) {
  let index = -1;
  let end_ms = 0;
  let work = users[slices[0].side];

  return function iterate() {
    if (index < 0) enterNext();
    work();
    // Checked after the work, not before: k6 starts no iteration after the end, and the last slice must be left, too.
    if (Date.now() >= end_ms) leave();
  };

  function leave() {
    metrics.sliceLeft.add(Date.now(), { stage: slices[index].name });
    enterNext();
  }

  function enterNext() {
    const loadStart_ms = exec.scenario.startTime;
    index += 1;
    // A call that outlasted a whole slice has used that slice up.
    while (index < slices.length && Date.now() >= loadStart_ms + slices[index].end_s * 1000) index += 1;
    if (index === slices.length) {
      sleep(SETTLING_S);
      finish();
      end_ms = Infinity;
      work = () => sleep(IDLE_S);
      return;
    }
    const slice = slices[index];
    const early_ms = loadStart_ms + slice.start_s * 1000 - Date.now();
    if (early_ms > 0) sleep(early_ms / 1000);
    end_ms = loadStart_ms + slice.end_s * 1000;
    work = users[slice.side];
    metrics.sliceEntered.add(Date.now(), { stage: slice.name });
  }
}
