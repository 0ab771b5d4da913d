/** Environment variables of a run; no other module reads __ENV. */

import { endpointOf, healthUrlOf } from "./environment_settings.js";
import { SettingsError } from "./settings.js";

/**
 * @typedef {object} Config
 * @property {string} url MCP endpoint
 * @property {string} healthUrl
 * @property {string} rivalUrl MCP endpoint of the other server of a comparison
 * @property {string | null} planPath absolute; null in a run without a plan, whose settings come from `environment`
 * @property {string | null} summaryPath absolute; null when no summary file is written
 * @property {Record<string, string | undefined>} environment
 */

/** @returns {Config} @throws {SettingsError} */
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
 * Resolve a path against the user's working folder; k6 would resolve it against the script's.
 * @param {string | undefined} path
 */
function absolute(path) {
  if (!path) return null;
  if (/^([A-Za-z]:)?[\\/]/.test(path)) return path;
  return `${__ENV.PWD || "."}/${path}`;
}
