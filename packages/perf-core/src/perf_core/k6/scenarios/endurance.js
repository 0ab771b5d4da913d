/** Two hours at a fixed rate: does anything grow, drift or leak? */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "endurance",
  // Bounded by k6, which keeps about 200 bytes per call for hours.
  ratePerS: 200,
  profile: ({ ramp, hold }) => [
    { ...ramp(50, 5 * 60), name: "ramp_up" },
    { ...hold(50, 2 * 3600), name: "hold" },
    { ...ramp(0, 5 * 60), name: "ramp_down" },
  ],
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
