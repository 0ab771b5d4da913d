"""Memory of the server over the units of each ladder, as SVG without scripts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from perf_core.report.sessions.words import memory
from perf_core.report.view.model import Drawing
from perf_core.report.wording import count
from perf_core.results.session_costs import Ladder, LadderName

_WIDTH, _HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 16, 12, 46
_TICKS = 4

_LINES: Mapping[LadderName, tuple[str, str]] = {
    "abandoned": ("--line-2", "sessions left without DELETE"),
    "streams": ("--line-3", "sessions with a held stream"),
    "dropped": ("--unsure", "sessions with a stream whose clients vanish"),
    "deleted": ("--line-1", "sessions closed by DELETE"),
    "request": ("--line-1", "requests (two each)"),
    "control": ("--line-4", "requests in one session (two each)"),
    "refused": ("--line-bad", "refused requests (two each)"),
    "refused_open": ("--line-bad", "refused initialize"),
}


def growth_drawing(ladders: Sequence[Ladder]) -> Drawing | None:
    """Return the growth of the server's memory over the units of each ladder; None if it is not visible."""
    lines = [
        (ladder, points)
        for ladder in ladders
        if len(points := _points(ladder)) > 1 and ladder.name != "refused_open"
    ]
    if not lines:
        return None
    most_units = max(points[-1][0] for _, points in lines)
    highest = _round_up(max(1.0, *(kb for _, points in lines for _, kb in points)))
    lowest = min(0.0, *(kb for _, points in lines for _, kb in points))
    lowest = -_round_up(-lowest) if lowest < -0.02 * highest else 0.0

    def x(units: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * units / most_units, 1)

    def y(kb: float) -> float:
        share = (max(kb, lowest) - lowest) / (highest - lowest)
        return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share), 1)

    parts = [
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(kb)}" y2="{y(kb)}" stroke="var(--grid)"/>'
        f'<text x="{_LEFT - 8}" y="{y(kb) + 4}" text-anchor="end">{escape(memory(kb))}</text>'
        for kb in (highest * tick / _TICKS for tick in range(_TICKS + 1))
    ]
    parts += [
        f'<text x="{x(units)}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">{count(units)}</text>'
        for units in sorted({round(most_units * tick / _TICKS) for tick in range(_TICKS + 1)})
    ]
    parts.append(
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">'
        "sessions, or as many other units</text>"
    )
    for ladder, points in lines:
        colour, words = _LINES[ladder.name]
        path = " ".join(f"{x(units)},{y(kb)}" for units, kb in points)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="var({colour})" stroke-width="2" '
            f'stroke-linejoin="round"><title>{escape(words)}</title></polyline>'
        )
    label = "Growth of the server's memory: " + ", ".join(_LINES[ladder.name][1] for ladder, _ in lines)
    svg = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}" '
        'style="width: 100%; height: auto; font-size: 12px; fill: var(--soft)">' + "".join(parts) + "</svg>"
    )
    legend = "".join(
        f'<span style="white-space: nowrap; margin-right: 1.2em"><span class="swatch" '
        f'style="background: var({_LINES[ladder.name][0]})"></span> {escape(_LINES[ladder.name][1])}</span> '
        for ladder, _ in lines
    )
    return Drawing(
        "Memory over sessions",
        Markup(f'{svg}<p class="note">{legend}</p>'),  # noqa: S704 - numbers and words of this module
        "Growth of the server's memory since the first step of each line. The first third of a line is not "
        "part of the figures: there, what was freed while the server started is used up.",
    )


def _points(ladder: Ladder) -> list[tuple[int, float]]:
    visible = [(step.units, step.kb) for step in ladder.steps if step.kb is not None]
    return [(units, kb - visible[0][1]) for units, kb in visible]


def _round_up(kb: float) -> float:
    """Return the next of 1, 2, 4, 6, 8 or 10 times a power of ten, so that its quarters are round, too."""
    magnitude = 10.0 ** math.floor(math.log10(kb)) if kb > 0 else 1.0
    return next((f * magnitude for f in (1, 2, 4, 6, 8) if f * magnitude >= kb), 10 * magnitude)
