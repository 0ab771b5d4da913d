/**
 * The shapes of the load: published profiles turned into timed stages and into k6's executor options.
 *
 * Pure: imports nothing of k6, so plain node can test it. Every time is in seconds.
 */

/**
 * @typedef {"ramp" | "hold" | "baseline" | "spike" | "recovery" | "protocol"} StageKind
 *
 * @typedef {object} ProfileStage one line of a published profile, at scale 1
 * @property {StageKind} kind
 * @property {number} length_s
 * @property {number} level VUs at the end of the stage (its whole length, unless the stage is a ramp)
 * @property {string} [name] given where the level alone would not tell stages apart
 * @property {string} [pool] the journeys called in this stage; "mix" unless given
 *
 * @typedef {object} Stage a stage of this run
 * @property {string} name value of the `stage` tag
 * @property {StageKind} kind
 * @property {number} vus VUs at the end of the stage (its whole length, unless the stage is a ramp)
 * @property {number | null} rate_per_s arrival rate at the end of the stage; null in closed-loop shapes
 * @property {number} start_s since the start of the load
 * @property {number} end_s since the start of the load
 * @property {string} pool the journeys called in this stage
 *
 * @typedef {object} ShapeSettings
 * @property {number} timeScale every length is multiplied by it
 * @property {number | null} vus highest level; the others follow in proportion; null: as published
 * @property {number | null} ratePerS arrival rate of `endurance`; null: as published
 * @property {string[]} tools each gets a stage of its own in `benchmark`
 */

/** Arrival rate of `endurance` unless another is asked for: k6 keeps some 200 bytes per call for hours. */
const PUBLISHED_RATE_PER_S = 200;
const MINUTE_S = 60;
const HOUR_S = 3600;

/** A shorter hold has too few calls to say anything, however small the time scale. */
const SHORTEST_HOLD_S = 1;
const SHORTEST_RAMP_S = 0.2;

/** Names of the shapes, each with a file of its own in scenarios/. */
export const SHAPES = ["quick", "load", "stress", "endurance", "spike", "benchmark"];

/** The shape whose profile is a schedule in the plan (see slices.js). */
export const SLICES = "slices";

/**
 * The published profile of a shape (requirements, section 2).
 *
 * @param {string} shape one of SHAPES
 * @param {string[]} tools
 * @returns {ProfileStage[]}
 */
export function profileOf(shape, tools) {
  switch (shape) {
    case "quick":
      return [hold(10, 30)];
    case "load":
      return [
        ramp(50, MINUTE_S), hold(50, 5 * MINUTE_S),
        ramp(100, MINUTE_S), hold(100, 5 * MINUTE_S),
        ramp(0, MINUTE_S),
      ];
    case "stress":
      return [
        ...[100, 200, 400, 800].flatMap((level) => [ramp(level, 2 * MINUTE_S), hold(level, 3 * MINUTE_S)]),
        ramp(0, 2 * MINUTE_S),
      ];
    case "endurance":
      return [
        { ...ramp(50, 5 * MINUTE_S), name: "ramp_up" },
        { ...hold(50, 2 * HOUR_S), name: "hold" },
        { ...ramp(0, 5 * MINUTE_S), name: "ramp_down" },
      ];
    case "spike":
      return [
        { kind: "baseline", level: 10, length_s: 30, name: "baseline" },
        ...[1, 2, 3, 4, 5].flatMap((turn) => [
          /** @type {ProfileStage} */ ({ kind: "spike", level: 200, length_s: MINUTE_S, name: `spike_${turn}` }),
          /** @type {ProfileStage} */ ({ kind: "recovery", level: 10, length_s: MINUTE_S, name: `recovery_${turn}` }),
        ]),
      ];
    case "benchmark":
      return [
        ...tools.map((tool) => ({ ...hold(10, MINUTE_S), name: tool, pool: tool })),
        { ...hold(20, MINUTE_S), name: "mixed" },
        { kind: "protocol", level: 1, length_s: 10, name: "protocol" },
      ];
    default:
      throw new Error(`shape: expected one of ${SHAPES.join(", ")}; came ${JSON.stringify(shape)}`);
  }
}

/**
 * @param {number} level
 * @param {number} length_s
 * @returns {ProfileStage}
 */
function ramp(level, length_s) {
  return { kind: "ramp", level, length_s };
}

/**
 * @param {number} level
 * @param {number} length_s
 * @returns {ProfileStage}
 */
function hold(level, length_s) {
  return { kind: "hold", level, length_s };
}

/**
 * Length of a shape's published profile, in seconds.
 *
 * @param {string} shape
 * @param {string[]} tools
 */
export function publishedLengthS(shape, tools) {
  return profileOf(shape, tools).reduce((sum, stage) => sum + stage.length_s, 0);
}

/**
 * The stages of one run: scaled in time and level, with names that are unique within the run.
 *
 * @param {string} shape
 * @param {ShapeSettings} settings
 * @returns {Stage[]}
 */
