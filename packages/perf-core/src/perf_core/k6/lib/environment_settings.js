/**
 * Settings from environment variables: those of a run without a plan, and the server's URL.
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { SettingsError, validated } from "./settings.js";
import { timeScaleOf } from "./shapes.js";

/** Tools that a run without a plan calls. */
const CALCULATOR_TOOLS = ["add", "subtract", "multiply", "divide"];
const CALCULATOR_KINDS = ["small", "large", "decimal", "negative", "mixed", "edge"];

const DEFAULT_SERVER_URL = "http://127.0.0.1:8100";
const SECONDS_PER_UNIT = { "": 1, ms: 0.001, s: 1, m: 60, h: 3600 };

/**
 * Settings of a run without a plan: the calculator's mix, with settings from environment variables.
 * @param {Record<string, string | undefined>} env @param {import("./shapes.js").Shape} shape
 * @returns {import("./settings.js").Settings} @throws {SettingsError}
 */
export function settingsFromEnvironment(env, shape) {
  if (shape.requires) {
    throw new SettingsError("PLAN", `the path of a plan: perf-core run ${shape.name} writes one`, env.PLAN);
  }
  const duration_s = env.TEST_DURATION ? seconds("TEST_DURATION", env.TEST_DURATION) : null;
  if (duration_s !== null && env.TIME_SCALE) {
    throw new SettingsError(
      "TIME_SCALE", "no value beside TEST_DURATION (each sets the length)", env.TIME_SCALE,
    );
  }
  const vus = number("TEST_VUS", env.TEST_VUS, null);
  const settings = {
    scenario: shape.name,
    shape: shape.name,
    wire: env.WIRE || "session",
    timeScale: duration_s === null
      ? number("TIME_SCALE", env.TIME_SCALE, 1)
      : timeScaleOf(shape, { tools: CALCULATOR_TOOLS, vus }, duration_s),
    vus,
    ratePerS: number("RATE", env.RATE, null),
    thinkTimeS: number("THINK_TIME", env.THINK_TIME, 0),
    sessionPerIteration: flag("SESSION_PER_ITERATION", env.SESSION_PER_ITERATION),
    callsPerSession: 3,
    requestTimeoutS: 30,
    tools: CALCULATOR_TOOLS,
    kinds: CALCULATOR_KINDS,
    journeys: [],
    byKind: Boolean(shape.splitsByKind),
    pools: [],
    limits: null,
    identities: 0,
  };
  return validated(settings, shape, {
    wire: "WIRE", timeScale: "TIME_SCALE", vus: "TEST_VUS", ratePerS: "RATE", thinkTimeS: "THINK_TIME",
    sessionPerIteration: "SESSION_PER_ITERATION",
  });
}

/**
 * @template T
 * @param {string} field
 * @param {string | undefined} text
 * @param {T} fallback when the variable is not set
 */
function number(field, text, fallback) {
  if (text === undefined || text.trim() === "") return fallback;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new SettingsError(field, "a number", text);
  return value;
}

/** @param {string} field @param {string | undefined} text */
function flag(field, text) {
  const value = (text || "").trim().toLowerCase();
  if (["", "0", "false", "no"].includes(value)) return false;
  if (["1", "true", "yes"].includes(value)) return true;
  throw new SettingsError(field, "true or false (also 1, 0, yes, no)", text);
}

/** Seconds of a duration such as "90", "90s", "2m", "1h30m" or "500ms". @param {string} field @param {string} text */
export function seconds(field, text) {
  const expected = 'a duration above 0 such as "90s", "2m", "1h30m" or a number of seconds';
  const trimmed = text.trim();
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$|^\d+(\.\d+)?$/.test(trimmed)) throw new SettingsError(field, expected, text);
  let total_s = 0;
  for (const part of trimmed.match(/\d+(\.\d+)?(ms|s|m|h)?/g) || []) {
    const unit = /** @type {keyof typeof SECONDS_PER_UNIT} */ (part.replace(/[\d.]+/, ""));
    total_s += parseFloat(part) * SECONDS_PER_UNIT[unit];
  }
  if (total_s <= 0) throw new SettingsError(field, expected, text);
  return total_s;
}

/**
 * MCP endpoint of a server: /mcp is added to a URL without a path; a query is kept.
 * @param {string | undefined} text
 * @param {boolean} [keepsRoot] whether the path / is the endpoint, as in a URL from the lab, which has called it
 * @throws {SettingsError}
 */
export function endpointOf(text, keepsRoot = false) {
  const url = (text || DEFAULT_SERVER_URL).trim();
  const parts = /^(https?:\/\/[^/?#\s]+)([^?#\s]*)(\?[^#\s]*)?$/.exec(url);
  // A query may hold a key, which is not repeated.
  if (parts === null) throw new SettingsError("SERVER_URL", `a URL such as ${DEFAULT_SERVER_URL}`, url.split("?")[0]);
  const [, server, path, query = ""] = parts;
  return path === "" || (path === "/" && !keepsRoot) ? `${server}/mcp${query}` : url;
}

/** Health endpoint of the server of an MCP endpoint, without its query. @param {string} endpoint from endpointOf */
export function healthUrlOf(endpoint) {
  return endpoint.replace(/^(https?:\/\/[^/?#]+).*$/, "$1/health");
}

/**
 * @typedef {object} User headers of one user, from the lab
 * @property {Record<string, string>} headers
 * @property {Renewal} [renew] absent for headers that never change
 *
 * @typedef {object} Renewal
 * @property {string} url address of the lab, which answers with the user as he is then
 * @property {number} at_ms when to ask, in milliseconds since the epoch
 * @property {number} spread_ms time over which the VUs spread their requests
 */

/**
 * Users whose headers the VUs carry, from variables of the environment; never from a file or a command line.
 *
 * Systems limit the size of a variable, so that further users stand in `name` with _2, then _3 and so on.
 * @param {string} name of the first variable @param {Record<string, string | undefined>} environment
 * @returns {User[]} @throws {SettingsError} without the value
 */
export function usersOf(name, environment) {
  /** @type {User[]} */
  const users = [];
  let variable = name;
  for (let number = 2; environment[variable]; number += 1) {
    users.push(...listedUsers(variable, String(environment[variable])));
    variable = `${name}_${number}`;
  }
  return users;
}

/** @param {string} variable @param {string} text its value, JSON @returns {User[]} @throws {SettingsError} without the value */
function listedUsers(variable, text) {
  const error = new SettingsError(variable, 'a JSON list of users, each with "headers"', undefined);
  let users;
  try {
    users = JSON.parse(text);
  } catch (_) {
    throw error;
  }
  const isUser = (/** @type {any} */ user) => typeof user === "object" && user !== null
    && typeof user.headers === "object" && user.headers !== null;
  if (!Array.isArray(users) || !users.every(isUser)) throw error;
  return users;
}
