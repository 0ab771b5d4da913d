"""The definition of a load shape, and the targets that several shapes share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from perf_core.adapter import Target, Wire
from perf_core.analysis.evidence import Evidence, ShapeFindings
from perf_core.load.plan import PlanNeeds

NO_ERRORS = Target(
    "error_rate",
    "<",
    0.001,
    need="An answer that is wrong or missing breaks its user's work.",
    stretch=0.0005,
)

MOST_SUCCEED = Target(
    "success_percent", ">", 90, stretch=99, need="Clients get on with their work.", min_samples=10
)

NO_LEAKS_IN_MINUTES = (
    Target(
        "server.rss_growth_lower_mb_per_5_min",
        "<",
        5,
        min_duration_s=120,
        need="Memory that only grows ends in a restart.",
    ),
    Target("server.fds_slope_lower_per_h", "<", 12, min_duration_s=120, need="Open files run out."),
    Target("server.threads_slope_lower_per_h", "<", 12, min_duration_s=120, need="Threads pile up."),
)
"""Targets for minutes of constant load: no growth of more than 1 MB a minute, or of one file or thread in
five minutes, is certain. What a server allocates once, such as a cache that fills, slows down within
minutes, and the interval of its slope shows it."""

NO_LEAKS_IN_HOURS = (
    Target("server.fds_slope_lower_per_h", "<", 1, min_duration_s=1800, need="Open files run out."),
    Target("server.threads_slope_lower_per_h", "<", 1, min_duration_s=1800, need="Threads pile up."),
    Target("server.sessions_slope_lower_per_h", "<", 1, min_duration_s=1800, need="Sessions must end."),
)
"""Targets for hours of constant load; an adapter adds one for memory."""


@dataclass(frozen=True)
class Shape:
    """A load shape: one question about a server, and everything needed to answer it in Python.

    The load itself is in ``k6/scenarios/<name>.js``. A module of :mod:`perf_core.shapes` defines a shape as
    its ``SHAPE``; docs/scenarios.md shows how to add one.

    Attributes:
        name: Name of the shape, of its scenario on the command line, and of its k6 file.
        targets: Targets of its scenario unless an adapter sets others.
        wires: Wires to measure unless the user names one.
        figures: Names of the figures that ``find`` returns; targets may name them.
        find: Returns findings and figures beyond those of every run.
        resource_snapshots: Whether to apply the load once without measuring it and to take resource
            snapshots before and after the measured load.
        kills_processes: Whether to kill processes of the server during the load.
        may_overload: Whether it offers more on purpose than a server carries, which then falls behind.
        probes_streams: Whether a probe makes some calls of its own beside the load. Not for a shape that
            counts what the server does, or that measures calls alone.
    """

    name: str
    summary: str
    targets: tuple[Target, ...] = (NO_ERRORS,)
    wires: tuple[Wire, ...] = ("session",)
    plan: PlanNeeds = field(default_factory=PlanNeeds)
    figures: tuple[str, ...] = ()
    find: Callable[[Evidence], ShapeFindings] = lambda _evidence: ShapeFindings()
    resource_snapshots: bool = False
    kills_processes: bool = False
    may_overload: bool = False
    probes_streams: bool = True
