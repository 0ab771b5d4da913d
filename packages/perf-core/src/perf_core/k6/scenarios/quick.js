/** A first look: 10 VUs for 30 s. */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "quick",
  profile: ({ hold }) => [hold(10, 30)],
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
