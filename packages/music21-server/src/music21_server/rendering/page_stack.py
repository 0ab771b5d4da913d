"""Stack pictures of the same bars on different staves into one picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from music21_server.rendering.column_alignment import (
    BAR_END,
    Positions,
    column_positions,
    common_positions,
    measures_in,
    move_to_columns,
    outer_lines,
    staves_in,
)

_LINE_WIDTH: Final = 27
"""Width of the line at the start of a system, in Verovio's unit."""

_ID: Final = "stacked"
_NUMBER: Final = re.compile(r"-?[\d.]+")


@dataclass(frozen=True)
class _Band:
    """One of the pictures; lengths are in Verovio's unit.

    Attributes:
        root: Root element of the SVG.
        scale: Element with the view box.
        system: Element with the bars.
        positions: Positions of its columns.
        size: Width and height.
        margin: Margins on the left and at the top.
        lines: Vertical positions of the top line of the first staff and the bottom line of the last.
    """

    root: Any
    scale: Any
    system: Any
    positions: Positions
    size: tuple[float, float]
    margin: tuple[float, float]
    lines: tuple[float, float]

    @property
    def bars(self) -> int:
        return sum(moment.ticks == BAR_END for moment in self.positions)

    @property
    def right_margin(self) -> float:
        return self.size[0] - self.positions[max(self.positions)]


def stack(pictures: Sequence[str], scale: float) -> tuple[str, int, int] | None:
    """Stack pictures into one, with barlines and simultaneous notes aligned.

    Args:
        pictures: SVGs by Verovio of the same bars, each with one system.
        scale: Verovio's units per pixel.

    Returns:
        SVG, width and height in pixels; None if the pictures do not have the same bars in one system.
    """
    bands = [band for band in map(_band, pictures) if band is not None]
    if len(bands) < len(pictures) or len({band.bars for band in bands}) != 1:
        return None
    common = common_positions([band.positions for band in bands])
    width = common[max(common)] + max(band.right_margin for band in bands)
    pieces = [_shared_style([band.root for band in bands])]
    top, first = 0.0, bands[0]
    above: _Band | None = None
    for band in bands:
        if above is not None:
            _remove_bar_numbers(band.system)
            top += above.size[1] - 2 * band.margin[1]
        move_to_columns(band.system, band.positions, common)
        band.root.set("y", f"{top / scale:.2f}")
        band.root.set("width", f"{width / scale:.2f}px")
        band.scale.set("viewBox", f"0 0 {width:.0f} {band.size[1]:.0f}")
        pieces.append(etree.tostring(band.root, encoding="unicode"))
        above = band
    x = (first.margin[0] + common[min(common)]) / scale
    y, bottom = first.lines[0] / scale, (top + bands[-1].lines[1]) / scale
    pieces.append(
        f'<path d="M{x:.2f} {y:.2f} L{x:.2f} {bottom:.2f}" '
        f'stroke="black" stroke-width="{_LINE_WIDTH / scale:.2f}"/>'
    )
    size = round(width / scale), round((top + bands[-1].size[1]) / scale)
    svg = (
        f'<svg width="{size[0]}px" height="{size[1]}px" version="1.1" overflow="visible" id="{_ID}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(pieces)}</svg>'
    )
    return svg, *size


def _band(picture: str) -> _Band | None:
    root = etree.fromstring(picture.encode())
    systems = root.findall(".//{*}g[@class='system']")
    scale = root.find("{*}svg[@class='definition-scale']")
    margin = scale.find("{*}g[@class='page-margin']") if scale is not None else None
    if len(systems) != 1 or margin is None:
        return None
    positions = column_positions(systems[0])
    if not positions:
        return None
    staves = staves_in(measures_in(systems[0])[0])
    first, last = outer_lines(staves[0]), outer_lines(staves[-1])
    if first is None or last is None:
        return None
    width, height = map(float, scale.get("viewBox").split()[2:])
    left, top = map(float, _NUMBER.findall(margin.get("transform")))
    lines = (top + first[0], top + last[1])
    return _Band(root, scale, systems[0], positions, (width, height), (left, top), lines)


def _shared_style(roots: Sequence[Any]) -> str:
    """Move the style sheets of all pictures into one, because each sheet costs time for each element."""
    text = ""
    for root in roots:
        selector = f"#{root.get('id')} "
        for style in root.findall("{*}style"):
            if selector in (style.text or ""):  # others embed a font
                text = style.text.replace(selector, f"#{_ID} ")
                root.remove(style)
    return f'<style type="text/css">{text}</style>'


def _remove_bar_numbers(system: Any) -> None:
    """Remove bar numbers, which are drawn above the first picture only."""
    for measure in measures_in(system):
        for each in measure.findall("{*}g"):
            if each.get("class", "").startswith("mNum"):
                measure.remove(each)
