"""The steps of starts as bars on a common axis of time, as SVG without scripts."""

from __future__ import annotations

import math
from collections.abc import Iterator

from markupsafe import Markup, escape

from perf_core.analysis.cold_start import STEPS, CacheFigures, ColdStart, ServerStarts, Step
from perf_core.report.view.model import Drawing
from perf_core.report.wording import printable, significant

WIDTH = 760
_LEFT, _RIGHT, _ROW, _BAR = 190, 24, 34, 16
_AXIS = 22
_TICKS = 5

_COLOURS: dict[Step, str] = {
    "listening": "var(--line-1)",
    "initialize": "var(--line-3)",
    "tools_list": "var(--line-2)",
    "first_call": "var(--good)",
}
_WORDS: dict[Step, str] = {
    "listening": "until it listens",
    "initialize": "handshake",
    "tools_list": "list of tools",
    "first_call": "first call",
}


def drawing(done: ColdStart) -> Drawing | None:
    """Return the bars of all servers and states of the cache; None without starts."""
    rows = [(server, figures) for server in done.servers for figures in server.figures]
    if not rows:
        return None
    longest_s = max(max(figures.longest_s, figures.ready_s[1].value) for _, figures in rows)
    step_s = _tick_s(longest_s)
    reach_s = math.ceil(longest_s / step_s) * step_s
    height = len(rows) * _ROW + _AXIS + 26
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" class="forest" role="img" '
        'aria-label="Time until the first answers">',
        *_axis(reach_s, step_s, len(rows)),
        *(part for row, each in enumerate(rows) for part in _bar(row, *each, reach_s)),
        *_legend(len(rows) * _ROW + _AXIS + 18, rows),
        "</svg>",
    ]
    caption = (
        "Medians of the steps; the thin line ends at the longest start, its thick part spans the interval of "
        "the median until ready."
    )
    # Only numbers and escaped names are put together here.
    return Drawing("Time until the first answers", Markup("".join(parts)), caption)  # noqa: S704


def _x(at_s: float, reach_s: float) -> float:
    return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * at_s / reach_s, 1)


def _tick_s(longest_s: float) -> float:
    """Return a round distance of about five ticks."""
    rough = longest_s / _TICKS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough)


def _axis(reach_s: float, step_s: float, rows: int) -> Iterator[str]:
    bottom = rows * _ROW
    for number in range(round(reach_s / step_s) + 1):
        at_s = number * step_s
        x = _x(at_s, reach_s)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="0" y2="{bottom}"/>'
        words = f"{at_s:g} s" if reach_s >= 2 else f"{at_s * 1000:g} ms"
        yield f'<text class="tick" x="{x}" y="{bottom + 14}" text-anchor="middle">{words}</text>'


def _bar(row: int, server: ServerStarts, figures: CacheFigures, reach_s: float) -> Iterator[str]:
    top = row * _ROW + (_ROW - _BAR) / 2
    middle = row * _ROW + _ROW / 2
    label = escape(printable(f"{server.name}, {figures.cache}"))
    yield f'<text class="label" x="{_LEFT - 10}" y="{middle + 4}" text-anchor="end">{label}</text>'
    left_s = 0.0
    for step in figures.steps:
        right_s = left_s + step.took_s[0].value
        left, right = _x(left_s, reach_s), _x(right_s, reach_s)
        title = escape(f"{step_words(step.step, figures)}: {significant(step.took_s[0].value * 1000)} ms")
        yield (
            f'<rect x="{left}" y="{top}" width="{max(1.0, round(right - left, 1))}" height="{_BAR}" '
            f'fill="{_COLOURS[step.step]}" opacity=".85"><title>{title}</title></rect>'
        )
        left_s = right_s
    median = figures.ready_s[0]
    begin, end = _x(median.value, reach_s), _x(figures.longest_s, reach_s)
    yield f'<line x1="{begin}" x2="{end}" y1="{middle}" y2="{middle}" stroke="var(--soft)"/>'
    if median.low is not None and median.high is not None:
        low, high = _x(median.low, reach_s), _x(median.high, reach_s)
        yield f'<line class="interval" x1="{low}" x2="{high}" y1="{middle}" y2="{middle}"/>'


def _legend(y: float, rows: list[tuple[ServerStarts, CacheFigures]]) -> Iterator[str]:
    shown = {step.step for _, figures in rows for step in figures.steps}
    x = float(_LEFT)
    for step in (each for each in STEPS if each in shown):
        yield f'<rect x="{x}" y="{y - 9}" width="11" height="11" fill="{_COLOURS[step]}" opacity=".85"/>'
        words = _WORDS[step]
        yield f'<text class="tick" x="{x + 16}" y="{y + 1}">{words}</text>'
        x += 34 + 6.5 * len(words)


def step_words(step: Step, figures: CacheFigures) -> str:
    """Return the name of a step; on stdio the handshake waits for the start of the process, too."""
    is_first = figures.steps[0].step == step
    return f"start and {_WORDS[step]}" if is_first and step != "listening" else _WORDS[step]
