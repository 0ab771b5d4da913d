"""The strip below the main figure: how long server, generator and machine waited for a CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from perf_core.report.chart_lines import Column
from perf_core.results.record import Series

TITLE = "Waiting for a CPU"

# From the bottom up, as plotly draws categories.
ROWS = (
    ("machine", "cpu_pressure_share"),
    ("k6", "generator_wait_share"),
    ("server", "server_wait_share"),
)

LEVELS = (
    ("below 10 %", "--heat-0"),
    ("10 to 25 %", "--heat-1"),
    ("25 to 50 %", "--heat-2"),
    ("more", "--heat-3"),
)
"""Levels of the strip with their colours; few, so that they can be told apart."""

_BOUNDARIES = (0.0, 0.1, 0.25, 0.5, 1.0)

# One cell per two pixels of a wide page.
MAX_CELLS = 600


def strip(series: Series, unit_s: float) -> dict[str, Any] | None:
    """Return the strip as a trace of plotly; None without any data."""
    times = [t_s for t_s in series.server.get("t_s", ()) if t_s is not None and math.isfinite(t_s)]
    if len(times) != len(series.server.get("t_s", ())) or not times:
        return None
    rows = [
        (name, [_share(value) for value in series.server.get(column, ())][: len(times)])
        for name, column in ROWS
    ]
    rows = [(name, values) for name, values in rows if any(value is not None for value in values)]
    if not rows:
        return None
    size = math.ceil(len(times) / MAX_CELLS)
    edges = [max(0.0, 2 * times[0] - times[1]) if len(times) > 1 else 0.0, *times[size - 1 :: size]]
    if len(times) % size:
        edges.append(times[-1])
    return {
        "type": "heatmap",
        "x": [float(f"{edge / unit_s:.6g}") for edge in edges],
        "y": [name for name, _ in rows],
        "z": [_highest(values, size) for _, values in rows],
        "zmin": 0,
        "zmax": 1,
        "xgap": 0,
        "ygap": 2,
        "showscale": False,
        "hoverongaps": False,
        "xaxis": "x",
        "hovertemplate": f"{TITLE}, %{{y}}: %{{z:.0%}} of the time<extra></extra>",
        "meta": {"scale": _scale()},
    }


def _scale() -> list[tuple[float, str]]:
    """Return the colour scale with a step at each boundary."""
    return [
        (boundary, colour)
        for (_, colour), start, end in zip(LEVELS, _BOUNDARIES, _BOUNDARIES[1:], strict=False)
        for boundary in (start, end)
    ]


def _share(value: float | None) -> float | None:
    return round(min(1.0, max(0.0, value)), 3) if value is not None and math.isfinite(value) else None


def _highest(values: Column, size: int) -> Sequence[float | None]:
    """Return the highest of every ``size`` values: a mean would hide the peaks that readers look for."""
    cells = (values[start : start + size] for start in range(0, len(values), size))
    return [max((value for value in cell if value is not None), default=None) for cell in cells]
