/** One pool of journeys after another, by one client: does the server cope with large content? */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "large-scores",
  profile: ({ hold, pools }) => pools.map((pool) => ({ ...hold(1, 2 * 60), name: pool, pool })),
  requires: "pools",
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
