/** Each tool alone, by one client: what does it cost when nothing else goes on? */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "tools",
  profile: ({ hold, pools }) => pools.map((pool) => ({ ...hold(1, 30), name: pool, pool })),
  requires: "pools",
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
