/** Rising load, 100 to 800 VUs, until the server fails or answers too late. */

import { scenarioOf } from "../lib/scenario.js";

/** @type {import("../lib/shapes.js").Shape} */
export const shape = {
  name: "stress",
  profile: ({ ramp, hold }) => [
    ...[100, 200, 400, 800].flatMap((vus) => [ramp(vus, 2 * 60), hold(vus, 3 * 60)]),
    ramp(0, 2 * 60),
  ],
  abortAboveP95_ms: 5000,
};

export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
