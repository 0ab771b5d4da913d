/** Everything that a scenario file exports, made from the name of its shape. */

import { virtualUser } from "./virtual_user.js";
import { mcpClient } from "./vu_client.js";
import { sharedPlan } from "./plan.js";

/**
 * Modules that VUs do not need stay out of them: each function costs 0.8 kB, each import 0.9 kB and each module 6 kB in
 * every VU (k6 1.1). VU 0 is the one that k6 asks for options, runs setup with, and gives the summary to.
 *
 * @type {typeof import("./once.js")}
 */
const once = __VU === 0 ? require("./once.js") : /** @type {any} */ ({});

/**
 * @param {string} shape one of shapes.SHAPES
 * @param {typeof virtualUser} [user] makes what one VU does; unless given, journey after journey
 */
export function scenarioOf(shape, user = virtualUser) {
  const plan = sharedPlan(() => once.sharedTexts(shape));
  const client = mcpClient({ ...plan, ...plan.settings });
  return {
    options: __VU === 0 ? once.optionsOf(plan) : {},
    setup: () => once.setUp(client),
    iterate: user(plan, client),
    cleanup: client.deleteSession,
    /** @param {import("./summary.js").SummaryData} data */
    handleSummary: (data) => once.outputsOf(data, plan),
  };
}
