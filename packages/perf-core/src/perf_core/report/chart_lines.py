"""Rows and lines of the main figure, and the points of a line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from perf_core.results.record import Series, Stop

# Two points per pixel of a wide page: more would not be visible and only make the page large.
MAX_POINTS = 1200

Column = Sequence[float | None]
Point = tuple[float, float | None]


@dataclass(frozen=True)
class Line:
    """One line of a row.

    Attributes:
        table: Columns of the series with its values, ``load`` or ``server``.
        is_level: Whether it keeps its value until the next sample, so that a period without one is not a gap.
    """

    name: str
    table: str
    column: str
    colour: str
    dash: str = "solid"
    is_level: bool = False


@dataclass(frozen=True)
class Panel:
    """One row of the figure; ``from_zero`` makes its axis start at zero."""

    title: str
    lines: tuple[Line, ...]
    from_zero: bool = True


PANELS = (
    Panel(
        "Latency, ms",
        (
            Line("median", "load", "latency_med_ms", "--line-1"),
            Line("p95", "load", "latency_p95_ms", "--line-2"),
            Line("p99", "load", "latency_p99_ms", "--line-3", dash="dot"),
            Line("max", "load", "latency_max_ms", "--line-4", dash="dot"),
        ),
    ),
    Panel(
        "Throughput, 1/s",
        (
            Line("calls", "load", "calls_per_s", "--line-1"),
            Line("errors", "load", "errors_per_s", "--line-bad", dash="dot"),
        ),
    ),
    # An axis from zero would hide the growth of one megabyte in sixty that readers look for.
    Panel("Server memory (RSS), MB", (Line("RSS", "server", "rss_mb", "--line-1"),), from_zero=False),
    Panel(
        "CPU, cores in use",
        (
            Line("server", "server", "cpu_cores", "--line-1"),
            Line("generator", "server", "generator_cpu_cores", "--line-2", dash="dot"),
            Line("others", "server", "others_cores", "--line-4", dash="dot"),
        ),
    ),
    Panel(
        "Pauses of the server, ms per second",
        (
            Line("garbage collection", "server", "gc_pause_ms_per_s", "--line-1"),
            Line("late event loop", "server", "loop_lag_ms_per_s", "--line-2", dash="dot"),
        ),
    ),
    Panel("Virtual users", (Line("VUs", "load", "vus", "--line-1", is_level=True),)),
)


def line_points(series: Series, line: Line, stops: Sequence[Stop] = ()) -> list[Point]:
    """Return time and value of a line's points; empty when none has a value.

    Args:
        stops: Times in which k6 stood still, over which no line is drawn. Samples that are merely late, such
            as those of a busy k6, leave no gap.
    """
    table: Mapping[str, Column] = series.load if line.table == "load" else series.server
    times = table.get("t_s", ())
    values = table.get(line.column, ())
    points = [
        (t_s, value if value is not None and math.isfinite(value) else None)
        for t_s, value in zip(times, values, strict=False)
        if t_s is not None and math.isfinite(t_s)
    ]
    if not any(value is not None for _, value in points):
        return []
    return points if line.is_level else _with_gaps(points, stops)


def _with_gaps(points: Sequence[Point], stops: Sequence[Stop]) -> list[Point]:
    """Return the points with a gap between the last one before a stop and the next one."""
    filled = [points[0]]
    for before, after in pairwise(points):
        if any(stop.start_s < after[0] and stop.end_s > before[0] for stop in stops):
            filled.append(((before[0] + after[0]) / 2, None))
        filled.append(after)
    return filled


def thin(points: Sequence[Point], limit: int) -> list[Point]:
    """Return at most ``limit`` points (2 or more): the lowest and the highest of each interval.

    Averages would hide the spikes that readers look for. An interval without a value stays a gap.
    """
    if len(points) <= limit:
        return list(points)
    intervals = limit // 2
    thinned: list[Point] = []
    for number in range(intervals):
        interval = points[number * len(points) // intervals : (number + 1) * len(points) // intervals]
        values = [(value, index) for index, (_, value) in enumerate(interval) if value is not None]
        indices = sorted({min(values)[1], max(values)[1]}) if values else [0]
        thinned += [interval[index] for index in indices]
    return thinned
