/** Sustained load: up to 50 and then 100 VUs, five minutes at each. */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("load");

export { cleanup, handleSummary, iterate as default, options, setup };
