/**
 * The shapes of the load: published profiles turned into timed stages and into k6's executor options.
 *
 * Pure: imports nothing of k6, so plain node can test it. Every time is in seconds.
 */

/**
 * @typedef {"ramp" | "hold" | "baseline" | "spike" | "recovery" | "protocol" | "pause" | "burst" | "sustained" | "retry"
 * } StageKind
 *
 * @typedef {object} ProfileStage one line of a published profile, at scale 1
 * @property {StageKind} kind
 * @property {number} length_s
 * @property {number} level VUs at the end of the stage (its whole length, unless the stage is a ramp)
 * @property {string} [name] given where the level alone would not tell stages apart
 * @property {string} [pool] the journeys called in this stage; "mix" unless given
 * @property {boolean} [isFixed] its length is the same at every time scale
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
 * @typedef {object} ProfileSettings what a profile may depend on
 * @property {string[]} tools each gets a stage of its own in `benchmark`
 * @property {string[]} [pools] each gets a stage of its own in `tools` and `large-scores`
 * @property {number | null} [vus] the one level of `concurrent`, where it is asked for
 * @property {import("./settings.js").Limits | null} [limits] what `rate-limit` holds the server to
 *
 * @typedef {object} OwnSettings
 * @property {number} timeScale every length that is not fixed is multiplied by it
 * @property {number | null} vus highest level; the others follow in proportion; null: as published
 * @property {number | null} ratePerS arrival rate of the shapes that have one; null: as published
 *
 * @typedef {ProfileSettings & OwnSettings} ShapeSettings
 */

/**
 * Arrival rates of the shapes that are paced by one, unless another is asked for, in iterations per second. That of
 * `endurance` is bounded by k6, which keeps some 200 bytes per call for hours.
 *
 * @type {Record<string, number>}
 */
const PUBLISHED_RATES_PER_S = { endurance: 200, memory: 10, cleanup: 5, stability: 10 };
export const RATED_SHAPES = Object.keys(PUBLISHED_RATES_PER_S);
const MINUTE_S = 60;
const HOUR_S = 3600;

/** A shorter hold has too few calls to say anything, however small the time scale. */
const SHORTEST_HOLD_S = 1;
const SHORTEST_RAMP_S = 0.2;
const SMALLEST_SCALE = 1e-9;

/** Names of the shapes, each with a file of its own in scenarios/. */
export const SHAPES = [
  "quick", "load", "stress", "endurance", "spike", "benchmark",
  "concurrent", "large-scores", "memory", "tools", "rate-limit", "cleanup", "stability", "recovery",
];

/** Clients whose limits `rate-limit` measures side by side: one alone would not show that each has its own. */
export const LIMITED_CLIENTS = 2;

/** The shape whose profile is a schedule in the plan (see comparison_schedule.js). */
export const SLICES = "slices";

/**
 * The published profile of a shape (docs/scenarios.md).
 *
 * @param {string} shape one of SHAPES
 * @param {ProfileSettings} settings
 * @returns {ProfileStage[]}
 */
export function profileOf(shape, { tools, pools = [], vus = null, limits = null }) {
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
    case "concurrent":
      return [
        ...(vus === null ? [10, 50, 100, 200] : [vus]).flatMap((level) => [ramp(level, 10), hold(level, MINUTE_S)]),
        ramp(0, 10),
      ];
    case "tools":
      return pools.map((pool) => ({ ...hold(1, 30), name: pool, pool }));
    case "large-scores":
      return pools.map((pool) => ({ ...hold(1, 2 * MINUTE_S), name: pool, pool }));
    case "memory":
      return [{ ...ramp(50, MINUTE_S), name: "warm_up" }, { ...hold(50, 5 * MINUTE_S), name: "hold" }];
    case "cleanup":
      return [{ ...hold(10, 10), name: "hold" }];
    case "stability":
      return HOURS.map((hour) => ({
        ...hold(FULL_LEVEL * shareOfFullLoad(hour), HOUR_LENGTH_S), name: `hour_${String(hour).padStart(2, "0")}`,
      }));
    case "recovery":
      return [{ ...hold(10, MINUTE_S), name: "hold" }];
    case "rate-limit":
      return limits === null ? [] : limitProfile(limits);
    default:
      throw new Error(`shape: expected one of ${SHAPES.join(", ")}; came ${JSON.stringify(shape)}`);
  }
}

const HOURS = Array.from({ length: 24 }, (_each, hour) => hour);
const HOUR_LENGTH_S = 25;
const FULL_LEVEL = 50;

/**
 * Of a simulated day: business hours, evening, night.
 *
 * @param {number} hour 0 to 23
 */
export function shareOfFullLoad(hour) {
  if (hour >= 9 && hour < 17) return 1;
  return hour >= 17 && hour < 22 ? 0.7 : 0.3;
}

/**
 * Bursts end at the first refusal, so that their stages need only be long enough; buckets fill at their own pace.
 *
 * @param {import("./settings.js").Limits} limits
 * @returns {ProfileStage[]}
 */
