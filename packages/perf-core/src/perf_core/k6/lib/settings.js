/**
 * Settings of one run, from a plan or from the environment (environment_settings.js), checked before any load starts.
 * Pure: imports nothing of k6, so plain node can test it.
 */

import { timeScaleOf } from "./shapes.js";

/**
 * @typedef {import("./shapes.js").Shape} Shape
 * @typedef {"session" | "stateless"} Wire
 *
 * @typedef {object} Settings
 * @property {string} scenario name of the scenario; an adapter may choose another than the shape's
 * @property {string} shape name of the load shape, or "slices"
 * @property {Wire} wire
 * @property {number} timeScale factor on every length of the shape that is not fixed
 * @property {number | null} vus peak; null: as published
 * @property {number | null} ratePerS highest arrival rate, other levels in proportion; null: as published
 * @property {number} thinkTimeS pause after each iteration
 * @property {boolean} sessionPerIteration whether each iteration opens a session, calls some journeys and deletes it
 * @property {number} callsPerSession journeys per session with sessionPerIteration
 * @property {number} requestTimeoutS
 * @property {string[]} tools names of the called tools
 * @property {string[]} kinds labels of journeys; may be empty
 * @property {string[]} journeys names of the journeys of more than one step; may be empty
 * @property {boolean} byKind whether figures are split by the kinds of journeys
 * @property {string[]} pools names of the pools beside "mix", in the plan's order; may be empty
 * @property {Limits | null} limits rate limits of the server for one client
 * @property {number} identities number of users whose headers the VUs carry in rotation; 0 when the server needs none
 *
 * @typedef {object} Limits
 * @property {number} ratePerS
 * @property {number} burst
 */

const PLAN_SCHEMA = 1;

/** A setting that cannot be used; the message names the field, the expected and the actual value. */
export class SettingsError extends Error {
  /** @param {string} field @param {string} expected @param {unknown} value */
  constructor(field, expected, value) {
    super(`${field}: expected ${expected}, got ${value === undefined ? "nothing" : JSON.stringify(value)}`);
    this.name = "SettingsError";
  }
}

/**
 * Settings of a run with a plan; the pools of the plan are checked where they are read (journey_packing.js).
 * @param {any} plan parsed plan.json
 * @param {Shape} shape the shape of the scenario file that is running
 * @returns {Settings} @throws {SettingsError}
 */
export function settingsFromPlan(plan, shape) {
  if (typeof plan !== "object" || plan === null) throw new SettingsError("plan", "a JSON object", plan);
  if (plan.schema !== PLAN_SCHEMA) throw new SettingsError("plan.schema", String(PLAN_SCHEMA), plan.schema);
  const { name } = shape;
  if (plan.shape !== name) {
    throw new SettingsError(
      "plan.shape", `"${name}" in scenarios/${name}.js (run the scenario file of the plan's shape)`, plan.shape,
    );
  }
  const given = plan.settings;
  if (typeof given !== "object" || given === null) throw new SettingsError("plan.settings", "an object", given);
  const profile = {
    tools: plan.tools,
    vus: given.vus,
    pools: Object.keys(plan.pools || {}).filter((pool) => pool !== "mix"),
    limits: limitsOf(plan.limits),
  };
  if (shape.requires === "limits" && profile.limits === null) {
    throw new SettingsError("plan.limits", `the server's rate limits, which ${name} measures`, plan.limits);
  }
  if (shape.requires === "pools" && profile.pools.length === 0) {
    throw new SettingsError("plan.pools", `a pool beside "mix": ${name} has a stage for each`, plan.pools);
  }
  return validated({
    scenario: plan.scenario,
    shape: name,
    wire: plan.wire,
    timeScale: plannedTimeScale(given, shape, profile),
    vus: given.vus,
    ratePerS: given.rate_per_s,
    thinkTimeS: given.think_time_s,
    sessionPerIteration: given.session_per_iteration,
    callsPerSession: given.calls_per_session,
    requestTimeoutS: given.request_timeout_s,
    tools: plan.tools,
    kinds: plan.kinds,
    journeys: plan.journeys === undefined ? [] : plan.journeys,
    byKind: Array.isArray(plan.kinds) && plan.kinds.length > 0,
    pools: profile.pools,
    limits: profile.limits,
    identities: plan.identities === undefined ? 0 : plan.identities,
  }, shape, {
    scenario: "plan.scenario", wire: "plan.wire", timeScale: "plan.settings.time_scale", vus: "plan.settings.vus",
    ratePerS: "plan.settings.rate_per_s", thinkTimeS: "plan.settings.think_time_s",
    sessionPerIteration: "plan.settings.session_per_iteration", callsPerSession: "plan.settings.calls_per_session",
    requestTimeoutS: "plan.settings.request_timeout_s", tools: "plan.tools", kinds: "plan.kinds", journeys: "plan.journeys",
    pools: "plan.pools", limits: "plan.limits", identities: "plan.identities",
  });
}

