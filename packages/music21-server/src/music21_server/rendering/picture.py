"""Measures of a score as an SVG or PNG picture, engraved by Verovio.

Verovio is a large C++ library and gets untrusted documents: call this in a process that may be killed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from music21_server.errors import ScoreError, TooMuchScoreError
from music21_server.rendering.density import check_density
from music21_server.rendering.engraving import Page, engrave
from music21_server.rendering.excerpt import drawn_parts, excerpt
from music21_server.rendering.raster import png_of
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.writing.selection import measure_number, select_measures, select_parts

PictureFormat = Literal["svg", "png"]

MEDIA_TYPES: Final[dict[PictureFormat, str]] = {"svg": "image/svg+xml", "png": "image/png"}

_MAX_SIDE_PX: Final = 8000
"""Longest side of a PNG that language models accept."""

_MIN_ZOOM: Final = 0.5
"""Zoom below which notes cannot be read."""


@dataclass(frozen=True)
class PictureLimits:
    """Limits on one picture; each is a setting of the same name.

    Attributes:
        max_picture_bars: Bars times staves.
        max_picture_pixels: Width times height.
    """

    max_picture_bars: int = 640
    max_picture_pixels: int = 20_000_000


@dataclass(frozen=True)
class Picture:
    """A picture of some measures.

    Attributes:
        content: Content of the file.
        first_measure: Printed number of the first bar.
        last_measure: Printed number of the last bar.
        parts: Indices of the drawn parts, with all staves of each instrument.
    """

    content: bytes
    media_type: str
    width_px: int
    height_px: int
    first_measure: str
    last_measure: str
    parts: tuple[int, ...]


def render(
    document: Document,
    score: Score,
    first_measure: str | None = None,
    last_measure: str | None = None,
    parts: Sequence[str] | None = None,
    *,
    form: PictureFormat = "png",
    limits: Limits,
    picture_limits: PictureLimits,
) -> Picture:
    """Return measures of a score as a picture.

    Args:
        document: The imported document.
        score: The document as columns.
        first_measure: Printed number of the first bar, or ``@12`` for the twelfth; None for the beginning.
        last_measure: Number or position of the last bar; None for the end.
        parts: Names, ids or numbers from 1; None for all. All staves of an instrument are drawn.
        form: ``svg`` or ``png``.
        limits: Limits on the uncompressed document.
        picture_limits: Limits on the picture.

    Raises:
        ScoreError: There is no such bar, part or format.
        TooMuchScoreError: The picture would exceed a limit.
        UnreadableScoreError: The document is broken, or Verovio cannot draw it.
    """
    if form not in MEDIA_TYPES:
        raise ScoreError(f"Expected one of the formats {', '.join(get_args(PictureFormat))}, got {form!r}.")
    measures = select_measures(score, first_measure, last_measure)
    chosen = select_parts(score, parts)
    drawn = drawn_parts(document, score, chosen)
    _check_bars(len(measures), len(drawn), picture_limits)
    check_density(score, measures, drawn)
    musicxml = excerpt(document, score, measures, chosen, limits)
    page = engrave(musicxml, staves=len(drawn), title=score.title, composer=score.composer)
    zoom = 1.0 if form == "svg" else _zoom(page, picture_limits)
    content = page.svg.encode() if form == "svg" else png_of(page.svg, zoom)
    return Picture(
        content=content,
        media_type=MEDIA_TYPES[form],
        width_px=round(page.width_px * zoom),
        height_px=round(page.height_px * zoom),
        first_measure=measure_number(score, measures[0]),
        last_measure=measure_number(score, measures[-1]),
        parts=drawn,
    )


def _check_bars(bars: int, staves: int, limits: PictureLimits) -> None:
    if bars * staves > limits.max_picture_bars:
        fewer = limits.max_picture_bars // staves
        remedy = f"ask for {fewer} bars" if fewer else f"ask for {limits.max_picture_bars} parts"
        raise TooMuchScoreError(
            f"Expected at most {limits.max_picture_bars:,} bars times staves in one picture (setting "
            f"max_picture_bars), got {bars} bars of {staves} staves = {bars * staves:,}: {remedy} at a time, "
            "or for fewer parts."
        )


def _zoom(page: Page, limits: PictureLimits) -> float:
    """Return the largest zoom up to 1 at which the picture is within its limits."""
    zoom = min(
        1.0,
        math.sqrt(limits.max_picture_pixels / (page.width_px * page.height_px)),
        _MAX_SIDE_PX / max(page.width_px, page.height_px),
    )
    if zoom < _MIN_ZOOM:
        raise TooMuchScoreError(
            f"Expected at most {limits.max_picture_pixels:,} pixels (setting max_picture_pixels) and "
            f"{_MAX_SIDE_PX:,} on a side at half size, got a picture of {page.width_px:,} by "
            f"{page.height_px:,} pixels at full size: ask for fewer bars or parts, or for svg."
        )
    return zoom
