/** Two servers in short slices of random order, by the schedule of a plan: what `perf-core compare` runs. */

import { slicedScenario } from "../lib/sliced.js";

const { options, setup, iterate, handleSummary } = slicedScenario();

export { handleSummary, iterate as default, options, setup };
