/** Exports of a scenario file, made from its load shape. */

import { sharedPlan } from "./shared_plan.js";
import { virtualUser } from "./virtual_user.js";
import { mcpClient } from "./vu_client.js";

/**
 * VUs do not load the modules that only setup needs: in every VU each function costs 0.8 kB, each import 0.9 kB and each
 * module 6 kB (k6 1.1). VU 0 is the one that k6 asks for options, runs setup with, and gives the summary to.
 * @type {typeof import("./scenario_setup.js")}
 */
const scenarioSetup = __VU === 0 ? require("./scenario_setup.js") : /** @type {any} */ ({});

/** @param {import("./shapes.js").Shape} shape */
export function scenarioOf(shape) {
  const plan = sharedPlan(() => scenarioSetup.sharedTexts(shape));
  const { settings, reportsEvents } = plan;
  const reportsSessions = reportsEvents && !settings.sessionPerIteration;
  const client = mcpClient({ ...plan, ...settings, reportsSessions });
  return {
    options: __VU === 0 ? scenarioSetup.optionsOf(plan, shape) : {},
    setup: () => scenarioSetup.setUp(client, plan),
    iterate: (shape.client || virtualUser)(plan, client, shape),
    cleanup: client.deleteSession,
    /** @param {import("./summary.js").SummaryData} data */
    handleSummary: (data) => scenarioSetup.outputsOf(data, plan, shape),
  };
}
