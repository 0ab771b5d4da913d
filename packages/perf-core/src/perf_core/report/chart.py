"""The main figure of the HTML report as plotly's JSON: all quantities over one shared time axis.

Colours are names of CSS variables (``meta`` of traces, ``name`` of shapes); the page's script replaces them
by the values of the reader's colour scheme, light or dark.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perf_core.report.chart_lines import MAX_POINTS, PANELS, Column, Line, Panel, Point, line_points, thin
from perf_core.report.chart_strip import TITLE, strip
from perf_core.report.silence import Span, silent_spans
from perf_core.report.wording import duration, plain
from perf_core.results.record import RunRecord, Stage
from perf_core.results.slow_calls import SlowCall

_STRIP_HEIGHT = 0.45
_SHADED = ("Latency, ms", "Throughput, 1/s")

# Longest latency as a multiple of the typical one from which a linear axis would hide the latter.
_SPREAD = 50.0


@dataclass(frozen=True)
class Chart:
    """The figure with its notes.

    Attributes:
        panels: Number of rows with lines.
        height: Height of the figure in such rows, with the strip.
        has_strip: Whether the strip of waiting times is below them.
        has_silence: Whether silent periods are shaded.
        is_logarithmic: Whether the latency is first shown on a logarithmic axis, since a few calls took so
            long that the others would be a flat line.
        note: Names axes that do not start at zero and says whether lines were thinned; may be empty.
        description: Text alternative for screen readers.
    """

    figure: Mapping[str, Any]
    panels: int
    height: float
    has_strip: bool
    has_silence: bool
    is_logarithmic: bool
    note: str
    description: str


def chart(record: RunRecord) -> Chart | None:
    """Return the figure of a run; None without any data."""
    panels = [panel for panel in PANELS if any(line_points(record.series, line) for line in panel.lines)]
    stops = record.health.stops if record.health else ()
    if not panels:
        return None
    unit_s, unit = _time_unit(record.duration_s)
    waiting = strip(record.series, unit_s)
    heights = [1.0] * len(panels) + ([_STRIP_HEIGHT] if waiting else [])
    domains = _domains(heights)
    spans = silent_spans(record)
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "xaxis": {
            "title": {"text": f"Time since the start of the load, {unit}"},
            "anchor": _axis("y", len(heights)),
            "range": [0, _end_s(record) / unit_s],
            "hoverformat": ".2f",
            "unifiedhovertitle": {"text": f"%{{x}} {unit}"},
        },
        "shapes": [_band(stage, index, unit_s) for index, stage in enumerate(record.stages)],
        "annotations": [_stage_label(stage, unit_s) for stage in record.stages],
    }
    thinned_points = 0
    for number, (panel, domain) in enumerate(zip(panels, domains, strict=False), start=1):
        layout[f"yaxis{'' if number == 1 else number}"] = {
            "domain": domain,
            "rangemode": "tozero" if panel.from_zero else "normal",
            "nticks": 5,
            "hoverformat": ".4~g",
        }
        layout["annotations"].append(_panel_title(panel.title, domain[1]))
        if panel.title in _SHADED:
            layout["shapes"] += [_silence(span, _axis("y", number), unit_s) for span in spans]
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
            points = line_points(record.series, line, stops)
            shown = thin(points, MAX_POINTS)
            thinned_points = max(thinned_points, len(points) if len(shown) < len(points) else 0)
            if shown:
                data.append(
                    {**_trace(line, panel, shown, unit_s), "yaxis": _axis("y", number), "legend": legend}
                )
    slowest = [
        call for call in record.slow_calls if math.isfinite(call.at_s) and math.isfinite(call.duration_s)
    ]
    if slowest and panels[0] is PANELS[0]:
        data.append({**_slow_calls(slowest, unit_s), "yaxis": "y", "legend": "legend"})
    if waiting is not None:
        layout[f"yaxis{len(heights)}"] = {"domain": domains[-1], "fixedrange": True, "showgrid": False}
        layout["annotations"].append(_panel_title(TITLE, domains[-1][1]))
        data.append({**waiting, "yaxis": _axis("y", len(heights))})
    return Chart(
        figure={"data": data, "layout": layout},
        panels=len(panels),
        height=sum(heights),
        has_strip=waiting is not None,
        has_silence=bool(spans),
        is_logarithmic=_is_spread(record),
        note=" ".join(filter(None, (_axis_note(panels), _thinning_note(thinned_points, record.duration_s)))),
        description=_description(record, panels),
    )


def _trace(line: Line, panel: Panel, points: Sequence[Point], unit_s: float) -> dict[str, Any]:
    values = [value for _, value in points]
    isolated = [] if line.is_level else _isolated(values)
    quantity = panel.title.partition(",")[0]
    return {
        "type": "scatter",
        # A single value between two gaps would be invisible as a line, so it gets a dot.
        "mode": "lines+markers" if any(isolated) else "lines",
        "marker": {"size": [4 if is_isolated else 0 for is_isolated in isolated]} if any(isolated) else {},
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


def _slow_calls(calls: Sequence[SlowCall], unit_s: float) -> dict[str, Any]:
    """Return a mark for each of the slowest calls, and a line from its start to its end."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "slowest calls",
        "x": [x for call in calls for x in (call.at_s / unit_s, call.end_s / unit_s, None)],
        "y": [y for call in calls for y in (call.duration_s * 1000, call.duration_s * 1000, None)],
        "text": [text for call in calls for text in (html.escape(plain(call.tool)), "", "")],
        "line": {"width": 1.6},
        "marker": {"symbol": "diamond", "size": [size for _ in calls for size in (7, 0, 0)]},
        "meta": {"colour": "--line-bad"},
        "xaxis": "x",
        "showlegend": True,
        "hovertemplate": "Slow call of %{text}: %{y}<extra></extra>",
    }


