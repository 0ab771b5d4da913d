/** A steady load while worker processes are killed: how long does a client wait for its next answer? */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "recovery",
  profile: ({ hold }) => [{ ...hold(10, 60), name: "hold" }],
  measuresOutages: true,
  subMetrics: () => ["mcp_outages", "mcp_outage_ms"],
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
