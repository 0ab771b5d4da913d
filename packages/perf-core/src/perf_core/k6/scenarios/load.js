/** Sustained load: 50 VUs and then 100, five minutes each. */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "load",
  profile: ({ ramp, hold }) => [ramp(50, 60), hold(50, 5 * 60), ramp(100, 60), hold(100, 5 * 60), ramp(0, 60)],
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
