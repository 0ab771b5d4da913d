/** Environment variables of a run; no other module reads __ENV. */

import { endpointOf, healthUrlOf, usersOf } from "./environment_settings.js";
import { SettingsError } from "./settings.js";
import { PROTOCOL_VERSIONS } from "./wire.js";

/**
 * @typedef {object} Config
 * @property {string} url MCP endpoint
 * @property {string} healthUrl
 * @property {Rival[]} rivals the other servers of a comparison, at least one
 * @property {import("./environment_settings.js").User[]} users whose headers the VUs carry in rotation; may be empty
 * @property {string} revision protocol revision to offer in `initialize`
 * @property {boolean} acceptsAnyCertificate
 * @property {string | null} planPath absolute; null in a run without a plan, whose settings come from `environment`
 * @property {string | null} summaryPath absolute; null when no summary file is written
 * @property {Record<string, string | undefined>} environment
 */

/**
 * @typedef {object} Rival another server of a comparison
 * @property {string} url MCP endpoint
 * @property {import("./environment_settings.js").User[]} users
 * @property {string} revision
 */

/** @returns {Config} @throws {SettingsError} */
export function readConfig() {
  const planPath = absolute(__ENV.PLAN);
  const url = endpointOf(__ENV.SERVER_URL, planPath !== null);
  const summaryPath = absolute(__ENV.SUMMARY);
  if (planPath !== null && summaryPath === null) {
    throw new SettingsError("SUMMARY", "the path of the summary file: a run with PLAN prints nothing", __ENV.SUMMARY);
  }
  return {
    url,
    healthUrl: healthUrlOf(url),
    rivals: rivalsOf(url, planPath !== null),
    users: usersOf("MCP_IDENTITIES", __ENV),
    revision: __ENV.MCP_REVISION || PROTOCOL_VERSIONS.session,
    acceptsAnyCertificate: __ENV.MCP_INSECURE_TLS === "1",
    planPath,
    summaryPath,
    environment: __ENV,
  };
}

/**
 * Return the rivals of RIVAL_URL, RIVAL_2_URL and so on; a first one without a URL is the server itself.
 * @param {string} url of the server @param {boolean} isOfTheLab see endpointOf
 * @returns {Rival[]}
 */
function rivalsOf(url, isOfTheLab) {
  /** @type {Rival[]} */
  const rivals = [];
  for (let rival = "RIVAL"; rivals.length === 0 || __ENV[`${rival}_URL`]; rival = `RIVAL_${rivals.length + 1}`) {
    rivals.push({
      url: endpointOf(__ENV[`${rival}_URL`] || url, isOfTheLab),
      users: usersOf(`MCP_${rival}_IDENTITIES`, __ENV),
      revision: __ENV[`MCP_${rival}_REVISION`] || PROTOCOL_VERSIONS.session,
    });
  }
  return rivals;
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
