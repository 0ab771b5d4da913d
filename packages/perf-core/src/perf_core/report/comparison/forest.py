"""Intervals of ratios as a drawing: plain SVG without scripts.

A band for differences that do not count, a line for the interval, a dot for the ratio, a small dot for each
launch. The axis is logarithmic, so that twice and half are equally far from one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perf_core.report.comparison import text
from perf_core.report.summary import Tone

WIDTH = 760
LABEL_WIDTH = 160
ROW_HEIGHT = 46
_MARGIN = 14

_TICKS_BELOW_ONE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 0.95)
_TICKS = (*_TICKS_BELOW_ONE, 1, 1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Row:
    """One ratio with its interval.

    Attributes:
        bar: Relative difference beyond which it matters; None for a ratio that is not judged.
        launches: Ratios of single launches.
    """

    label: str
    tone: Tone
    ratio: float
    low: float
    high: float
    bar: float | None
    launches: tuple[float, ...]


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
class Forest:
    """The drawing; ``ticks`` are positions on the axis with their labels."""

    height: float
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    width: float = WIDTH
    row_height: float = ROW_HEIGHT


def draw(rows: Sequence[Row], label_width: float = LABEL_WIDTH) -> Forest:
    """Return the drawing of the rows, from top to bottom."""
    axis = _Axis(label_width, _reach(rows))
    marks = tuple(
        Mark(
            label=row.label,
            tone=row.tone,
            y=(place + 0.5) * ROW_HEIGHT,
            band=None if row.bar is None else (axis.x(1 / (1 + row.bar)), axis.x(1 + row.bar)),
            interval=(axis.x(row.low), axis.x(row.high)),
            ratio=axis.x(row.ratio),
            launches=tuple(map(axis.x, row.launches)),
            title=f"{text.change(row.ratio)}, {text.interval(row.low, row.high)}",
        )
        for place, row in enumerate(rows)
    )
    shown = [tick for tick in _TICKS if abs(math.log(tick)) <= axis.reach]
    ticks = _spaced_out(
        [(axis.x(tick), _tick(tick)) for tick in sorted(shown, key=lambda t: abs(math.log(t)))]
    )
    return Forest(len(marks) * ROW_HEIGHT, marks, tuple(ticks))


@dataclass(frozen=True)
class _Axis:
    """The axis; ``reach`` is the largest logarithm of a ratio on it."""

    label_width: float
    reach: float

    def x(self, ratio: float) -> float:
        """Return the place of a ratio; those beyond the ends of the axis stand at its ends."""
        place = max(-1.0, min(1.0, math.log(ratio) / self.reach))
        half = (WIDTH - self.label_width) / 2 - _MARGIN
        return round(self.label_width + half + _MARGIN + place * half, 1)


def _reach(rows: Sequence[Row]) -> float:
    """Return the largest logarithm on the axis, which includes wide intervals only up to a limit."""
    logs = [math.log(1.15)]
    for row in rows:
        size = abs(math.log(row.ratio))
        widest = max(abs(math.log(row.low)), abs(math.log(row.high)))
        # An interval from few launches can span decades and would squeeze everything else.
        logs += [size, min(widest, max(2 * size, math.log(1.6)))]
    return max(logs) * 1.05


def _tick(ratio: float) -> str:
    return "equal" if ratio == 1 else text.change(ratio).replace(".0 %", " %")


def _spaced_out(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return the ticks whose labels do not overlap; earlier ones take precedence."""
    spaced: list[tuple[float, str]] = []
    for x, words in ticks:
        if all(abs(x - other) > 52 for other, _ in spaced):
            spaced.append((x, words))
    return spaced
