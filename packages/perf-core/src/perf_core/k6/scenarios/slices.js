/** Two or more servers loaded alternately, in short slices of random order from a plan's schedule; `perf-core compare` runs it. */

import { comparisonScenario } from "../lib/comparison_scenario.js";

const { options, setup, iterate, handleSummary } = comparisonScenario();

export { handleSummary, iterate as default, options, setup };
