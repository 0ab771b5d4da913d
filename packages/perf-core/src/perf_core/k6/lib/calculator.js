/** Is there a calculator at all? What a run without a plan asks before it begins. */

import { answerError, exchangeError, needleOf } from "./answers.js";
import { calculation } from "./calculations.js";

/**
 * @typedef {import("./answers.js").ErrorClass} ErrorClass
 * @typedef {import("./mcp.js").McpClient} McpClient
 */

/**
 * Without a plan the scripts call a calculator: better to learn now that there is none than after minutes of errors.
 *
 * @param {McpClient} client
 */
export function expectCalculator(client) {
  const { url } = client;
  if (client.healthCheck().status === 0) {
    throw new Error(`no server answers at ${url}: start one, or set SERVER_URL`);
  }
  const error = client.initializeSession() || performCalculation(client, "add", 2, 3);
  client.deleteSession();
  if (error !== null) {
    throw new Error(
      `the server at ${url} does not add 2 and 3 (${error}): without PLAN these scripts call a calculator; ` +
        "for another server write a plan with perf-core",
    );
  }
}

/**
 * One operation of the calculator, made and judged.
 *
 * @param {McpClient} client with an open session
 * @param {string} operation
 * @param {number} a
 * @param {number} b
 * @returns {ErrorClass | null}
 */
export function performCalculation(client, operation, a, b) {
  const [tool, argumentsText, kind, expectText] = calculation(operation, a, b);
  const response = client.callTool(tool, argumentsText);
  return exchangeError(response.status, response.error_code)
    || answerError(String(response.body), client.callId, kind, needleOf(kind, expectText));
}
