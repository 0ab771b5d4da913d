/** Five minutes at a fixed rate: does memory grow? */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "memory",
  ratePerS: 10,
  profile: ({ ramp, hold }) => [{ ...ramp(50, 60), name: "warm_up" }, { ...hold(50, 5 * 60), name: "hold" }],
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