/**
 * Time scale of a plan, or the one for its length of the whole profile.
 * @param {any} given the plan's settings
 * @param {Shape} shape @param {import("./shapes.js").ProfileSettings} profile @returns {unknown} checked by the caller
 */
function plannedTimeScale(given, shape, profile) {
  if (given.duration_s === null || given.duration_s === undefined) return given.time_scale;
  return isFiniteNumber(given.duration_s) && Array.isArray(profile.tools)
    ? timeScaleOf(shape, profile, given.duration_s)
    : null;
}

/**
 * @param {any} limits the plan's
 * @returns {Limits | null} @throws {SettingsError}
 */
function limitsOf(limits) {
  if (limits === undefined || limits === null) return null;
  if (!(limits.rate_per_s > 0) || !isWhole(limits.burst, 1)) {
    throw new SettingsError("plan.limits", "a rate_per_s above 0 and a burst, a whole number from 1", limits);
  }
  return { ratePerS: limits.rate_per_s, burst: limits.burst };
}

/**
 * Return the settings, or throw for the first one that cannot be used.
 * @param {any} settings @param {Shape} shape @param {Record<string, string>} names the user's names of the fields
 * @returns {Settings} @throws {SettingsError}
 */
export function validated(settings, shape, names) {
  /** @param {string} field @param {boolean} holds @param {string} expected */
  const expect = (field, holds, expected) => {
    if (!holds) throw new SettingsError(names[field] || field, expected, settings[field]);
  };
  expect("scenario", typeof settings.scenario === "string" && settings.scenario !== "", "a name");
  expect("wire", settings.wire === "session" || settings.wire === "stateless", '"session" or "stateless"');
  expect("timeScale", isFiniteNumber(settings.timeScale) && settings.timeScale > 0, "a number above 0");
  expect(
    "vus", settings.vus === null || isWhole(settings.vus, 1),
    "a whole number from 1, or none for the published levels",
  );
  expect(
    "ratePerS", settings.ratePerS === null || isWhole(settings.ratePerS, 1),
    "a whole number of calls per second from 1, or none",
  );
  expect(
    "ratePerS", settings.ratePerS === null || shape.client === undefined, `none: ${shape.name} has a pace of its own`,
  );
  expect("thinkTimeS", isFiniteNumber(settings.thinkTimeS) && settings.thinkTimeS >= 0, "a number of seconds from 0");
  expect(
    "thinkTimeS", settings.thinkTimeS === 0 || (shape.ratePerS === undefined && settings.ratePerS === null),
    "0: an arrival rate sets the pace",
  );
  expect("sessionPerIteration", typeof settings.sessionPerIteration === "boolean", "true or false");
  expect(
    "sessionPerIteration", !settings.sessionPerIteration || settings.wire === "session",
    "false: the stateless wire has no sessions",
  );
  expect("callsPerSession", isWhole(settings.callsPerSession, 1), "a whole number from 1");
  expect(
    "requestTimeoutS", isFiniteNumber(settings.requestTimeoutS) && settings.requestTimeoutS > 0,
    "a number of seconds above 0",
  );
  expect(
    "tools", isListOfLabels(settings.tools) && settings.tools.length > 0,
    `a list of names, at least one, ${LABEL_RULE}`,
  );
  expect("kinds", isListOfLabels(settings.kinds), `a list of names, ${LABEL_RULE}`);
  expect("pools", isListOfLabels(settings.pools), `names, ${LABEL_RULE}`);
  expect("journeys", isListOfLabels(settings.journeys), `a list of names, ${LABEL_RULE}`);
  expect("identities", isWhole(settings.identities, 0), "a whole number from 0");
  return settings;
}

/** @param {unknown} value */
function isFiniteNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** @param {unknown} value @param {number} least */
function isWhole(value, least) {
  return typeof value === "number" && Number.isInteger(value) && value >= least;
}

// k6 splits "metric{tag:value,tag:value}" at these characters, so a label with one would name another sub-metric.
const UNTAGGABLE = /[,{}"]|^\s|\s$|^$/;
const LABEL_RULE = 'none empty, repeated, or with , { } " or blanks at an end';

/** @param {unknown} value */
function isListOfLabels(value) {
  return Array.isArray(value)
    && new Set(value).size === value.length
    && value.every((label) => typeof label === "string" && !UNTAGGABLE.test(label));
}
