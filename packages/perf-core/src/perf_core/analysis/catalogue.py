"""The catalogue of figures: every name that a target can have, known before the load; pure functions.

A name goes from the general to the particular, and a stage follows after ``@``. :data:`PATTERNS` are the
figures of every scenario; the figures of a single load shape are in its ``SHAPE``
(:mod:`perf_core.shapes`). ``perf-core figures`` prints all of them, with units and meanings.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from perf_core.adapter import Target
from perf_core.analysis.k6_summary import CALLS, ERROR_CLASSES
from perf_core.load.plan import Plan
from perf_core.server.subject import closest_name

STATISTICS = ("min", "avg", "med", "p90", "p95", "p99", "max")

PATTERNS = (
    "tool_calls_per_s",
    "error_rate",
    "success_percent",
    "failed_calls",
    "errors.CLASS",
    "latency_ms.TOOL.STATISTIC",
    "session_creation_ms.STATISTIC",
    "journey_ms.JOURNEY.STATISTIC",
    "kinds_ms.TOOL.KIND.STATISTIC",
    "protocol_ms.METHOD.STATISTIC",
    "longest_silence_s",
    "clients_carried",
    "sessions_left",
    "server.uptime_percent",
    "server.cpu_us_per_call",
    "server.rss_peak_mb",
    "server.rss_slope_mb_per_h",
    "server.rss_growth_mb_per_5_min",
    "server.rss_growth_lower_mb_per_5_min",
    "server.fds_slope_per_h",
    "server.fds_slope_lower_per_h",
    "server.threads_slope_per_h",
    "server.threads_slope_lower_per_h",
    "server.sessions_slope_per_h",
    "server.sessions_slope_lower_per_h",
    "held.success_percent",
    "held.worst_p95_ms",
    "tool_calls_per_s@STAGE",
    "error_rate@STAGE",
    "longest_silence_s@STAGE",
    "latency_ms.all.STATISTIC@STAGE",
)
"""Names of the figures that every scenario has; words in capitals stand for :data:`PLACEHOLDERS`."""

PLACEHOLDERS = {
    "STATISTIC": f"one of {', '.join(STATISTICS)}",
    "CLASS": f"a class of errors: {', '.join(ERROR_CLASSES)}",
    "TOOL": "a tool that the journeys call, the name of another request in them, or all",
    "KIND": "a kind of journey that calls the tool",
    "JOURNEY": "a journey of several steps",
    "METHOD": "a request that calls no tool, where the scenario measures it, as benchmark does",
    "STAGE": "a stage of the load in which tools are called, such as hold_100 of load",
}

PROTOCOL_FIGURES = "protocol_ms."
"""Beginning of the figures whose methods only k6 knows."""

_PLACEHOLDER = re.compile(r"(TOOL\.KIND|[A-Z]+)")
"""A kind belongs to a tool, so both are one placeholder."""

_STAGE = re.compile(re.escape(CALLS) + r"\{stage:([^,{}]+)\}")
_METHOD = re.compile(r"mcp_protocol_duration_ms\{method:([^,{}]+)\}")


@dataclass(frozen=True)
class Labels:
    """Names that a scenario has in place of the words in capitals.

    Attributes:
        kinds: Pairs of a tool, or ``all``, and a kind of the journeys that call it.
        stages: Stages in which tools are called; empty before k6 has previewed the plan.
        methods: Requests that call no tool; empty before k6 has previewed the plan.
    """

    tools: tuple[str, ...]
    kinds: tuple[tuple[str, str], ...] = ()
    journeys: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


def labels_of(plan: Plan, sub_metrics: Iterable[str] = ()) -> Labels:
    """Return the names that a plan has, given the sub-metrics of its preview."""
    journeys = [journey for pool in plan.pools.values() for journey in pool if journey.kind]
    kinds = {(tool, j.kind) for j in journeys for tool in ("all", *(step.tool for step in j.steps))}
    names = list(sub_metrics)
    return Labels(
        tools=plan.tools,
        kinds=tuple(sorted(kinds)),
        journeys=plan.journey_names,
        stages=tuple(match[1] for name in names if (match := _STAGE.fullmatch(name))),
        methods=tuple(match[1] for name in names if (match := _METHOD.fullmatch(name))),
    )


def figure_names(labels: Labels, of_shape: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the name of every figure of a scenario; ``of_shape`` are those of its load shape alone."""
    filled = itertools.chain.from_iterable(_filled(pattern, labels) for pattern in PATTERNS)
    return tuple(dict.fromkeys((*filled, *of_shape)))


def _filled(pattern: str, labels: Labels) -> Iterator[str]:
    values: dict[str, Collection[str]] = {
        "CLASS": ERROR_CLASSES,
        "TOOL.KIND": [f"{tool}.{kind}" for tool, kind in labels.kinds],
        "TOOL": ("all", *labels.tools),
        "JOURNEY": labels.journeys,
        "METHOD": labels.methods,
        "STATISTIC": STATISTICS,
        "STAGE": labels.stages,
    }
    parts = _PLACEHOLDER.split(pattern)
    yield from map("".join, itertools.product(*(values.get(part, (part,)) for part in parts)))


def target_problems(targets: Sequence[Target], names: Collection[str], scenario: str) -> list[str]:
    """Return what is wrong with targets: figures that ``scenario`` does not have, with the closest one."""
    problems = []
    for target in targets:
        if target.figure not in names:
            close = closest_name(target.figure, names)
            problems.append(f"expected a figure of {scenario}, got {target.figure!r}{close}")
        if target.comparison not in ("<", ">"):
            problems.append(f"{target.figure}: expected the comparison '<' or '>', got {target.comparison!r}")
        levels = (target.target, *([] if target.stretch is None else [target.stretch]))
        problems += [
            f"{target.figure}: expected a finite level, got {level}"
            for level in levels
            if not math.isfinite(level)
        ]
    return problems


STAGE_FIGURES = tuple(
    name.removesuffix("@")
    for pattern in PATTERNS
    if pattern.endswith("@STAGE")
    for name in _filled(pattern, Labels((), stages=("",)))
)
"""Names, without the stage, of the figures that each stage has."""
