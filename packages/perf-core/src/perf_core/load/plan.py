"""The plan of one run: the journeys and settings for k6, validated.

:mod:`perf_core.load.plan_document` has the form in which k6 reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from perf_core.adapter import WIRES, Limits, Pools, Scenario, Step, Wire
from perf_core.errors import UsageError
from perf_core.load.step_problems import journey_problems

PLAN_NAME = "plan.json"

_DURATION = re.compile(r"(\d+(\.\d+)?(ms|s|m|h))+|\d+(\.\d+)?", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", re.ASCII)
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}

# k6 names a sub-metric "metric{tag:value,tag:value}": these characters would name another one.
_UNTAGGABLE = re.compile(r"[,{}\"\x1f]|^\s|\s$|^$")


@dataclass(frozen=True)
class Settings:
    """Settings of a scenario that a user may change.

    Attributes:
        time_scale: Factor on every duration of the published profile.
        duration_s: Length of the whole profile instead of ``time_scale``; None keeps the scale.
        vus: Highest number of virtual users, other levels in proportion; None keeps the published levels.
        rate_per_s: Highest arrival rate, other levels in proportion; None keeps the published pace.
        session_per_iteration: Open a session, make ``calls_per_session`` calls and delete it in each
            iteration, instead of keeping one session per virtual user.
        calls_per_session: Calls per session with ``session_per_iteration``.
        request_timeout_s: Time after which a request counts as timed out.
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
class PlanNeeds:
    """Requirements of a load shape on its plan.

    Attributes:
        arrival_rate: Whether an arrival rate sets the pace without ``--rate``; other shapes keep a number of
            virtual users busy.
        own_pace: Whether the shape's clients have a schedule of their own, to which ``--rate`` cannot apply.
        stage_per_pool: Whether each pool except ``mix`` gets a stage, so that at least one is needed.
        limits: Whether the scenario must state the server's rate limits.
        pool_problems: Yields what is wrong with the pools of a scenario for this shape alone.
    """

    arrival_rate: bool = False
    own_pace: bool = False
    stage_per_pool: bool = False
    limits: bool = False
    pool_problems: Callable[[Scenario, Pools], Iterable[str]] = lambda _scenario, _pools: ()


@dataclass(frozen=True)
class Plan:
    """A validated plan.

    Attributes:
        shape: Name of the load shape, and of the k6 file that applies it.
        slices: Schedule of a comparison; None for a load shape.
        paced: Stages at arrival rates in place of those of the shape; see :mod:`perf_core.load.paced`.
        identities: Number of users whose headers k6 gives to the virtual users in rotation; zero for a
            server that lets everybody in. The headers themselves are no part of the plan.
        has_think_times: Whether the think times of journeys apply: not where ``--think-time`` replaces them
            or an arrival rate sets the pace.
    """

    scenario: str
    shape: str
    wire: Wire
    settings: Settings
    pools: Pools = field(repr=False)
    slices: Mapping[str, object] | None = None
    paced: Mapping[str, object] | None = None
    limits: Limits | None = None
    identities: int = 0
    has_think_times: bool = False

    @property
    def tools(self) -> tuple[str, ...]:
        """Names in figures of the tools that the plan calls and of its other requests, sorted."""
        return tuple(sorted({step.tool for step in self._steps}))

    @property
    def called_tools(self) -> tuple[str, ...]:
        """Names of the tools that the plan calls, sorted: the server must list them."""
        return tuple(sorted({step.tool for step in self._steps if step.method == "tools/call"}))

    @property
    def longest_think_time_s(self) -> float:
        """Longest time for which a user can pause between two journeys."""
        pauses = {j.think_time for pool in self.pools.values() for j in pool} if self.has_think_times else ()
        return max((pause.longest_s for pause in pauses if pause), default=self.settings.think_time_s)

    @property
    def _steps(self) -> Iterator[Step]:
        return (step for pool in self.pools.values() for journey in pool for step in journey.steps)

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
    trimmed = text.strip()
    parts = _DURATION_PART.findall(trimmed) if _DURATION.fullmatch(trimmed) else []
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    if not 0 < seconds < float("inf"):
        raise UsageError(
            f"expected a duration such as 90s, 2m or 1h, got {text!r}", "Give a number above zero and a unit."
        )
    return seconds


def is_label(text: str) -> bool:
    """Return whether a name can label figures: k6 takes some characters for its own."""
    return _UNTAGGABLE.search(text) is None


