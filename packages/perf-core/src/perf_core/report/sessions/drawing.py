"""Memory of the server over the units of each ladder, as SVG without scripts: one panel for each ladder.

Each panel has a scale of its own, since a held stream may cost a thousand times what a plain session does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from perf_core.report.sessions.words import LADDER_WORDS, memory
from perf_core.report.view.model import Drawing
from perf_core.report.wording import count
from perf_core.results.session_costs import Ladder

_WIDTH, _HEIGHT = 340, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 12, 26, 22
_SMALLEST_KB = 100.0
"""Smallest height of a panel: below, the steps of single pages would look like growth."""


def growth_drawing(ladders: Sequence[Ladder]) -> Drawing | None:
    """Return the growth of the server's memory over the units of each ladder; None if it is not visible."""
    panels = [
        _panel(ladder, points)
        for ladder in ladders
        if len(points := _points(ladder)) > 1 and ladder.name != "refused_open"
    ]
    if not panels:
        return None
    grid = "display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem"
    return Drawing(
        "Memory over sessions",
        Markup(f'<div style="{grid}">{"".join(panels)}</div>'),  # noqa: S704 - words of this package
        "Growth of the server's memory since the first step, each panel with its own scale. The first third "
        "(pale) is not part of the figures: there, what was freed while the server started is used up.",
    )


def _panel(ladder: Ladder, points: Sequence[tuple[int, float]]) -> str:
    most_units = points[-1][0]
    highest = _round_up(max(_SMALLEST_KB, *(kb for _, kb in points)))
    lowest = min(0.0, *(kb for _, kb in points))
    lowest = -_round_up(-lowest) if lowest < -0.02 * highest else 0.0

    def place(units: float, kb: float) -> str:
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * units / most_units
        share = (max(kb, lowest) - lowest) / (highest - lowest)
        return f"{x:.1f},{_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share):.1f}"

    words = escape(LADDER_WORDS[ladder.name])
    counted_from = len(points) // 3
    grown = escape(memory(points[-1][1]))
    parts = [f'<text x="2" y="14" style="fill: var(--text)">{words}</text>']
    for kb in (lowest, highest) if lowest < 0 else (0.0, highest / 2, highest):
        y = float(place(0, kb).partition(",")[2])
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="var(--grid)"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{escape(memory(kb, digits=2))}</text>'
        )
    parts += [
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">0</text>',
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 6}" text-anchor="end">{count(most_units)}</text>',
    ]
    for part, style in (
        (points[: counted_from + 1], "opacity: .35"),
        (points[counted_from:], ""),
    ):
        path = " ".join(place(units, kb) for units, kb in part)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="var(--line-1)" stroke-width="2" '
            f'stroke-linejoin="round" style="{style}"/>'
        )
    label = f"{words}: memory grew by {grown} with {count(most_units)}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}" '
        'style="width: 100%; height: auto; font-size: 12px; fill: var(--soft)">'
        f"<title>{label}</title>{''.join(parts)}</svg>"
    )


def _points(ladder: Ladder) -> list[tuple[int, float]]:
    visible = [(step.units, step.kb) for step in ladder.steps if step.kb is not None]
    return [(units, kb - visible[0][1]) for units, kb in visible]


def _round_up(kb: float) -> float:
    """Return the next of 1, 2, 4, 6, 8 or 10 times a power of ten, so that its half is round, too."""
    magnitude = 10.0 ** math.floor(math.log10(kb)) if kb > 0 else 1.0
    return next((f * magnitude for f in (1, 2, 4, 6, 8) if f * magnitude >= kb), 10 * magnitude)
