/** Everything that scenarios/slices.js exports: two clients per VU, which take turns. */

import { virtualUser } from "./journeys.js";
import { mcpClient } from "./mcp.js";
import { sharedPlan } from "./plan.js";
import { takeTurns } from "./turns.js";

/**
 * Kept out of the VUs, see scenario.js.
 *
 * @type {typeof import("./sliced_once.js")}
 */
const once = __VU === 0 ? require("./sliced_once.js") : /** @type {any} */ ({});

export function slicedScenario() {
  const plan = /** @type {import("./sliced_once.js").SlicedPlan} */ (
    /** @type {unknown} */ (sharedPlan(() => once.sharedTexts()))
  );
  const a = mcpClient({ ...plan.settings, ...plan.rivals.a });
  const b = mcpClient({ ...plan.settings, ...plan.rivals.b });
  const users = {
    a: virtualUser({ ...plan, stages: plan.stages.filter(({ side }) => side === "a") }, a),
    b: virtualUser({ ...plan, stages: plan.stages.filter(({ side }) => side === "b") }, b),
  };
  return {
    options: __VU === 0 ? once.optionsOf(plan) : {},
    setup: () => Date.now(),
    iterate: takeTurns(plan.stages, users, () => {
      a.deleteSession();
      b.deleteSession();
    }),
    /** @param {import("./summary.js").SummaryData} data */
    handleSummary: (data) => once.outputsOf(data, plan),
  };
}
