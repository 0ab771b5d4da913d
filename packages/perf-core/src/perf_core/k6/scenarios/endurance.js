/** Two hours at a fixed rate: does anything grow, drift or leak? */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("endurance");

export { cleanup, handleSummary, iterate as default, options, setup };
