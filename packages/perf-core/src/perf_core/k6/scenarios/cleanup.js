/** Fifty operations, many of them faulty: does anything stay behind? */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("cleanup");

export { cleanup, handleSummary, iterate as default, options, setup };
