/** Fifty operations, many of them faulty: does anything stay behind? */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "cleanup",
  ratePerS: 5,
  profile: ({ hold }) => [{ ...hold(10, 10), name: "hold" }],
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