ALL_TOOLS = "all"
OPENING = "initialize"

RESERVED_LABELS = frozenset({ALL_TOOLS, OPENING})
"""Names in figures that mean something else than a tool: all tools together, and the opening of a session."""


def make_plan(
    scenario: Scenario, wire: Wire, settings: Settings, needs: PlanNeeds, *, identities: int = 0
) -> Plan:
    """Draw the journeys of a scenario and return the validated plan.

    Args:
        identities: Number of users; see :class:`Plan`.

    Raises:
        UsageError: The settings or the scenario's journeys are wrong; lists every problem at once.
    """
    problems = list(_settings_problems(scenario, wire, settings, needs))
    if problems:
        raise UsageError(f"scenario {scenario.name} cannot run with these settings: " + "; ".join(problems))
    pools = scenario.journeys(settings.seed)
    problems = [*_pool_problems(scenario, pools, needs), *needs.pool_problems(scenario, pools)]
    if problems:
        raise UsageError(
            f"the adapter's journeys for {scenario.name} are malformed: " + "; ".join(problems),
            "Correct the adapter; perf_core.testing has checks that its tests can run.",
        )
    # What a user sets replaces the limit of the scenario, be it shorter or longer than the usual one.
    is_set = settings.request_timeout_s != Settings.request_timeout_s
    longest_s = settings.request_timeout_s if is_set else scenario.request_timeout_s
    sets_pace = needs.arrival_rate or needs.own_pace or settings.rate_per_s is not None
    return Plan(
        scenario.name,
        scenario.shape,
        wire,
        replace(settings, request_timeout_s=longest_s),
        pools,
        limits=scenario.limits,
        identities=identities,
        has_think_times=not sets_pace and settings.think_time_s == 0,
    )


def _settings_problems(scenario: Scenario, wire: str, settings: Settings, needs: PlanNeeds) -> Iterator[str]:
    if wire not in WIRES:
        yield f"wire: expected one of {', '.join(WIRES)}, got {wire!r}"
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
            yield f"{name}: expected a number above zero, got {value}"
    if not 0 <= settings.think_time_s < float("inf"):
        yield f"--think-time: expected zero or more seconds, got {settings.think_time_s}"
    for name, count in (("--vus", settings.vus), ("--rate", settings.rate_per_s)):
        if count is not None and 0 < count < float("inf") and count != int(count):
            yield f"{name}: expected a whole number, got {count}"
    if settings.think_time_s > 0 and (needs.arrival_rate or settings.rate_per_s is not None):
        yield f"--think-time: expected none, got {settings.think_time_s}; an arrival rate sets the pace"
    if settings.rate_per_s is not None and needs.own_pace:
        yield f"--rate: expected none, got {settings.rate_per_s}; {scenario.shape} has a pace of its own"
    if settings.session_per_iteration and wire == "stateless":
        yield "--session-per-iteration: expected --wire session, got stateless, which has no sessions"


def _pool_problems(scenario: Scenario, pools: Pools, needs: PlanNeeds) -> Iterator[str]:
    if "mix" not in pools:
        yield f"expected a pool named 'mix', got {sorted(pools)}"
    for name, journeys in pools.items():
        if not journeys:
            yield f"expected journeys in pool {name!r}, got none"
        for index, journey in enumerate(journeys):
            if not journey.steps:
                yield f"expected steps in journey {index} ({journey.name!r}) of pool {name!r}, got none"
                break
    tools = {step.tool for journeys in pools.values() for journey in journeys for step in journey.steps}
    kinds = {journey.kind for journeys in pools.values() for journey in journeys if journey.kind}
    names = {name for name in pools if name != "mix"}
    longer = {j.name for journeys in pools.values() for j in journeys if len(j.steps) > 1}
    for label in sorted(tools | kinds | longer | (names if needs.stage_per_pool else set())):
        if not is_label(label):
            yield (
                "expected names that can label figures (not empty, no blanks at an end, no commas, braces or "
                f"quotes), got {label!r}"
            )
    for label in sorted(tools & RESERVED_LABELS):
        yield f"expected another name for a tool in figures, got {label!r}, which means something else there"
    yield from journey_problems(pools)
    if needs.stage_per_pool and not names:
        yield f"{scenario.shape} calls one pool after another: expected pools beside 'mix', got none"
    if needs.limits and scenario.limits is None:
        yield f"{scenario.shape} measures rate limits: expected limits in the scenario, got none"
