/** Five jumps from 10 to 200 VUs and back: how fast does the server recover? */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("spike");

export { cleanup, handleSummary, iterate as default, options, setup };
