"""The distribution of the latency as a histogram on a logarithmic axis, in the units of an SVG.

The record has quantiles, not samples. Between two neighbouring quantiles the calls are spread evenly over the
logarithm of the latency, so the area of the bars between them is exactly their share of the calls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from perf_core.analysis.lower_bounds import is_lower_bound
from perf_core.report.bounds import AT_LEAST
from perf_core.report.wording import count, figure_value, significant, trimmed
from perf_core.results.record import Latency, RunRecord

WIDTH = 1000
LEFT = 52
RIGHT = 20
PLOT_HEIGHT = 170
MARK_ROW = 18
BARS = 72

# A k6 latency below this is one of a request that was never sent, and a logarithm needs a positive number.
_SHORTEST_MS = 0.001
_CHARACTER = 8.0
_NEAR_BARS = 8
_MARKS = (("med", "p50"), ("p95", "p95"), ("p99", "p99"), ("max", "max"))


@dataclass(frozen=True)
class Bar:
    """One bar; lengths are in units of the SVG, ``y`` from the top of the plot.

    Attributes:
        is_vague: Whether the two quantiles around it are so far apart that where between them the calls lie
            is not known.
    """

    x: float
    width: float
    y: float
    height: float
    is_vague: bool
    title: str


@dataclass(frozen=True)
class Mark:
    """A statistic as a line through the plot with its label in one of the rows above it.

    Attributes:
        before: Whether the label stands left of the line.
    """

    name: str
    label: str
    x: float
    row: int
    before: bool


@dataclass(frozen=True)
class Distribution:
    """The histogram; ``ticks`` are positions along an axis with their labels."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    rows: int
    ticks: tuple[tuple[float, str], ...]
    shares: tuple[tuple[float, str], ...]
    description: str
    note: str


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float

    def x(self, latency_ms: float) -> float:
        place = (math.log10(latency_ms) - self.low) / (self.high - self.low)
        return round(LEFT + place * (WIDTH - LEFT - RIGHT), 1)

    def edge_ms(self, bar: int) -> float:
        return float(10 ** (self.low + (self.high - self.low) * bar / BARS))


def distribution(record: RunRecord) -> Distribution | None:
    """Return the histogram of all calls; None without quantiles that differ."""
    latency = record.metrics.latency_ms.get("all") if record.metrics else None
    if record.metrics is None or latency is None or not latency.count:
        return None
    quantiles = _ascending(record.metrics.quantiles_ms, latency)
    if len({latency_ms for _, latency_ms in quantiles}) < 3:
        return None
    axis = _axis(quantiles[0][1], max(quantiles[-1][1], latency.max))
    shares = shares_by_bar(quantiles, axis.low, axis.high)
    top = _round_up(max(shares))
    certain = _certain_bars(quantiles, axis)
    marks = _marks(latency, axis)
    return Distribution(
        bars=tuple(
            _bar(axis, index, share / top, share, is_vague=index not in certain)
            for index, share in enumerate(shares)
            if share > 0
        ),
        marks=marks,
        rows=max((mark.row for mark in marks), default=0) + 1,
        ticks=_ticks(axis),
        shares=tuple(
            (round(PLOT_HEIGHT * (1 - part), 1), figure_value("share", top * part)) for part in (0.5, 1.0)
        ),
        description="Histogram of the latency of all calls: " + ", ".join(mark.label for mark in marks),
        note=_note(len(record.metrics.quantiles_ms), latency, is_vague=len(certain) < sum(map(bool, shares))),
    )


def shares_by_bar(quantiles: Sequence[tuple[float, float]], low: float, high: float) -> list[float]:
    """Return the share of the calls in each of ``BARS`` bars of equal width between two logarithms.

    Args:
        quantiles: Ascending pairs of a share and milliseconds.
        low: Decimal logarithm of the left end of the first bar.
        high: Decimal logarithm of the right end of the last bar.
    """
    width = (high - low) / BARS
    shares = [0.0] * BARS
    for (share, latency_ms), (next_share, next_ms) in pairwise(quantiles):
        start, end = (math.log10(each) - low for each in (latency_ms, next_ms))
        first, last = (min(BARS - 1, max(0, int(each / width))) for each in (start, end))
        for bar in range(first, last + 1):
            overlap = min(end, (bar + 1) * width) - max(start, bar * width)
            part = overlap / (end - start) if end > start else 1.0
            shares[bar] += (next_share - share) * max(0.0, part)
    return shares


