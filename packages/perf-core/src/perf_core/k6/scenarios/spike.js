/** Five jumps from 10 to 200 VUs and back: how fast does the server recover? */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "spike",
  profile: () => [
    { kind: "baseline", level: 10, length_s: 30, name: "baseline" },
    ...[1, 2, 3, 4, 5].flatMap((number) => [
      /** @type {const} */ ({ kind: "spike", level: 200, length_s: 60, name: `spike_${number}` }),
      /** @type {const} */ ({ kind: "recovery", level: 10, length_s: 60, name: `recovery_${number}` }),
    ]),
  ],
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