function limitProfile({ ratePerS, burst }) {
  const whole_s = burst / ratePerS;
  // A burst takes some milliseconds a call, on a slow machine more.
  const burst_s = Math.max(2, burst * 0.05);
  const level = LIMITED_CLIENTS;
  /** @type {(name: string, length_s: number) => ProfileStage} */
  const pause = (name, length_s) => ({ kind: "pause", level, length_s, name, isFixed: true });
  /** @type {(name: string) => ProfileStage} */
  const run = (name) => ({ kind: "burst", level, length_s: burst_s, name, isFixed: true });
  return [
    pause("fill", whole_s + 1), run("burst"),
    { kind: "sustained", level, length_s: MINUTE_S, name: "sustained" },
    pause("wait_half", whole_s / 2), run("replenished_half"),
    // Longer than it takes: a bucket that is full must not become fuller.
    pause("wait_long", whole_s * 1.5 + 1), run("replenished_whole"),
    { kind: "retry", level, length_s: 20, name: "retry" },
  ];
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
 * @param {ProfileSettings} settings
 */
export function publishedLengthS(shape, settings) {
  return profileOf(shape, settings).reduce((sum, stage) => sum + stage.length_s, 0);
}

/**
 * The time scale at which a shape's whole profile is so long; stages of fixed length stay as they are.
 *
 * @param {string} shape
 * @param {ProfileSettings} settings
 * @param {number} duration_s
 */
export function timeScaleOf(shape, settings, duration_s) {
  const fixed_s = profileOf(shape, settings).reduce((sum, stage) => sum + (stage.isFixed ? stage.length_s : 0), 0);
  const whole_s = publishedLengthS(shape, settings);
  // Shorter than its fixed stages it cannot be: then the others are as short as stages may be.
  return Math.max(SMALLEST_SCALE, (duration_s - fixed_s) / (whole_s - fixed_s));
}

/**
 * The stages of one run: scaled in time and level, with names that are unique within the run.
 *
 * @param {string} shape
 * @param {ShapeSettings} settings
 * @returns {Stage[]}
 */
export function stagesOf(shape, settings) {
  const profile = profileOf(shape, settings);
  const publishedPeak = Math.max(...profile.map((stage) => stage.level));
  const openModel = RATED_SHAPES.includes(shape);
  const rate = settings.ratePerS === null ? PUBLISHED_RATES_PER_S[shape] : settings.ratePerS;
  // A third client would have to share a token with another, and so its limits.
  const wantedPeak = shape === "rate-limit" ? null : settings.vus;
  /** @type {Set<string>} */
  const names = new Set();
  let start_s = 0;
  return profile.map((published) => {
    const vus = scaledLevel(published.level, wantedPeak, publishedPeak);
    const shortest_s = published.kind === "ramp" ? SHORTEST_RAMP_S : SHORTEST_HOLD_S;
    const scale = published.isFixed ? 1 : settings.timeScale;
    const end_s = roundToMs(start_s + Math.max(published.length_s * scale, shortest_s));
    /** @type {Stage} */
    const stage = {
      name: uniqueName(published.name || `${published.kind}_${vus}`, names),
      kind: published.kind,
      vus: openModel ? peakOf(wantedPeak, publishedPeak) : vus,
      rate_per_s: openModel ? (published.level * rate) / publishedPeak : null,
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
  const load = loadOf(stages, gracefulStop_s);
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
 * @returns {import("k6/options").Scenario}
 */
function loadOf(stages, gracefulStop_s) {
  if (stages.some((stage) => stage.kind === "sustained")) return scripted(stages, gracefulStop_s);
  return stages[0].rate_per_s === null ? closedLoop(stages, gracefulStop_s) : openLoop(stages, gracefulStop_s);
}

/**
 * VUs that walk through the stages by their own clocks, once.
 *
 * @param {Stage[]} stages
 * @param {number} gracefulStop_s
 * @returns {import("k6/options").PerVUIterationsScenario}
 */
function scripted(stages, gracefulStop_s) {
  return {
    executor: "per-vu-iterations",
    vus: peakVus(stages),
    iterations: 1,
    maxDuration: inMs(stages[stages.length - 1].end_s),
    gracefulStop: inMs(gracefulStop_s),
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
    timeUnit: `${RATE_UNIT_S}s`,
    // No more VUs than allocated: starting one in mid-run costs CPU that the measured calls would feel.
    preAllocatedVUs: peakVus(stages),
    maxVUs: peakVus(stages),
    stages: stages.flatMap((stage) => {
      const target = Math.round(/** @type {number} */ (stage.rate_per_s) * RATE_UNIT_S);
      const whole = { duration: inMs(stage.end_s - stage.start_s), target };
      return stage.kind === "ramp" ? [whole] : [{ duration: "0s", target }, whole];
    }),
    gracefulStop: inMs(gracefulStop_s),
  };
}

/** k6 takes whole numbers only, and a share of a rate may be 0.3 calls per second. */
const RATE_UNIT_S = 10;

/** @param {number} seconds */
function inMs(seconds) {
  return `${Math.round(seconds * 1000)}ms`;
}
