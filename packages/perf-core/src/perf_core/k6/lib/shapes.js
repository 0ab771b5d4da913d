/**
 * Mechanics of load shapes: from the profile of a shape to timed stages and k6's executor options.
 * Pure: imports nothing of k6, so plain node can test it. Every time is in seconds.
 */

/**
 * @typedef {object} Shape a load shape; scenarios/<name>.js defines it
 * @property {string} name
 * @property {(input: ProfileInput) => ProfileStage[]} profile the published profile (docs/scenarios.md), at scale 1
 * @property {number} [ratePerS] published arrival rate in iterations per second; other shapes keep VUs busy, unless the user
 *   sets a rate
 * @property {boolean} [hasFixedVus] whether the number of VUs cannot be changed
 * @property {"pools" | "limits"} [requires] part of a plan without which the shape cannot run
 * @property {boolean} [splitsByKind] whether a run without a plan splits figures by kind of number
 * @property {number} [abortAboveP95_ms] p95 of a steady stage above which the run ends early; such a run also ends when
 *   most of a VU's last calls fail
 * @property {boolean} [measuresOutages] whether VUs measure the time from a failed call to the next right answer
 * @property {(settings: Settings, stages: Stage[]) => string[]} [subMetrics] sub-metrics that only this shape needs
 * @property {(plan: import("./shared_plan.js").Plan, client: import("./vu_client.js").McpClient) => () => void} [client]
 *   makes the single iteration of a VU, which walks through all stages by its own clock; without it VUs repeat journeys
 *
 * @typedef {object} ProfileInput
 * @property {(vus: number, length_s: number) => ProfileStage} ramp makes a stage that leads to a level
 * @property {(vus: number, length_s: number) => ProfileStage} hold makes a stage at a level
 * @property {string[]} tools
 * @property {string[]} pools names of the pools beside "mix"
 * @property {number | null} vus null unless the user sets the number of VUs
 * @property {import("./settings.js").Limits | null} limits of the server
 *
 * @typedef {"ramp" | "hold" | "baseline" | "spike" | "recovery" | "protocol" | "pause" | "burst" | "sustained" | "retry"
 * } StageKind
 *
 * @typedef {object} ProfileStage
 * @property {StageKind} kind
 * @property {number} length_s
 * @property {number} level VUs at the end of the stage, and in all of it unless it is a ramp
 * @property {string} [name] where the level alone would not distinguish stages
 * @property {string} [pool] journeys called in this stage; default "mix"
 * @property {boolean} [isFixed] whether the length is the same at every time scale
 *
 * @typedef {object} Stage a stage of this run
 * @property {string} name value of the `stage` tag
 * @property {StageKind} kind
 * @property {number} vus VUs at the end of the stage, and in all of it unless it is a ramp
 * @property {number | null} rate_per_s arrival rate at the end of the stage; null for shapes without one
 * @property {number} start_s since the start of the load
 * @property {number} end_s since the start of the load
 * @property {string} pool journeys called in this stage
 * @property {number} [mostVus] VUs that an arrival rate may have at one time; by default as many as calls may queue
 * @property {Record<string, string>} [furtherTags] of the calls in this stage
 *
 * @typedef {import("./settings.js").Settings} Settings
 *
 * @typedef {object} ProfileSettings settings that a profile may depend on
 * @property {string[]} tools
 * @property {string[]} [pools]
 * @property {number | null} [vus]
 * @property {import("./settings.js").Limits | null} [limits]
 *
 * @typedef {object} ScaleSettings
 * @property {number} timeScale factor on every length that is not fixed
 * @property {number | null} vus highest level, the others in proportion; null: as published
 * @property {number | null} ratePerS null: as published
 */

/**
 * VUs that are ready for an arrival rate given by the user: enough for answers that take this long. More are started when
 * they are needed.
 */
const PACED_VU_S = 0.5;
const LEAST_PACED_VUS = 10;

/** A shorter hold has too few calls to say anything, however small the time scale. */
const SHORTEST_HOLD_S = 1;
const SHORTEST_RAMP_S = 0.2;
const SMALLEST_SCALE = 1e-9;

/** Stages of the published profile. @param {Shape} shape @param {ProfileSettings} settings @returns {ProfileStage[]} */
export function profileOf(shape, { tools, pools = [], vus = null, limits = null }) {
  return shape.profile({ ramp, hold, tools, pools, vus, limits });
}

/** @type {(level: number, length_s: number) => ProfileStage} */
const ramp = (level, length_s) => ({ kind: "ramp", level, length_s });

