/** A day in ten minutes, with the load of each hour: does every hour succeed? */

import { scenarioOf } from "../lib/scenario.js";

/** Share of the full load in an hour of the day: business hours, evening, night. @param {number} hour 0 to 23 */
function shareOfFullLoad(hour) {
  if (hour >= 9 && hour < 17) return 1;
  return hour >= 17 && hour < 22 ? 0.7 : 0.3;
}

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "stability",
  ratePerS: 10,
  profile: ({ hold }) => Array.from({ length: 24 }, (_each, hour) => ({
    ...hold(50 * shareOfFullLoad(hour), 25), name: `hour_${String(hour).padStart(2, "0")}`,
  })),
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
