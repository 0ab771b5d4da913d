/** Two clients that send too much: are the burst, the rate and Retry-After what the server says they are? */

import { limitedClient } from "../lib/limited.js";
import { scenarioOf } from "../lib/scenario.js";

const { options, setup, iterate, cleanup, handleSummary } = scenarioOf("rate-limit", limitedClient);

export { cleanup, handleSummary, iterate as default, options, setup };
