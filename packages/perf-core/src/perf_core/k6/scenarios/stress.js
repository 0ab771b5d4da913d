/** More and more VUs, 100 to 800, until the server fails or answers too late. */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("stress");

export { cleanup, handleSummary, iterate as default, options, setup };
