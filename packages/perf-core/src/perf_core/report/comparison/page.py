"""A comparison as one self-contained HTML page: the intervals as a drawing, and the table.

The drawing is plain SVG without scripts: a band for differences that do not count, a line for the interval, a
dot for the ratio, a small dot for each launch. Its axis is logarithmic, so that twice and half are equally
far from one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from perf_core.comparison.model import Comparison, MetricComparison
from perf_core.comparison.statistics import paired
from perf_core.report.comparison import text
from perf_core.report.html import asset, template
from perf_core.report.summary import Tone

_PAGE = "comparison.html.jinja"

WIDTH = 760
LABEL_WIDTH = 160
ROW_HEIGHT = 46
_MARGIN = 14

_TICKS_BELOW_ONE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 0.95)
_TICKS = (*_TICKS_BELOW_ONE, 1, 1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Mark:
    """One row of the drawing; lengths are in units of the SVG."""

    label: str
    tone: Tone
    y: float
    band: tuple[float, float] | None
    interval: tuple[float, float]
    ratio: float
    launches: tuple[float, ...]
    title: str


@dataclass(frozen=True)
class Drawing:
    """The drawing; ``ticks`` are positions on the axis with their labels."""

    height: float
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]


def render(comparison: Comparison) -> str:
    """Return the page."""
    return template(_PAGE).render(
        verdict=comparison.verdict,
        tone=text.TONES[comparison.verdict],
        title=text.title(comparison),
        reasons=comparison.reasons,
        legend=text.legend(comparison),
        method=text.method_line(comparison),
        thresholds=text.threshold_line(comparison),
        headings=text.HEADINGS,
        rows=text.rows(comparison),
        drawing=draw(comparison),
        width=WIDTH,
        label_width=LABEL_WIDTH,
        row_height=ROW_HEIGHT,
        style=Markup(asset("page.css")),  # noqa: S704 - packaged with this module
    )


def draw(comparison: Comparison) -> Drawing:
    """Return the drawing of the metrics that have a ratio, judged ones first."""
    with_ratio = [(metric, metric.ratio) for metric in comparison.metrics if metric.ratio is not None]
    metrics = sorted(with_ratio, key=lambda each: not each[0].judged)
    reach = _reach(metrics)
    marks = tuple(
        Mark(
            label=text.label(metric),
            tone=text.TONES.get(metric.verdict, "neutral") if metric.judged else "neutral",
            y=(row + 0.5) * ROW_HEIGHT,
            band=(_x(1 / (1 + metric.bar), reach), _x(1 + metric.bar, reach)) if metric.judged else None,
            interval=(_x(metric.low, reach), _x(metric.high, reach)),
            ratio=_x(ratio, reach),
            launches=tuple(_x(ratio, reach) for ratio in _by_launch(comparison, metric.name)),
            title=f"{text.change(ratio)}, {text.interval(metric.low, metric.high)}",
        )
        for row, (metric, ratio) in enumerate(metrics)
    )
    shown = [tick for tick in _TICKS if abs(math.log(tick)) <= reach]
    ticks = _spaced_out(
        [(_x(tick, reach), _tick(tick)) for tick in sorted(shown, key=lambda t: abs(math.log(t)))]
    )
    return Drawing(len(marks) * ROW_HEIGHT, marks, tuple(ticks))


def _tick(ratio: float) -> str:
    return "equal" if ratio == 1 else text.change(ratio).replace(".0 %", " %")


def _spaced_out(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return the ticks whose labels do not overlap; earlier ones take precedence."""
    spaced: list[tuple[float, str]] = []
    for x, words in ticks:
        if all(abs(x - other) > 52 for other, _ in spaced):
            spaced.append((x, words))
    return spaced


def _by_launch(comparison: Comparison, name: str) -> list[float]:
    launches = [paired(launch, name) for launch in comparison.launches]
    return [math.exp(fmean(math.log(b / a) for a, b in pairs)) for pairs in launches if pairs]


def _reach(metrics: Sequence[tuple[MetricComparison, float]]) -> float:
    """Return the largest logarithm on the axis, which includes wide intervals only up to a limit."""
    logs = [math.log(1.15)]
    for metric, ratio in metrics:
        size = abs(math.log(ratio))
        widest = max(abs(math.log(metric.low)), abs(math.log(metric.high)))
        # An interval from few launches can span decades and would squeeze everything else.
        logs += [size, min(widest, max(2 * size, math.log(1.6)))]
    return max(logs) * 1.05


def _x(ratio: float, reach: float) -> float:
    place = max(-1.0, min(1.0, math.log(ratio) / reach))
    half = (WIDTH - LABEL_WIDTH) / 2 - _MARGIN
    return round(LABEL_WIDTH + half + _MARGIN + place * half, 1)
