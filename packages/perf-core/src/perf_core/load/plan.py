"""The plan of one run: what k6 is to do, validated in Python and handed over as ``plan.json``.

Arguments and expected answers are serialised here, once, so that the measured loop neither builds nor
parses them. The scripts in ``perf_core/k6`` read the file; ``docs/architecture.md`` describes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue

from perf_core.adapter import UNIQUE, WIRES, Expectation, Journey, Limits, Pools, Scenario, Wire
from perf_core.errors import ResultsError, UsageError

SCHEMA = 1
PLAN_NAME = "plan.json"

OPEN_MODEL_SHAPES = frozenset({"endurance", "memory", "cleanup", "stability"})
"""Shapes that are paced by an arrival rate; the others keep a number of virtual users busy."""

POOLED_SHAPES = frozenset({"tools", "large-scores"})
"""Shapes with a stage for each pool but ``mix``."""

_DURATION = re.compile(r"(\d+(\.\d+)?(ms|s|m|h))+|\d+(\.\d+)?", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", re.ASCII)
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}

# k6 finds a figure by "metric{tag:value,tag:value}": these characters would name another one.
_UNTAGGABLE = re.compile(r"[,{}\"\x1f]|^\s|\s$|^$")


@dataclass(frozen=True)
class Settings:
    """What a user may change about a scenario.

    Attributes:
        time_scale: Factor on every duration of the published profile.
        duration_s: Length of the whole profile instead of ``time_scale``; None keeps the scale.
        vus: Peak of virtual users, other levels in proportion; None keeps the published levels.
        rate_per_s: Arrival rate of an open-model shape; None keeps the published rate.
        think_time_s: Pause after each iteration.
        session_per_iteration: Open a session, make ``calls_per_session`` calls and delete it, again
            and again, instead of keeping one session per virtual user.
        calls_per_session: Calls per session with ``session_per_iteration``.
        request_timeout_s: Time after which a request counts as timed out.
        seed: Seed of everything drawn.
    """

    time_scale: float = 1.0
    duration_s: float | None = None
    vus: int | None = None
    rate_per_s: int | None = None
    think_time_s: float = 0.0
    session_per_iteration: bool = False
    calls_per_session: int = 3
    request_timeout_s: float = 30.0
    seed: int = 1


@dataclass(frozen=True)
class Plan:
    """A validated plan.

    Attributes:
        scenario: Name of the scenario.
        shape: Script that shapes the load.
        wire: Protocol era.
        settings: The user's settings.
        pools: Journeys by pool.
        slices: Schedule of a comparison; None for every other shape.
        limits: What the server lets one client send, for the shape that holds it to that.
        tokens: Bearer tokens of the virtual users, who take them in turn.
    """

    scenario: str
    shape: str
    wire: Wire
    settings: Settings
    pools: Pools = field(repr=False)
    slices: Mapping[str, object] | None = None
    limits: Limits | None = None
    tokens: tuple[str, ...] = field(default=(), repr=False)

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools that the plan calls, sorted."""
        return tuple(sorted({s.tool for pool in self.pools.values() for j in pool for s in j.steps}))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Labels of the journeys, sorted; empty when they carry none."""
        return tuple(sorted({j.kind for pool in self.pools.values() for j in pool if j.kind}))

    @property
    def journey_names(self) -> tuple[str, ...]:
        """Names of the journeys that have more than one step, sorted."""
        return tuple(sorted({j.name for pool in self.pools.values() for j in pool if len(j.steps) > 1}))


def parse_duration_s(text: str) -> float:
    """Return the seconds in ``90``, ``90s``, ``1.5m``, ``1h30m`` or ``250ms``.

    Raises:
        UsageError: The text is none of these, or not above zero.
    """
    words = text.strip()
    parts = _DURATION_PART.findall(words) if _DURATION.fullmatch(words) else []
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    if not 0 < seconds < float("inf"):
        raise UsageError(
            f"a duration such as 90s, 2m or 1h was expected, {text!r} came",
            "Give a number above zero and a unit.",
        )
    return seconds


def make_plan(scenario: Scenario, wire: Wire, settings: Settings, *, tokens: Sequence[str] = ()) -> Plan:
    """Draw the journeys of a scenario and return the validated plan.

    Args:
        scenario: What is asked.
        wire: Protocol era.
        settings: The user's settings.
        tokens: Bearer tokens that the server accepts, the lab's own first; none where it asks for none.

    Raises:
        UsageError: Lists every problem of the settings and of the scenario's journeys at once.
    """
    problems = list(_settings_problems(scenario, wire, settings))
    if problems:
        raise UsageError(f"scenario {scenario.name} cannot run like this: " + "; ".join(problems))
    pools = scenario.journeys(settings.seed)
    problems = list(_pool_problems(scenario, pools))
    if problems:
        raise UsageError(
            f"the adapter's journeys for {scenario.name} are malformed: " + "; ".join(problems),
            "Mend the adapter; perf_core.testing has checks that its tests can run.",
        )
    longest_s = max(settings.request_timeout_s, scenario.request_timeout_s)
    return Plan(
        scenario.name,
        scenario.shape,
        wire,
        replace(settings, request_timeout_s=longest_s),
        pools,
        limits=scenario.limits,
        tokens=tuple(tokens[1:]),
    )


def _settings_problems(scenario: Scenario, wire: str, settings: Settings) -> list[str]:
    problems = []
    if wire not in WIRES:
        problems.append(f"wire is one of {', '.join(WIRES)}, {wire!r} came")
    positive: Mapping[str, float | None] = {
        "--time-scale": settings.time_scale,
        "--duration": settings.duration_s,
        "--vus": settings.vus,
        "--rate": settings.rate_per_s,
        "calls per session": settings.calls_per_session,
        "request timeout": settings.request_timeout_s,
    }
    for name, value in positive.items():
        if value is not None and not 0 < value < float("inf"):
            problems.append(f"{name} is a number above zero, {value} came")
    if not 0 <= settings.think_time_s < float("inf"):
        problems.append(f"--think-time is zero or more seconds, {settings.think_time_s} came")
    for name, count in (("--vus", settings.vus), ("--rate", settings.rate_per_s)):
        if count is not None and 0 < count < float("inf") and count != int(count):
            problems.append(f"{name} is a whole number, {count} came")
    if settings.think_time_s > 0 and scenario.shape in OPEN_MODEL_SHAPES:
        problems.append(f"--think-time has no place in {scenario.shape}, which is paced by its rate")
    if settings.rate_per_s is not None and scenario.shape not in OPEN_MODEL_SHAPES:
        problems.append(
            f"--rate belongs to scenarios paced by a rate ({', '.join(sorted(OPEN_MODEL_SHAPES))}); "
            "leave it out here"
        )
    if settings.session_per_iteration and wire == "stateless":
        problems.append("--session-per-iteration needs --wire session: the stateless wire has no sessions")
    return problems


def _pool_problems(scenario: Scenario, pools: Pools) -> list[str]:
    shape = scenario.shape
    problems = []
    if "mix" not in pools:
        problems.append(f"a pool named 'mix' was expected, {sorted(pools)} came")
    for name, journeys in pools.items():
        if not journeys:
            problems.append(f"pool {name!r} has no journeys")
        for index, journey in enumerate(journeys):
            if not journey.steps:
                problems.append(f"pool {name!r}, journey {index} ({journey.name!r}) has no steps")
                break
    tools = {step.tool for journeys in pools.values() for journey in journeys for step in journey.steps}
    kinds = {journey.kind for journeys in pools.values() for journey in journeys if journey.kind}
    names = {name for name in pools if name != "mix"} if shape in POOLED_SHAPES else set()
    problems += [
        f"{label!r} cannot label figures: names are neither empty nor have blanks at an end, commas, "
        "braces or quotes"
        for label in sorted(tools | kinds | names)
        if _UNTAGGABLE.search(label)
    ]
    if shape in POOLED_SHAPES and set(pools) <= {"mix"}:
        problems.append(f"{shape} calls pool after pool: some beside 'mix' were expected, none came")
    if shape == "rate-limit":
        if scenario.limits is None:
            problems.append("rate-limit holds the server to its limits: the scenario has none")
        if any(len(journey.steps) > 1 for journey in pools.get("mix", ())):
            problems.append("rate-limit counts single messages: its journeys have one step each")
    if shape == "benchmark":
        problems += [
            f"benchmark measures each tool alone: a pool named {tool!r} was expected, {sorted(pools)} came"
            for tool in sorted(tools - set(pools))
        ]
    return problems


def _compact(value: JsonValue | Mapping[str, JsonValue]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _expected_text(expect: Expectation) -> str:
    return _compact(expect.value) if expect.kind in {"result", "members", "text"} else ""


def _journey_row(journey: Journey) -> list[object]:
    steps = [
        [step.tool, _arguments_text(step.arguments), step.expect.kind, _expected_text(step.expect)]
        for step in journey.steps
    ]
    return [journey.name, journey.kind, steps]


def _arguments_text(arguments: Mapping[str, JsonValue]) -> str:
    return _compact(dict(arguments))


def to_document(plan: Plan, run_id: str) -> dict[str, object]:
    """Return the plan as the JSON document that k6 reads."""
    document: dict[str, object] = {
        "schema": SCHEMA,
        "run_id": run_id,
        "scenario": plan.scenario,
        "shape": plan.shape,
        "wire": plan.wire,
        "settings": asdict(plan.settings),
        "tools": list(plan.tools),
        "kinds": list(plan.kinds),
        "journeys": list(plan.journey_names),
        "pools": {name: _pool_rows(journeys) for name, journeys in plan.pools.items()},
    }
    if plan.slices is not None:
        document["slices"] = dict(plan.slices)
    if plan.limits is not None:
        document["limits"] = asdict(plan.limits)
    if plan.tokens:
        document["tokens"] = list(plan.tokens)
    return document


Json = TypeVar("Json")


def filled(value: Json, unique: str) -> Json:
    """Return a JSON value with :data:`perf_core.adapter.UNIQUE` replaced, as k6 does it for each journey."""
    text = json.dumps(value, ensure_ascii=False)
    found: Json = json.loads(text.replace(UNIQUE, unique)) if UNIQUE in text else value
    return found


def _pool_rows(journeys: Sequence[Journey]) -> list[list[object]]:
    return [_journey_row(journey) for journey in journeys]


def write(plan: Plan, folder: Path) -> Path:
    """Write ``plan.json`` into ``folder``, whose name is the run's id, and return its path.

    Raises:
        ResultsError: The folder cannot be written.
        UsageError: A value of the plan is not JSON (NaN, for example).
    """
    path = folder / PLAN_NAME
    try:
        path.write_text(
            json.dumps(to_document(plan, folder.name), ensure_ascii=False, allow_nan=False), encoding="utf-8"
        )
    except OSError as error:
        raise ResultsError(
            f"cannot write {path}: {error.strerror}", "Choose another --output-dir."
        ) from error
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the adapter's arguments and expected answers must be JSON values: {error}", "Mend the adapter."
        ) from error
    return path
