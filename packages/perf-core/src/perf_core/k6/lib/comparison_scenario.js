/** Exports of scenarios/slices.js: each VU has two clients and alternates between them. */

import { virtualUser } from "./virtual_user.js";
import { mcpClient } from "./vu_client.js";
import { sharedPlan } from "./shared_plan.js";
import { alternate } from "./alternation.js";
import { HALF_OF_COUNTS } from "./unique_texts.js";

/** Loaded by VU 0 alone, see scenario.js. @type {typeof import("./comparison_setup.js")} */
const setup = __VU === 0 ? require("./comparison_setup.js") : /** @type {any} */ ({});

export function comparisonScenario() {
  const plan = /** @type {import("./comparison_setup.js").ComparisonPlan} */ (
    /** @type {unknown} */ (sharedPlan(() => setup.sharedTexts()))
  );
  const a = mcpClient({ ...plan.settings, ...plan.servers.a });
  const b = mcpClient({ ...plan.settings, ...plan.servers.b });
  const users = {
    a: virtualUser({ ...plan, stages: plan.stages.filter(({ side }) => side === "a") }, a),
    // Both sides may be one server, on two wires for example.
    b: virtualUser({ ...plan, stages: plan.stages.filter(({ side }) => side === "b"), journeysBefore: HALF_OF_COUNTS }, b),
  };
  return {
    options: __VU === 0 ? setup.optionsOf(plan) : {},
    setup: () => Date.now(),
    iterate: alternate(plan.stages, users, () => {
      a.deleteSession();
      b.deleteSession();
    }),
    /** @param {import("./summary.js").SummaryData} data */
    handleSummary: (data) => setup.outputsOf(data, plan),
  };
}
