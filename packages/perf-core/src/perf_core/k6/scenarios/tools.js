/** Each tool alone, by one client: what does it cost when nothing else goes on? */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("tools");

export { cleanup, handleSummary, iterate as default, options, setup };
