"""Pictures of the same bars in other staves become one, one below the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from music21_server.rendering.column_alignment import (
    END,
    Places,
    common_places,
    lines_of,
    measures_of,
    move,
    places_of,
    staves_of,
)

_LINE_WIDTH: Final = 27
"""Of the line at the beginning of a system, in Verovio's unit."""

_ID: Final = "stacked"
_NUMBER: Final = re.compile(r"-?[\d.]+")


@dataclass(frozen=True)
class _Band:
    """One of the pictures, as Verovio made it; lengths are in its unit.

    Attributes:
        root: The element of all.
        scale: The element whose view box says how large the picture is.
        system: The element that holds the bars.
        places: Of the columns in it.
        size: Width and height.
        margin: On the left and above.
        line: Where the first line of the first staff and the last of the last are, from above.
    """

    root: Any
    scale: Any
    system: Any
    places: Places
    size: tuple[float, float]
    margin: tuple[float, float]
    line: tuple[float, float]

    @property
    def bars(self) -> int:
        return sum(moment.ticks == END for moment in self.places)

    @property
    def room_behind(self) -> float:
        return self.size[0] - self.places[max(self.places)]


def stack(pictures: Sequence[str], scale: float) -> tuple[str, int, int] | None:
    """Return pictures of Verovio as one, with barlines and notes of the same time one below the other.

    Args:
        pictures: Of the same bars, each on one line.
        scale: Verovio's units per pixel.

    Returns:
        SVG, width and height in pixels; None if the pictures have not the same bars in one line.
    """
    bands = [band for band in map(_band, pictures) if band is not None]
    if len(bands) < len(pictures) or len({band.bars for band in bands}) != 1:
        return None
    common = common_places([band.places for band in bands])
    width = common[max(common)] + max(band.room_behind for band in bands)
    pieces = [_one_style([band.root for band in bands])]
    top, first = 0.0, bands[0]
    above: _Band | None = None
    for band in bands:
        if above is not None:
            _without_numbers(band.system)
            top += above.size[1] - 2 * band.margin[1]
        move(band.system, band.places, common)
        band.root.set("y", f"{top / scale:.2f}")
        band.root.set("width", f"{width / scale:.2f}px")
        band.scale.set("viewBox", f"0 0 {width:.0f} {band.size[1]:.0f}")
        pieces.append(etree.tostring(band.root, encoding="unicode"))
        above = band
    left, end = first.margin[0] + common[min(common)], top + bands[-1].line[1]
    pieces.append(
        f'<path d="M{left / scale:.2f} {first.line[0] / scale:.2f} L{left / scale:.2f} {end / scale:.2f}" '
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
    places = places_of(systems[0])
    if not places:
        return None
    staves = staves_of(measures_of(systems[0])[0])
    top, bottom = lines_of(staves[0]), lines_of(staves[-1])
    if top is None or bottom is None:
        return None
    width, height = map(float, scale.get("viewBox").split()[2:])
    left, above = map(float, _NUMBER.findall(margin.get("transform")))
    line = (above + top[0], above + bottom[1])
    return _Band(root, scale, systems[0], places, (width, height), (left, above), line)


def _one_style(roots: Sequence[Any]) -> str:
    """Return the style of all, which is taken out of each: every sheet costs time for every element."""
    text = ""
    for root in roots:
        mark = f"#{root.get('id')} "
        for style in root.findall("{*}style"):
            if mark in (style.text or ""):  # the other sort brings a font
                text = style.text.replace(mark, f"#{_ID} ")
                root.remove(style)
    return f'<style type="text/css">{text}</style>'


def _without_numbers(system: Any) -> None:
    """The numbers of bars stand above the first picture."""
    for measure in measures_of(system):
        for each in measure.findall("{*}g"):
            if each.get("class", "").startswith("mNum"):
                measure.remove(each)
