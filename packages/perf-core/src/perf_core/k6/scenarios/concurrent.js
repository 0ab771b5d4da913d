/** More and more clients, 10 to 200, each with its own work: how many does the server serve well? */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("concurrent");

export { cleanup, handleSummary, iterate as default, options, setup };
