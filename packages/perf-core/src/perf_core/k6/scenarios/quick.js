/** A first look: 10 VUs for 30 s. */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("quick");

export { cleanup, handleSummary, iterate as default, options, setup };
