/** Check that the server is a calculator, before a run without a plan. */

import { answerError, exchangeError } from "./answers.js";
import { calculation } from "./calculations.js";

/**
 * Throw unless the server adds 2 and 3: a run without a plan calls a calculator, and it is better to learn at once that
 * there is none than after minutes of errors.
 * @param {import("./vu_client.js").McpClient} client
 */
export function expectCalculator(client) {
  const { url } = client;
  if (client.healthCheck().status === 0) {
    throw new Error(`no server answers at ${url}: start one, or set SERVER_URL`);
  }
  const error = client.initializeSession().error || additionError(client);
  client.deleteSession();
  if (error !== null) {
    throw new Error(
      `expected a calculator at ${url} that adds 2 and 3, got ${error}: without PLAN these scripts call a calculator; ` +
        "for another server write a plan with perf-core",
    );
  }
}

/** @param {import("./vu_client.js").McpClient} client with an open session */
function additionError(client) {
  const [tool, argumentsText, kind, expectText] = calculation("add", 2, 3);
  const response = client.callTool(tool, argumentsText);
  return exchangeError(response.status, response.error_code)
    || answerError(String(response.body), client.callId, kind, expectText);
}