export function stagesOf(shape, settings) {
  const profile = profileOf(shape, settings.tools);
  const publishedPeak = Math.max(...profile.map((stage) => stage.level));
  const openModel = shape === "endurance";
  const rate = settings.ratePerS === null ? PUBLISHED_RATE_PER_S : settings.ratePerS;
  /** @type {Set<string>} */
  const names = new Set();
  let start_s = 0;
  return profile.map((published) => {
    const vus = scaledLevel(published.level, settings.vus, publishedPeak);
    const shortest_s = published.kind === "ramp" ? SHORTEST_RAMP_S : SHORTEST_HOLD_S;
    const end_s = roundToMs(start_s + Math.max(published.length_s * settings.timeScale, shortest_s));
    /** @type {Stage} */
    const stage = {
      name: uniqueName(published.name || `${published.kind}_${vus}`, names),
      kind: published.kind,
      vus: openModel ? peakOf(settings.vus, publishedPeak) : vus,
      rate_per_s: openModel ? (published.level === 0 ? 0 : rate) : null,
      start_s,
      end_s,
      pool: published.pool || "mix",
    };
    start_s = end_s;
    return stage;
  });
}

/**
 * @param {number} level
 * @param {number | null} wantedPeak
 * @param {number} publishedPeak
 */
function scaledLevel(level, wantedPeak, publishedPeak) {
  if (level === 0) return 0;
  return Math.max(1, Math.round((level * peakOf(wantedPeak, publishedPeak)) / publishedPeak));
}

/**
 * @param {number | null} wantedPeak
 * @param {number} publishedPeak
 */
function peakOf(wantedPeak, publishedPeak) {
  return wantedPeak === null ? publishedPeak : wantedPeak;
}

/**
 * Two published levels may fall on one scaled level; tags must still tell their stages apart.
 *
 * @param {string} wanted
 * @param {Set<string>} taken is added to
 */
function uniqueName(wanted, taken) {
  let name = wanted;
  for (let turn = 2; taken.has(name); turn += 1) name = `${wanted}_${turn}`;
  taken.add(name);
  return name;
}

/** @param {number} seconds */
function roundToMs(seconds) {
  return Math.round(seconds * 1000) / 1000;
}

/**
 * Highest number of VUs that the stages need.
 *
 * @param {Stage[]} stages
 */
export function peakVus(stages) {
  return Math.max(...stages.map((stage) => stage.vus));
}

/**
 * How long iterations in flight at the end may take to finish: a tenth of the load, between 2 s and k6's own
 * default of 30 s. It is not simply 30 s because the deletion of the sessions has to wait for all of it.
 *
 * @param {Stage[]} stages
 */
export function gracefulStopS(stages) {
  return roundToMs(Math.min(30, Math.max(2, stages[stages.length - 1].end_s / 10)));
}

/**
 * k6's `scenarios` option: the load, and after it the deletion of each VU's session.
 *
 * @param {Stage[]} stages
 * @param {boolean} withCleanup whether VUs keep sessions that have to be deleted at the end
 * @returns {Record<string, import("k6/options").Scenario>}
 */
export function k6Scenarios(stages, withCleanup) {
  const gracefulStop_s = gracefulStopS(stages);
  const load = stages[0].rate_per_s === null
    ? closedLoop(stages, gracefulStop_s)
    : openLoop(stages, gracefulStop_s);
  if (!withCleanup) return { load };
  return {
    load,
    // Starting after the load has let go of its VUs makes k6 hand the very same VUs, with their sessions, to this one.
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
 * @param {Stage[]} stages
 * @param {number} gracefulStop_s
 * @returns {import("k6/options").RampingVUsScenario}
 */
function closedLoop(stages, gracefulStop_s) {
  return {
    executor: "ramping-vus",
    // ramping-vus starts at 1 unless told; a profile that opens with a ramp starts from the bottom.
    startVUs: stages[0].kind === "ramp" ? 0 : stages[0].vus,
    stages: stages.flatMap((stage) => {
      const whole = { duration: inMs(stage.end_s - stage.start_s), target: stage.vus };
      return stage.kind === "ramp" ? [whole] : [{ duration: "0s", target: stage.vus }, whole];
    }),
    gracefulStop: inMs(gracefulStop_s),
    gracefulRampDown: inMs(gracefulStop_s),
  };
}

/**
 * @param {Stage[]} stages
 * @param {number} gracefulStop_s
 * @returns {import("k6/options").RampingArrivalRateScenario}
 */
function openLoop(stages, gracefulStop_s) {
  return {
    executor: "ramping-arrival-rate",
    startRate: 0,
    timeUnit: "1s",
    // No more VUs than allocated: starting one in mid-run costs CPU that the measured calls would feel.
    preAllocatedVUs: peakVus(stages),
    maxVUs: peakVus(stages),
    stages: stages.map((stage) => ({
      duration: inMs(stage.end_s - stage.start_s),
      target: /** @type {number} */ (stage.rate_per_s),
    })),
    gracefulStop: inMs(gracefulStop_s),
  };
}

/** @param {number} seconds */
function inMs(seconds) {
  return `${Math.round(seconds * 1000)}ms`;
}
