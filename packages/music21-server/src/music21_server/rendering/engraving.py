"""A MusicXML document becomes one page of SVG by Verovio."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

from music21_server.errors import UnreadableScoreError
from music21_server.rendering.page_stack import stack
from music21_server.rendering.staff_groups import split

_SCALE: Final = 50
"""Percent of Verovio's usual size: staves are 36 pixels high."""

_WIDEST_PX: Final = 1560
"""Beyond this a line is broken; models of vision shrink what is wider."""

_MOST_STAVES_BROKEN: Final = 30
"""Systems of more staves are not put one below the other."""

_MOST_STAVES_TOGETHER: Final = 80
"""More are drawn in bands, which are put one below the other: Verovio's time grows with their square."""

_STAVES_OF_BAND: Final = 20

_UNITS_PER_PX: Final = 1000 / _SCALE
"""Verovio's, in its SVG."""

_OPTIONS: Final[dict[str, Any]] = {
    "inputFrom": "musicxml",
    "scale": _SCALE,
    "breaks": "none",
    "adjustPageHeight": True,
    "adjustPageWidth": True,
    "pageHeight": 60_000,
    "pageMarginLeft": 40,
    "pageMarginRight": 40,
    "pageMarginTop": 40,
    "pageMarginBottom": 40,
    "header": "none",  # its width is that of the page, which is cut to that of the music
    "footer": "none",
    "svgFormatRaw": True,
    "xmlIdChecksum": True,
    "svgAdditionalAttribute": ["slur@startid", "tie@startid"],
}
_SIZE: Final = re.compile(r'<svg width="([0-9.]+)px" height="([0-9.]+)px"')

_TITLE_PX: Final = 26
_COMPOSER_PX: Final = 17
_LINE: Final = 1.5
_LETTER: Final = 0.5
"""Width of a letter on average, in font sizes."""


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        svg: Without fonts for words: they are in the reader's serifs.
        width_px: In pixels.
        height_px: In pixels.
    """

    svg: str
    width_px: int
    height_px: int


def engrave(musicxml: bytes, *, staves: int, title: str = "", composer: str = "") -> Page:
    """Return a document as one page, on one line if there is room, with title and composer above it.

    Args:
        musicxml: In UTF-8.
        staves: How many it has.
        title: May be empty.
        composer: May be empty.

    Raises:
        UnreadableScoreError: Verovio cannot draw it.
    """
    # Loaded here: only pictures need it.
    import verovio

    verovio.enableLog(verovio.LOG_OFF)  # it would speak to standard error
    toolkit = verovio.toolkit()
    toolkit.setOptions(_OPTIONS)
    if staves > _MOST_STAVES_TOGETHER and (bands := _bands(toolkit, musicxml)):
        return _with_head(bands, title, composer)
    toolkit.loadData(musicxml.decode())  # it says yes to anything
    line = _page(toolkit)
    if line.width_px > _WIDEST_PX and staves <= _MOST_STAVES_BROKEN:
        width = _WIDEST_PX * 100 // _SCALE
        toolkit.setOptions({"breaks": "auto", "adjustPageWidth": False, "pageWidth": width})
        toolkit.redoLayout()
        if toolkit.getPageCount() == 1:
            line = _page(toolkit)
    return _with_head(line, title, composer)


def _bands(toolkit: Any, musicxml: bytes) -> Page | None:
    """Return a document as one page that is drawn in several, or None if these do not fit together."""
    pictures = []
    for document in split(musicxml, _STAVES_OF_BAND):
        toolkit.loadData(document.decode())
        pictures.append(_page(toolkit).svg)
    stacked = stack(pictures, _UNITS_PER_PX)
    return Page(*stacked) if stacked else None


def _page(toolkit: Any) -> Page:
    svg = str(toolkit.renderToSVG(1))
    size = _SIZE.match(svg)
    if size is None or ' class="measure"' not in svg:
        raise UnreadableScoreError(
            "Expected bars that can be drawn, Verovio drew none: try others, or fewer parts."
        )
    return Page(svg, round(float(size[1])), round(float(size[2])))


def _with_head(page: Page, title: str, composer: str) -> Page:
    """Return a page with a title in the middle and a composer on the right above it."""
    lines = []
    top = 0.0
    for text, most_px, anchor, place in (
        (title, _TITLE_PX, "middle", 0.5),
        (composer, _COMPOSER_PX, "end", 0.98),
    ):
        if text.strip():
            size = min(most_px, 0.96 * page.width_px / (_LETTER * len(text)))
            top += _LINE * size
            lines.append(
                f'<text x="{place * page.width_px:.1f}" y="{top:.1f}" text-anchor="{anchor}" '
                f'font-size="{size:.1f}px" font-family="Times, serif">{escape(text)}</text>'
            )
    height = page.height_px + round(top)
    inner = page.svg.replace("<svg ", f'<svg x="0" y="{round(top)}" ', 1)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" '
        f'width="{page.width_px}px" height="{height}px" viewBox="0 0 {page.width_px} {height}">'
        f"{''.join(lines)}{inner}</svg>"
    )
    return Page(svg, page.width_px, height)
