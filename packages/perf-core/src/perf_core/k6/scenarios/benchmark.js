/** Each tool alone, then the mix, then requests that call no tool. */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "benchmark",
  profile: ({ hold, tools }) => [
    ...tools.map((tool) => ({ ...hold(10, 60), name: tool, pool: tool })),
    { ...hold(20, 60), name: "mixed" },
    { kind: "protocol", level: 1, length_s: 10, name: "protocol" },
  ],
  splitsByKind: true,
  subMetrics: ({ wire }) => [
    "mcp_protocol_duration_ms",
    ...["GET /health", wire === "session" ? "ping" : "server/discover", "tools/list"]
      .map((method) => `mcp_protocol_duration_ms{method:${method}}`),
  ],
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
