/** Five minutes at a fixed rate: does memory grow? */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("memory");

export { cleanup, handleSummary, iterate as default, options, setup };
