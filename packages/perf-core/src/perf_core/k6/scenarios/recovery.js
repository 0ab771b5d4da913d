/** A steady load while worker processes are killed: how long does a client wait for its next answer? */

import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("recovery");

export { cleanup, handleSummary, iterate as default, options, setup };