def _isolated(values: Column) -> list[bool]:
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


def _silence(span: Span, axis: str, unit_s: float) -> dict[str, Any]:
    start_s, end_s = span
    return {
        "type": "rect",
        "name": "--band-silence",
        "layer": "below",
        "line": {"width": 0},
        "xref": "x",
        "yref": f"{axis} domain",
        "x0": start_s / unit_s,
        "x1": end_s / unit_s,
        "y0": 0,
        "y1": 1,
    }


def _is_spread(record: RunRecord) -> bool:
    load = record.series.load
    longest = [
        value
        for name in ("latency_p99_ms", "latency_max_ms")
        for value in load.get(name, ())
        if value is not None and math.isfinite(value)
    ]
    medians = sorted(
        value for value in load.get("latency_med_ms", ()) if value is not None and math.isfinite(value)
    )
    return bool(longest and medians) and max(longest) > _SPREAD * medians[len(medians) // 2]


def _panel_title(title: str, top: float) -> dict[str, Any]:
    return {
        "name": "panel",
        "text": f"<b>{title}</b>",
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        # Left of the tick labels, and above the topmost of them.
        "xshift": -52,
        "yshift": 3,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
    }


def _domains(heights: Sequence[float]) -> list[list[float]]:
    # Rows from the top; each gap has room for a title and a legend.
    gap = 0.06
    unit = (1 - gap * (len(heights) - 1)) / sum(heights)
    domains: list[list[float]] = []
    top = 1.0
    for height in heights:
        domains.append([max(0.0, round(top - height * unit, 6)), round(top, 6)])
        top -= height * unit + gap
    return domains


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
    names = [_quantity(panel) for panel in panels if not panel.from_zero]
    return f"The axis of {' and '.join(names)} does not start at zero." if names else ""


def _quantity(panel: Panel) -> str:
    return panel.title.partition(",")[0].lower().replace("(rss)", "(RSS)").replace("cpu", "CPU")


def _thinning_note(points: int, duration_s: float) -> str:
    if not points:
        return ""
    interval = duration(duration_s / (MAX_POINTS // 2))
    return (
        f"Thinned for display: of up to {points:,} points per line, the lowest and the highest of every "
        f"{interval} are drawn. record.json has all of them."
    )


def _description(record: RunRecord, panels: Sequence[Panel]) -> str:
    names = ", ".join(_quantity(panel) for panel in panels)
    return (
        f"Lines over {duration(record.duration_s)} of load, one row each: {names}. "
        "The tables below have the figures of each stage."
    )
