/** Exports of scenarios/slices.js: each VU has a client of every server and alternates between them. */

import { virtualUser } from "./virtual_user.js";
import { mcpClient } from "./vu_client.js";
import { sharedPlan } from "./shared_plan.js";
import { alternate } from "./alternation.js";
import { partOfCounts } from "./unique_texts.js";

/** Loaded by VU 0 alone, see scenario.js. @type {typeof import("./comparison_setup.js")} */
const setup = __VU === 0 ? require("./comparison_setup.js") : /** @type {any} */ ({});

export function comparisonScenario() {
  const plan = /** @type {import("./comparison_setup.js").ComparisonPlan} */ (
    /** @type {unknown} */ (sharedPlan(() => setup.sharedTexts()))
  );
  const sides = Object.keys(plan.servers);
  const clients = sides.map((side) => mcpClient({ ...plan.settings, ...plan.servers[side] }));
  /** @type {Record<string, () => void>} */
  const users = {};
  sides.forEach((side, index) => {
    const stages = plan.stages.filter((stage) => stage.side === side);
    // Several sides may be one server, on two wires for example.
    users[side] = virtualUser({ ...plan, stages, journeysBefore: partOfCounts(index, sides.length) }, clients[index]);
  });
  return {
    options: __VU === 0 ? setup.optionsOf(plan) : {},
    setup: () => Date.now(),
    iterate: alternate(plan.stages, users, () => clients.forEach((client) => client.deleteSession())),
    /** @param {import("./summary.js").SummaryData} data */
    handleSummary: (data) => setup.outputsOf(data, plan),
  };
}
