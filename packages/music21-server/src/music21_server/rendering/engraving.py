"""Engrave MusicXML with Verovio as a single page of SVG."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

from music21_server.errors import UnreadableScoreError
from music21_server.rendering.page_stack import stack
from music21_server.rendering.staff_groups import split

_SCALE: Final = 50
"""Size in percent of Verovio's default; staves are 36 pixels high."""

_MAX_WIDTH_PX: Final = 1560
"""Width at which the music is broken into systems; vision models shrink wider pictures."""

_MAX_STAVES_BROKEN: Final = 30
"""Most staves for which the music is broken into systems."""

_MAX_STAVES_AT_ONCE: Final = 80
"""Most staves to draw at once; more are drawn in bands, because Verovio's time grows with their square."""

_STAVES_PER_BAND: Final = 20

_UNITS_PER_PX: Final = 1000 / _SCALE
"""Length units of Verovio's SVG per pixel."""

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
    "header": "none",  # it is as wide as the page before the page is cut to the music
    "footer": "none",
    "svgFormatRaw": True,
    "xmlIdChecksum": True,
    "svgAdditionalAttribute": ["slur@startid", "tie@startid"],
}
_SIZE: Final = re.compile(r'<svg width="([0-9.]+)px" height="([0-9.]+)px"')

_TITLE_PX: Final = 26
_COMPOSER_PX: Final = 17
_LINE_HEIGHT: Final = 1.5
_CHARACTER_WIDTH: Final = 0.5
"""Average width of a character relative to the font size."""


@dataclass(frozen=True)
class Page:
    """One page of music as SVG; words are in the viewer's serif font."""

    svg: str
    width_px: int
    height_px: int


def engrave(musicxml: bytes, *, staves: int, title: str = "", composer: str = "") -> Page:
    """Return a document as one page, as one system if it fits, with title and composer above it.

    Args:
        musicxml: MusicXML in UTF-8.
        staves: Number of its staves.
        title: Title, or "".
        composer: Composer, or "".

    Raises:
        UnreadableScoreError: Verovio cannot draw it.
    """
    toolkit = new_toolkit()
    toolkit.setOptions(_OPTIONS)
    if staves > _MAX_STAVES_AT_ONCE and (bands := _bands(toolkit, musicxml)):
        return _with_head(bands, title, composer)
    toolkit.loadData(musicxml.decode())
    line = _page(toolkit)
    if line.width_px > _MAX_WIDTH_PX and staves <= _MAX_STAVES_BROKEN:
        width = _MAX_WIDTH_PX * 100 // _SCALE
        toolkit.setOptions({"breaks": "auto", "adjustPageWidth": False, "pageWidth": width})
        toolkit.redoLayout()
        if toolkit.getPageCount() == 1:
            line = _page(toolkit)
    return _with_head(line, title, composer)


def new_toolkit() -> Any:
    """Return a silent Verovio toolkit."""
    # Imported here: only pictures need it.
    import verovio

    verovio.enableLog(verovio.LOG_OFF)  # it logs to standard error
    return verovio.toolkit()


def check_drawn(pages: Iterable[str]) -> None:
    """Raise UnreadableScoreError if no page has a measure; Verovio reports success for any input."""
    if not any(' class="measure"' in page for page in pages):
        raise UnreadableScoreError(
            "Expected measures that Verovio can draw, got an empty picture: ask for others, or fewer parts."
        )


def svg_size(svg: str) -> tuple[float, float]:
    """Return width and height of an SVG of Verovio in pixels; zero if it has none."""
    size = _SIZE.match(svg)
    return (float(size[1]), float(size[2])) if size else (0.0, 0.0)


def _bands(toolkit: Any, musicxml: bytes) -> Page | None:
    """Draw a document in bands of staves, stacked into one page; return None if they do not match."""
    pictures = []
    for document in split(musicxml, _STAVES_PER_BAND):
        toolkit.loadData(document.decode())
        pictures.append(_page(toolkit).svg)
    stacked = stack(pictures, _UNITS_PER_PX)
    return Page(*stacked) if stacked else None


def _page(toolkit: Any) -> Page:
    svg = str(toolkit.renderToSVG(1))
    check_drawn([svg])
    width, height = svg_size(svg)
    return Page(svg, round(width), round(height))


def _with_head(page: Page, title: str, composer: str) -> Page:
    """Add a centered title and a right-aligned composer above a page."""
    lines = []
    top = 0.0
    for text, max_px, anchor, x in (
        (title, _TITLE_PX, "middle", 0.5),
        (composer, _COMPOSER_PX, "end", 0.98),
    ):
        if text.strip():
            size = min(max_px, 0.96 * page.width_px / (_CHARACTER_WIDTH * len(text)))
            top += _LINE_HEIGHT * size
            lines.append(
                f'<text x="{x * page.width_px:.1f}" y="{top:.1f}" text-anchor="{anchor}" '
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
