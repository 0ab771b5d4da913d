/** What the environment asks for. The only reader of __ENV. */

import { endpointOf, healthUrlOf, SettingsError } from "./settings.js";

/**
 * @typedef {object} Config
 * @property {string} url MCP endpoint
 * @property {string} healthUrl
 * @property {string} rivalUrl MCP endpoint of the other server of a comparison
 * @property {string | null} planPath absolute; null: a run without a plan, shaped by `environment`
 * @property {string | null} summaryPath absolute; null: no summary file
 * @property {Record<string, string | undefined>} environment
 */

/**
 * @returns {Config}
 * @throws {SettingsError}
 */
export function readConfig() {
  const url = endpointOf(__ENV.SERVER_URL);
  const planPath = absolute(__ENV.PLAN);
  const summaryPath = absolute(__ENV.SUMMARY);
  if (planPath !== null && summaryPath === null) {
    throw new SettingsError("SUMMARY", "the path of the summary file: a run with PLAN prints nothing", __ENV.SUMMARY);
  }
  const rivalUrl = endpointOf(__ENV.RIVAL_URL || url);
  return { url, healthUrl: healthUrlOf(url), rivalUrl, planPath, summaryPath, environment: __ENV };
}

/**
 * k6 resolves relative paths against the script's folder; users mean their own.
 *
 * @param {string | undefined} path
 */
function absolute(path) {
  if (!path) return null;
  if (/^([A-Za-z]:)?[\\/]/.test(path)) return path;
  return `${__ENV.PWD || "."}/${path}`;
}
