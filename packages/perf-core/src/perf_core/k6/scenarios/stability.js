/** A day in ten minutes, with the load of each hour: does every hour succeed? */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("stability");

export { cleanup, handleSummary, iterate as default, options, setup };