/** @type {(level: number, length_s: number) => ProfileStage} */
const hold = (level, length_s) => ({ kind: "hold", level, length_s });

/**
 * Time scale at which the whole profile has a certain length.
 * @param {Shape} shape @param {ProfileSettings} settings @param {number} duration_s
 */
export function timeScaleOf(shape, settings, duration_s) {
  const profile = profileOf(shape, settings);
  const whole_s = lengthS(profile);
  const fixed_s = lengthS(profile.filter((stage) => stage.isFixed));
  // The profile cannot be shorter than its fixed stages; the others are then as short as possible.
  return Math.max(SMALLEST_SCALE, (duration_s - fixed_s) / (whole_s - fixed_s));
}

/** @param {ProfileStage[]} profile */
function lengthS(profile) {
  return profile.reduce((sum, stage) => sum + stage.length_s, 0);
}

/**
 * Stages of one run: scaled in time and level, with unique names.
 * @param {Shape} shape @param {ProfileSettings & ScaleSettings} settings @returns {Stage[]}
 */
export function stagesOf(shape, settings) {
  const profile = profileOf(shape, settings);
  const publishedPeak = Math.max(...profile.map((stage) => stage.level));
  const rate = settings.ratePerS === null ? shape.ratePerS : settings.ratePerS;
  const isPaced = rate !== undefined;
  const peak = settings.vus === null || shape.hasFixedVus ? publishedPeak : settings.vus;
  // Without a published rate, levels are shares of the given one, and VUs only have to be enough.
  const pacedVus = isPaced && shape.ratePerS === undefined && settings.vus === null
    ? Math.max(LEAST_PACED_VUS, Math.ceil(rate * PACED_VU_S))
    : peak;
  /** @type {Set<string>} */
  const names = new Set();
  let start_s = 0;
  return profile.map((published) => {
    const vus = scaledLevel(published.level, peak, publishedPeak);
    const shortest_s = published.kind === "ramp" ? SHORTEST_RAMP_S : SHORTEST_HOLD_S;
    const scale = published.isFixed ? 1 : settings.timeScale;
    const end_s = roundToMs(start_s + Math.max(published.length_s * scale, shortest_s));
    /** @type {Stage} */
    const stage = {
      name: uniqueName(published.name || `${published.kind}_${vus}`, names),
      kind: published.kind,
      vus: isPaced ? pacedVus : vus,
      rate_per_s: isPaced ? (published.level * Number(rate)) / publishedPeak : null,
      start_s,
      end_s,
      pool: published.pool || "mix",
    };
    start_s = end_s;
    return stage;
  });
}

/**
 * Stages that a plan states itself, at arrival rates: the steps of `perf-core capacity` (perf_core.load.paced).
 * @param {{vus: number, most_vus: number, stages: [string, StageKind, number, number][]}} paced the plan's
 * @returns {Stage[]}
 */
export function pacedStages({ vus, most_vus, stages }) {
  let start_s = 0;
  return stages.map(([name, kind, rate_per_s, length_s]) => {
    const end_s = roundToMs(start_s + length_s);
    const stage = { name, kind, vus, mostVus: most_vus, rate_per_s, start_s, end_s, pool: "mix" };
    start_s = end_s;
    return stage;
  });
}

/** @param {number} level @param {number} peak @param {number} publishedPeak */
function scaledLevel(level, peak, publishedPeak) {
  return level === 0 ? 0 : Math.max(1, Math.round((level * peak) / publishedPeak));
}

/**
 * Make a stage name unique: two published levels may scale to the same number of VUs.
 * @param {string} name @param {Set<string>} taken the result is added to it
 */
function uniqueName(name, taken) {
  let unique = name;
  for (let number = 2; taken.has(unique); number += 1) unique = `${name}_${number}`;
  taken.add(unique);
  return unique;
}

/** @param {number} seconds */
function roundToMs(seconds) {
  return Math.round(seconds * 1000) / 1000;
}

/** Highest number of VUs in any stage. @param {Stage[]} stages */
export function peakVus(stages) {
  return Math.max(...stages.map((stage) => stage.vus));
}

/**
 * Time after the load during which journeys in progress may begin further calls: a tenth of the load, 2 to 30 s.
 * @param {Stage[]} stages
 */
export function journeyGraceS(stages) {
  return roundToMs(Math.min(30, Math.max(2, stages[stages.length - 1].end_s / 10)));
}

/** Time beyond a request's timeout in which its failure is counted. */
const COUNTING_S = 2;

