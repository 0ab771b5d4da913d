/** Environment variables of a run; no other module reads __ENV. */

import { endpointOf, healthUrlOf, usersOf } from "./environment_settings.js";
import { SettingsError } from "./settings.js";
import { PROTOCOL_VERSIONS } from "./wire.js";

/**
 * @typedef {object} Config
 * @property {string} url MCP endpoint
 * @property {string} healthUrl
 * @property {string} rivalUrl MCP endpoint of the other server of a comparison
 * @property {import("./environment_settings.js").User[]} users whose headers the VUs carry in rotation; may be empty
 * @property {import("./environment_settings.js").User[]} rivalUsers of the other server of a comparison
 * @property {string} revision protocol revision to offer in `initialize`
 * @property {string} rivalRevision for the other server of a comparison
 * @property {boolean} acceptsAnyCertificate
 * @property {string | null} planPath absolute; null in a run without a plan, whose settings come from `environment`
 * @property {string | null} summaryPath absolute; null when no summary file is written
 * @property {Record<string, string | undefined>} environment
 */

/** @returns {Config} @throws {SettingsError} */
export function readConfig() {
  const planPath = absolute(__ENV.PLAN);
  const url = endpointOf(__ENV.SERVER_URL, planPath !== null);
  const summaryPath = absolute(__ENV.SUMMARY);
  if (planPath !== null && summaryPath === null) {
    throw new SettingsError("SUMMARY", "the path of the summary file: a run with PLAN prints nothing", __ENV.SUMMARY);
  }
  const rivalUrl = endpointOf(__ENV.RIVAL_URL || url, planPath !== null);
  return {
    url,
    healthUrl: healthUrlOf(url),
    rivalUrl,
    users: usersOf("MCP_IDENTITIES", __ENV),
    rivalUsers: usersOf("MCP_RIVAL_IDENTITIES", __ENV),
    revision: __ENV.MCP_REVISION || PROTOCOL_VERSIONS.session,
    rivalRevision: __ENV.MCP_RIVAL_REVISION || PROTOCOL_VERSIONS.session,
    acceptsAnyCertificate: __ENV.MCP_INSECURE_TLS === "1",
    planPath,
    summaryPath,
    environment: __ENV,
  };
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