def _ascending(quantiles: Sequence[tuple[float, float]], latency: Latency) -> list[tuple[float, float]]:
    """Return the usable quantiles with the extremes, each latency at least the one before it."""
    pairs = [
        (share, latency_ms)
        for share, latency_ms in quantiles
        if math.isfinite(latency_ms) and math.isfinite(share) and 0 <= share <= 1
    ]
    if not pairs:
        return []
    latency_by_share = dict(sorted(pairs))
    latency_by_share.setdefault(0.0, latency.min)
    latency_by_share.setdefault(1.0, latency.max)
    ascending: list[tuple[float, float]] = []
    longest_ms = _SHORTEST_MS
    for share in sorted(latency_by_share):
        longest_ms = max(longest_ms, latency_by_share[share])
        ascending.append((share, longest_ms))
    return ascending


def _axis(shortest_ms: float, longest_ms: float) -> _Axis:
    low, high = math.log10(shortest_ms), math.log10(longest_ms)
    margin = 0.02 * (high - low)
    return _Axis(low - margin, high + margin)


def _certain_bars(quantiles: Sequence[tuple[float, float]], axis: _Axis) -> set[int]:
    """Return the bars at or near a quantile with calls, or between two that are near each other."""
    width = (axis.high - axis.low) / BARS
    certain: set[int] = set()
    places = [int((math.log10(latency_ms) - axis.low) / width) for _, latency_ms in quantiles]
    for place, following in pairwise(places):
        bars = {place, following}
        certain |= set(range(place, following + 1)) if following - place <= _NEAR_BARS else bars
    return certain


def _bar(axis: _Axis, index: int, height: float, share: float, *, is_vague: bool) -> Bar:
    start_ms, end_ms = axis.edge_ms(index), axis.edge_ms(index + 1)
    x = axis.x(start_ms)
    # A bar of one call in a million is still a hairline: nothing at all would say that no call was there.
    height = max(1.5, PLOT_HEIGHT * height)
    about = "about " if is_vague else ""
    words = figure_value("share", share)
    return Bar(
        x=x,
        width=round(max(1.0, axis.x(end_ms) - x - 1), 1),
        y=round(PLOT_HEIGHT - height, 1),
        height=round(height, 1),
        is_vague=is_vague,
        title=f"{significant(start_ms)} to {significant(end_ms)} ms: {about}{words} of calls",
    )


def _marks(latency: Latency, axis: _Axis) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    ends: list[float] = []
    for statistic, name in _MARKS:
        value = getattr(latency, statistic)
        if not (math.isfinite(value) and value >= _SHORTEST_MS):
            continue
        bound = f"{AT_LEAST} " if is_lower_bound(latency, statistic) else ""
        label = f"{name} {bound}{figure_value('latency_ms.all.' + statistic, value)}"
        x = min(max(axis.x(value), LEFT), WIDTH - RIGHT)
        length = len(label) * _CHARACTER + 10
        before = x + length > WIDTH
        start = x - length if before else x
        # A line starts at its label, so one below all labels that it would cross crosses none.
        row = 1 + max((row for row, end in enumerate(ends) if start <= end), default=-1)
        ends[row:] = [x if before else x + length, *ends[row + 1 :]]
        marks.append(Mark(name, label, x, row, before))
    return tuple(marks)


def _ticks(axis: _Axis) -> tuple[tuple[float, str], ...]:
    """Return round latencies; powers of ten come first where two would overlap."""
    decades = range(math.floor(axis.low), math.ceil(axis.high) + 1)
    ticks: list[tuple[float, str]] = []
    for factor in (1, 5, 2):
        for decade in decades:
            latency_ms = factor * 10.0**decade
            if not axis.low <= math.log10(latency_ms) <= axis.high:
                continue
            x = axis.x(latency_ms)
            if all(abs(x - other) > 54 for other, _ in ticks):
                ticks.append((x, trimmed(significant(latency_ms, 1))))
    return tuple(sorted(ticks))


def _round_up(share: float) -> float:
    """Return the next of 1, 2, 4, 6 or 10 times a power of ten, so that half of it is round, too."""
    magnitude = 10.0 ** math.floor(math.log10(share))
    return next(
        (factor * magnitude for factor in (1, 2, 4, 6) if factor * magnitude >= share), 10 * magnitude
    )


def _note(quantiles: int, latency: Latency, *, is_vague: bool) -> str:
    text = (
        f"Drawn from {quantiles} quantiles of {count(latency.count)} calls: bars are of equal width on the "
        "logarithmic axis, and between two quantiles calls are spread evenly."
    )
    if is_vague:
        text += " Pale: the next quantiles are far apart, so where between them the calls lie is not known."
    if latency.lower_bounds:
        text += f" {AT_LEAST} marks statistics that fall among calls without an answer."
    return text