/**
 * k6's `scenarios` option: the load, and without the lab, which deletes sessions itself, the deletion of each VU's session.
 *
 * Every call that begins must end before k6 ends its VU, which forgets it: by its answer or by its timeout.
 * @param {Shape} shape @param {Stage[]} stages @param {Settings} settings
 * @param {boolean} withCleanup whether VUs keep sessions that have to be deleted at the end
 * @returns {Record<string, import("k6/options").Scenario>}
 */
export function k6Scenarios(shape, stages, settings, withCleanup) {
  const grace_s = journeyGraceS(stages);
  const gracefulStop_s = withCleanup ? grace_s : grace_s + settings.requestTimeoutS + COUNTING_S;
  const executor = shape.client ? oneIteration : stages[0].rate_per_s === null ? closedLoop : openLoop;
  const load = executor(stages, gracefulStop_s, settings);
  if (!withCleanup) return { load };
  return {
    load,
    // Started after the load has released its VUs, this scenario gets the same VUs, with their sessions. It has to wait for
    // the whole grace, which therefore is short.
    cleanup: {
      executor: "per-vu-iterations",
      exec: "cleanup",
      vus: peakVus(stages),
      iterations: 1,
      startTime: inMs(stages[stages.length - 1].end_s + gracefulStop_s + 0.1),
      maxDuration: "60s",
      gracefulStop: "5s",
    },
  };
}

/**
 * VUs that each run one iteration, which walks through the stages.
 * @param {Stage[]} stages @param {number} gracefulStop_s @returns {import("k6/options").PerVUIterationsScenario}
 */
function oneIteration(stages, gracefulStop_s) {
  return {
    executor: "per-vu-iterations",
    vus: peakVus(stages),
    iterations: 1,
    maxDuration: inMs(stages[stages.length - 1].end_s),
    gracefulStop: inMs(gracefulStop_s),
  };
}

/** @param {Stage[]} stages @param {number} gracefulStop_s @returns {import("k6/options").RampingVUsScenario} */
function closedLoop(stages, gracefulStop_s) {
  return {
    executor: "ramping-vus",
    // The default is 1; a profile that begins with a ramp starts from 0.
    startVUs: stages[0].kind === "ramp" ? 0 : stages[0].vus,
    stages: stages.flatMap((stage) => k6Stages(stage, stage.vus)),
    gracefulStop: inMs(gracefulStop_s),
    gracefulRampDown: inMs(gracefulStop_s),
  };
}

/**
 * @param {Stage[]} stages @param {number} gracefulStop_s @param {Settings} settings
 * @returns {import("k6/options").RampingArrivalRateScenario}
 */
function openLoop(stages, gracefulStop_s, settings) {
  return {
    executor: "ramping-arrival-rate",
    startRate: 0,
    timeUnit: `${RATE_UNIT_S}s`,
    preAllocatedVUs: peakVus(stages),
    // While a server is slow, its calls queue in further VUs. Starting one costs CPU, but only when the server is late.
    maxVUs: stages[0].mostVus || mostQueued(stages, settings),
    stages: stages.flatMap((stage) => k6Stages(stage, Math.round(Number(stage.rate_per_s) * RATE_UNIT_S))),
    gracefulStop: inMs(gracefulStop_s),
  };
}

/**
 * Calls of an open model that may be in flight at once, each in a VU of about 0.35 MB: a memory bound of 0.7 GB.
 */
const MOST_QUEUED_CALLS = 2000;

/** @param {Stage[]} stages @param {Settings} settings */
function mostQueued(stages, settings) {
  return Math.max(peakVus(stages), Math.min(MOST_QUEUED_CALLS, Math.ceil(peakRate(stages) * settings.requestTimeoutS)));
}

/** Highest arrival rate in any stage, per second. @param {Stage[]} stages */
function peakRate(stages) {
  return Math.max(...stages.map((stage) => Number(stage.rate_per_s)));
}

/** Return k6's stages for one of ours: a hold begins with a jump. @param {Stage} stage @param {number} target */
function k6Stages({ kind, start_s, end_s }, target) {
  const whole = { duration: inMs(end_s - start_s), target };
  return kind === "ramp" ? [whole] : [{ duration: "0s", target }, whole];
}

/** k6 accepts only whole numbers, and a share of a rate may be 0.3 calls per second. */
const RATE_UNIT_S = 10;

/** @param {number} seconds */
function inMs(seconds) {
  return `${Math.round(seconds * 1000)}ms`;
}
