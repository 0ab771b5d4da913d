"""A drawing of a search: latency over the offered rate, with the interval; plain SVG without scripts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from perf_core.analysis.capacity.model import Capacity, Step
from perf_core.report.capacity import words
from perf_core.report.view.model import Drawing
from perf_core.report.wording import significant

WIDTH, HEIGHT = 760, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 22, 44
_COLOURS = {"kept": "--good", "broken": "--bad", "unclear": "--neutral"}


def draw(capacity: Capacity) -> Drawing:
    """Return the drawing: a mark for each step, its p99 over its rate, both on logarithmic axes."""
    steps = [step for step in capacity.steps if step.waits_ms is not None and step.waits_ms.p99 > 0]
    rates = [step.rate_per_s for step in capacity.steps]
    ends = [end for end in (capacity.low_per_s, capacity.high_per_s) if end]
    x = _scale([*rates, *ends], _LEFT, WIDTH - _RIGHT)
    limits = [_level_ms(text) for text in capacity.objectives]
    waits = [step.waits_ms.p99 for step in steps if step.waits_ms is not None]
    shown = [*waits, *(limit for limit in limits if limit is not None)]
    y = _scale(shown or [1.0, 10.0], HEIGHT - _BOTTOM, _TOP)
    parts = [
        *_band(capacity, x),
        *_ticks(x, [*rates, *ends], vertical=True),
        *_ticks(y, shown or [1.0, 10.0], vertical=False),
        *_levels(limits, capacity.objectives, y),
        *(
            _mark(step, x(step.rate_per_s), y(step.waits_ms.p99))
            for step in steps
            if step.waits_ms is not None
        ),
        Markup('<text class="tick" x="{}" y="{}" text-anchor="end">offered calls per second</text>').format(
            WIDTH - _RIGHT, HEIGHT - 6
        ),
        Markup('<text class="tick" x="0" y="12">p99 in ms</text>'),
    ]
    svg = Markup(
        '<svg class="forest" viewBox="0 0 {} {}" role="img" aria-label="p99 over the rate">{}</svg>'
    ).format(WIDTH, HEIGHT, Markup("").join(parts))
    caption = (
        "Each mark is a step: full if it kept the objectives, hollow if it did not, a cross where "
        "nobody can tell. "
        "Both axes are logarithmic."
    )
    if capacity.answer == "interval":
        caption = f"{caption} The band is the interval, {words.interval(capacity)}."
    return Drawing("Latency over the rate", svg, caption)


class _Scale:
    """Maps a positive number to a place on a logarithmic axis."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = min(values), max(values)
        if high / low < 1.5:
            low, high = low / 1.3, high * 1.3
        # Marks keep off the edges.
        margin = 0.04 * math.log(high / low)
        self._low, self._high = math.log(low) - margin, math.log(high) + margin
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        share = (math.log(value) - self._low) / (self._high - self._low)
        return round(self._start + min(1.0, max(0.0, share)) * (self._end - self._start), 1)


def _scale(values: Sequence[float], start: float, end: float) -> _Scale:
    return _Scale([value for value in values if value > 0], start, end)


def _band(capacity: Capacity, x: _Scale) -> Iterable[Markup]:
    if capacity.answer != "interval" or not capacity.low_per_s or not capacity.high_per_s:
        return
    left, right = x(capacity.low_per_s), x(capacity.high_per_s)
    yield Markup('<rect class="band" x="{}" y="{}" width="{}" height="{}"/>').format(
        left, _TOP, round(max(2.0, right - left), 1), HEIGHT - _TOP - _BOTTOM
    )
    if capacity.best_per_s:
        middle = x(capacity.best_per_s)
        yield Markup('<line class="grid one" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
            middle, _TOP, HEIGHT - _BOTTOM
        )


def _ticks(scale: _Scale, values: Sequence[float], *, vertical: bool) -> Iterable[Markup]:
    positive = [value for value in values if value > 0]
    low, high = min(positive), max(positive)
    exponent = math.floor(math.log10(low)) - 1
    before = -math.inf
    while 10.0**exponent <= high * 10:
        for digit in (1, 2, 5):
            value = digit * 10.0**exponent
            if not low / 1.3 <= value <= high * 1.3:
                continue
            place = scale(value)
            if abs(place - before) < (44 if vertical else 22):
                continue
            before = place
            yield _tick(place, significant(value), vertical=vertical)
        exponent += 1


def _tick(place: float, label: str, *, vertical: bool) -> Markup:
    if vertical:
        return Markup(
            '<line class="grid" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
            '<text class="tick" x="{0}" y="{3}" text-anchor="middle">{4}</text>'
        ).format(place, _TOP, HEIGHT - _BOTTOM, HEIGHT - _BOTTOM + 16, label)
    return Markup(
        '<line class="grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>'
        '<text class="tick" x="{3}" y="{4}" text-anchor="end">{5}</text>'
    ).format(_LEFT, WIDTH - _RIGHT, place, _LEFT - 6, place + 4, label)


def _levels(limits: Sequence[float | None], objectives: Sequence[str], y: _Scale) -> Iterable[Markup]:
    for limit, text in zip(limits, objectives, strict=True):
        if limit is None:
            continue
        place = y(limit)
        yield Markup(
            '<line x1="{0}" x2="{1}" y1="{2}" y2="{2}" style="stroke: var(--unsure); stroke-dasharray: 5 4"/>'
            '<text class="tick" x="{3}" y="{4}" style="fill: var(--unsure)">{5}</text>'
        ).format(_LEFT, WIDTH - _RIGHT, place, _LEFT + 6, place - 5, text)


def _mark(step: Step, x: float, y: float) -> Markup:
    colour = _COLOURS[step.state]
    p99_ms = step.waits_ms.p99 if step.waits_ms else 0.0
    title = f"{significant(step.rate_per_s)}/s: p99 {significant(p99_ms)} ms, {step.state}"
    if step.state == "unclear":
        shape = Markup('<path d="M{} {}l8 8m0 -8l-8 8" style="stroke: var({}); stroke-width: 2"/>').format(
            x - 4, y - 4, colour
        )
    else:
        fill = "none" if step.state == "broken" else f"var({colour})"
        shape = Markup(
            '<circle cx="{}" cy="{}" r="5" style="stroke: var({}); stroke-width: 2; fill: {}"/>'
        ).format(x, y, colour, fill)
    return Markup("<g><title>{}</title>{}</g>").format(title, shape)


def _level_ms(objective: str) -> float | None:
    name, _, level = objective.partition("<")
    return None if name == "errors" else float(level.removesuffix("ms"))
