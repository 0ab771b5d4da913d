/** Each tool alone, then the mix, then the cost of the protocol. */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("benchmark");

export { cleanup, handleSummary, iterate as default, options, setup };
