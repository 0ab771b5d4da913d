/** Rising numbers of clients, 10 to 200, each with its own work: how many are served well? */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "concurrent",
  // With a number of clients set, that one level.
  profile: ({ ramp, hold, vus }) => [
    ...(vus === null ? [10, 50, 100, 200] : [vus]).flatMap((level) => [ramp(level, 10), hold(level, 60)]),
    ramp(0, 10),
  ],
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
