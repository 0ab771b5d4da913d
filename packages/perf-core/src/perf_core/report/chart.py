"""The main figure of the HTML report: everything over time on one shared axis, as plotly's JSON.

Colours are names of CSS variables (``meta`` of traces, ``name`` of shapes); the page's script puts in
the value of the scheme, light or dark, that the reader uses.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perf_core.report.wording import duration, plain
from perf_core.results.record import RunRecord, Series, Stage

# Two points per pixel of a wide page: more cannot be seen and only makes the page heavy.
MOST_POINTS = 1200

Column = Sequence[float | None]
Point = tuple[float, float | None]


@dataclass(frozen=True)
class Line:
    """One line of a row.

    Attributes:
        name: In legend and hover text.
        table: Which columns of the series it is drawn from, ``load`` or ``server``.
        column: Name of its column.
        colour: CSS variable.
        dash: plotly's name of the dash.
        is_level: It holds its value until the next sample, so a period without one is no gap.
    """

    name: str
    table: str
    column: str
    colour: str
    dash: str = "solid"
    is_level: bool = False


@dataclass(frozen=True)
class Panel:
    """One row of the figure; ``from_zero`` makes its axis start there."""

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
        ),
    ),
    Panel(
        "Throughput, 1/s",
        (
            Line("calls", "load", "calls_per_s", "--line-1"),
            Line("errors", "load", "errors_per_s", "--line-bad", dash="dot"),
        ),
    ),
    # Growth of a megabyte in sixty is what a reader looks for, and an axis from zero would hide it.
    Panel("Server memory (RSS), MB", (Line("RSS", "server", "rss_mb", "--line-1"),), from_zero=False),
    Panel(
        "CPU, cores in use",
        (
            Line("server", "server", "cpu_cores", "--line-1"),
            Line("generator", "server", "generator_cpu_cores", "--line-2", dash="dot"),
        ),
    ),
    Panel("Virtual users", (Line("VUs", "load", "vus", "--line-1", is_level=True),)),
)


@dataclass(frozen=True)
class Chart:
    """The figure and what must be said beside it.

    Attributes:
        figure: ``data`` and ``layout`` for plotly.
        panels: Number of rows; the page makes the figure as tall as they need.
        note: Says which axes do not start at zero and whether lines were thinned; may be empty.
        description: What the figure shows, for those who do not see it.
    """

    figure: Mapping[str, Any]
    panels: int
    note: str
    description: str


def chart(record: RunRecord) -> Chart | None:
    """Return the figure of a run; None when no line has a point."""
    panels = [panel for panel in PANELS if any(_points(record.series, line) for line in panel.lines)]
    if not panels:
        return None
    unit_s, unit = _time_unit(record.duration_s)
    domains = _domains(len(panels))
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "xaxis": {
            "title": {"text": f"Time since the start of the load, {unit}"},
            "anchor": _axis("y", len(panels)),
            "range": [0, _end_s(record) / unit_s],
            "hoverformat": ".2f",
            "unifiedhovertitle": {"text": f"%{{x}} {unit}"},
        },
        "shapes": [_band(stage, index, unit_s) for index, stage in enumerate(record.stages)],
        "annotations": [_stage_label(stage, unit_s) for stage in record.stages],
    }
    thinned = 0
    for number, (panel, domain) in enumerate(zip(panels, domains, strict=True), start=1):
        layout[f"yaxis{'' if number == 1 else number}"] = {
            "domain": domain,
            "rangemode": "tozero" if panel.from_zero else "normal",
            "nticks": 5,
            "hoverformat": ".4~g",
        }
        layout["annotations"].append(_panel_title(panel, domain[1]))
        legend = "legend" if number == 1 else f"legend{number}"
        if len(panel.lines) > 1:
            layout[legend] = {
                "orientation": "h",
                "x": 1,
                "xanchor": "right",
                "y": domain[1],
                "yanchor": "bottom",
            }
        for line in panel.lines:
            points = _points(record.series, line)
            kept = thin(points, MOST_POINTS)
            thinned = max(thinned, len(points) if len(kept) < len(points) else 0)
            if kept:
                data.append(
                    {**_trace(line, panel, kept, unit_s), "yaxis": _axis("y", number), "legend": legend}
                )
    return Chart(
        figure={"data": data, "layout": layout},
        panels=len(panels),
        note=" ".join(filter(None, (_axis_note(panels), _thinning_note(thinned, record.duration_s)))),
        description=_description(record, panels),
    )


def thin(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most ``most`` points that keep every extreme: lowest and highest of each stretch.

    Averaging would hide the spikes that a reader looks for. A stretch without any value stays a gap.

    Args:
        points: Time and value, in order of time.
        most: At least 2.
    """
    if len(points) <= most:
        return list(points)
    stretches = most // 2
    kept: list[Point] = []
    for index in range(stretches):
        stretch = points[index * len(points) // stretches : (index + 1) * len(points) // stretches]
        valued = [(value, place) for place, (_, value) in enumerate(stretch) if value is not None]
        places = sorted({min(valued)[1], max(valued)[1]}) if valued else [0]
        kept += [stretch[place] for place in places]
    return kept


def _points(series: Series, line: Line) -> list[Point]:
    """Return time and value of a line; empty when it has no value at all."""
    table: Mapping[str, Column] = series.load if line.table == "load" else series.server
    times = table.get("t_s", ())
    values = table.get(line.column, ())
    points = [
        (t_s, value if value is not None and math.isfinite(value) else None)
        for t_s, value in zip(times, values, strict=False)
        if t_s is not None and math.isfinite(t_s)
    ]
    return points if any(value is not None for _, value in points) else []


def _trace(line: Line, panel: Panel, points: Sequence[Point], unit_s: float) -> dict[str, Any]:
    values = [value for _, value in points]
    alone = [] if line.is_level else _alone(values)
    quantity = panel.title.partition(",")[0]
    return {
        "type": "scatter",
        # A lone value between two gaps is no line; it gets a dot to be seen at all.
        "mode": "lines+markers" if any(alone) else "lines",
        "marker": {"size": [4 if is_alone else 0 for is_alone in alone]} if any(alone) else {},
        "connectgaps": line.is_level,
        "name": line.name,
        "x": [float(f"{t_s / unit_s:.6g}") for t_s, _ in points],
        "y": [None if value is None else float(f"{value:.5g}") for value in values],
        "line": {"width": 1.6, "dash": line.dash, "shape": "hv" if line.is_level else "linear"},
        "meta": {"colour": line.colour},
        "xaxis": "x",
        "showlegend": len(panel.lines) > 1,
        "hovertemplate": f"{quantity}, {line.name}: %{{y}}<extra></extra>"
        if len(panel.lines) > 1
        else f"{panel.title}: %{{y}}<extra></extra>",
    }


def _alone(values: Column) -> list[bool]:
    padded = [None, *values, None]
    return [
        value is not None and before is None and after is None
        for before, value, after in zip(padded, values, padded[2:], strict=False)
    ]


def _band(stage: Stage, index: int, unit_s: float) -> dict[str, Any]:
    kind = "spike" if stage.kind == "spike" else "ramp" if stage.kind == "ramp" else f"hold-{index % 2}"
    return {
        "type": "rect",
        "name": f"--band-{kind}",
        "layer": "below",
        "line": {"width": 0},
        "xref": "x",
        "yref": "paper",
        "x0": stage.start_s / unit_s,
        "x1": stage.end_s / unit_s,
        "y0": 0,
        "y1": 1,
    }


def _stage_label(stage: Stage, unit_s: float) -> dict[str, Any]:
    return {
        "name": "stage",
        "text": html.escape(plain(stage.name)),
        "showarrow": False,
        "xref": "x",
        "yref": "paper",
        "x": (stage.start_s + stage.end_s) / 2 / unit_s,
        "y": 1,
        "yanchor": "bottom",
        "yshift": 24,
    }


def _panel_title(panel: Panel, top: float) -> dict[str, Any]:
    return {
        "name": "panel",
        "text": f"<b>{panel.title}</b>",
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        # Clear of the tick labels, and above the topmost of them.
        "xshift": -44,
        "yshift": 3,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
    }


def _domains(panels: int) -> list[list[float]]:
    # Rows of equal height from the top; the gap holds a row's title and legend.
    gap = 0.06
    height = (1 - gap * (panels - 1)) / panels
    tops = [1 - row * (height + gap) for row in range(panels)]
    return [[max(0.0, round(top - height, 6)), round(top, 6)] for top in tops]


def _axis(letter: str, number: int) -> str:
    return letter if number == 1 else f"{letter}{number}"


def _time_unit(duration_s: float) -> tuple[float, str]:
    if duration_s <= 300:
        return 1.0, "seconds"
    return (60.0, "minutes") if duration_s <= 3 * 3600 else (3600.0, "hours")


def _end_s(record: RunRecord) -> float:
    ends = [record.duration_s, *(stage.end_s for stage in record.stages)]
    for table in (record.series.load, record.series.server):
        ends += [t_s for t_s in table.get("t_s", ()) if t_s is not None]
    return max((end for end in ends if math.isfinite(end)), default=1.0) or 1.0


def _axis_note(panels: Sequence[Panel]) -> str:
    shown = [_quantity(panel) for panel in panels if not panel.from_zero]
    return f"The axis of {' and '.join(shown)} does not start at zero." if shown else ""


def _quantity(panel: Panel) -> str:
    return panel.title.partition(",")[0].lower().replace("(rss)", "(RSS)").replace("cpu", "CPU")


def _thinning_note(points: int, duration_s: float) -> str:
    if not points:
        return ""
    stretch = duration(duration_s / (MOST_POINTS // 2))
    return (
        f"Thinned for display: of up to {points:,} points per line the lowest and the highest of each "
        f"{stretch} are drawn. record.json holds them all."
    )


def _description(record: RunRecord, panels: Sequence[Panel]) -> str:
    shown = ", ".join(_quantity(panel) for panel in panels)
    return (
        f"Lines over {duration(record.duration_s)} of load, one row each: {shown}. "
        "The tables below hold the figures of each stage."
    )
