/** One pool of journeys after the other, by one client: does the server cope with what is large? */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("large-scores");

export { cleanup, handleSummary, iterate as default, options, setup };
