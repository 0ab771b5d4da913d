/** How one VU takes turns with two servers. Between pairs both rest, so that what each used can be told apart. */

import exec from "k6/execution";
import { sleep } from "k6";
import * as metrics from "./metrics.js";

const IDLE_S = 0.05;

/** Until the last slice's CPU time has been read: what comes after it must not count. */
const SETTLING_S = 0.15;

/**
 * @param {import("./slices.js").Slice[]} slices in order of time
 * @param {{a: () => void, b: () => void}} users one iteration against either server
 * @param {() => void} finish called once, after the last slice
 * @returns {() => void} one iteration
 */
export function takeTurns(slices, users, finish) {
  let index = -1;
  let end_ms = 0;
  let work = users.a;

  return function iterate() {
    if (index < 0) enterNext();
    work();
    // Asked after the work, not before it: k6 starts no iteration after the end, and the last slice has to be left too.
    if (Date.now() >= end_ms) leave();
  };

  function leave() {
    metrics.sliceLeft.add(Date.now(), { stage: slices[index].name });
    enterNext();
  }

  function enterNext() {
    const loadStart_ms = exec.scenario.startTime;
    index += 1;
    // A call that took longer than a whole turn has used that turn up.
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
