"""Chosen measures of a score as a picture, drawn by Verovio.

Verovio is a large program in C++ that is given documents of strangers: call this in a process that may be
killed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from music21_server.editing.editable_score import with_all_staves
from music21_server.errors import ScoreError, TooMuchScoreError
from music21_server.rendering.engraving import Page, engrave
from music21_server.rendering.excerpt import excerpt_of_columns, excerpt_of_document
from music21_server.rendering.raster import png_of
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.writing.musicxml import musicxml_of
from music21_server.writing.selection import measure_number, select_measures, select_parts

PictureFormat = Literal["svg", "png"]

MEDIA_TYPES: Final[dict[PictureFormat, str]] = {"svg": "image/svg+xml", "png": "image/png"}

_LONGEST_SIDE_PX: Final = 8000
"""Of a PNG; models refuse to look at longer ones."""

_SMALLEST_ZOOM: Final = 0.5
"""Below this nobody can read the notes."""


@dataclass(frozen=True)
class PictureLimits:
    """Bounds of one picture; each has a setting of the same name.

    Attributes:
        max_picture_bars: Bars times staves.
        max_picture_pixels: Width times height.
    """

    max_picture_bars: int = 640
    max_picture_pixels: int = 20_000_000


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        content: The file.
        media_type: Its type on the internet.
        width_px: In pixels.
        height_px: In pixels.
        first_measure: Printed number of the first bar.
        last_measure: Printed number of the last bar.
        parts: Indices of the parts that are drawn, all staves of an instrument.
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
    """Return bars of a score as a picture.

    Args:
        document: As it was imported.
        score: What was read from it.
        first_measure: Printed number of the first bar, or ``@12`` for the twelfth; None for the beginning.
        last_measure: Likewise of the last; None for the end.
        parts: Names, ids or places from 1; None for all. A part comes with all staves of its instrument.
        form: ``svg`` or ``png``.
        limits: How large the document may be, unpacked.
        picture_limits: How large the picture may be.

    Raises:
        ScoreError: There is no such bar, part or format.
        TooMuchScoreError: It is too much for one picture.
        UnreadableScoreError: The document is broken, or Verovio cannot draw it.
    """
    if form not in MEDIA_TYPES:
        raise ScoreError(f"Expected one of the formats {', '.join(get_args(PictureFormat))}, got {form!r}.")
    measures = select_measures(score, first_measure, last_measure)
    chosen = select_parts(score, parts)
    is_xml = document.kind in ("musicxml", "mxl")
    drawn = with_all_staves(score, chosen) if is_xml else chosen
    _check_bars(len(measures), len(drawn), picture_limits)
    if is_xml:
        excerpt = excerpt_of_document(musicxml_of(document, score, limits), score, measures, chosen)
    else:
        excerpt = excerpt_of_columns(score, measures, chosen)
    page = engrave(excerpt, staves=len(drawn), title=score.title, composer=score.composer)
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
        instead = f"ask for {fewer} bars" if fewer else f"ask for {limits.max_picture_bars} parts"
        raise TooMuchScoreError(
            f"{bars} bars of {staves} staves are {bars * staves:,} for one picture, expected at most "
            f"{limits.max_picture_bars:,} (setting max_picture_bars): {instead} at a time, or for some of "
            f"the parts."
        )


def _zoom(page: Page, limits: PictureLimits) -> float:
    """Return the largest zoom up to 1 at which the picture is within its bounds."""
    zoom = min(
        1.0,
        math.sqrt(limits.max_picture_pixels / (page.width_px * page.height_px)),
        _LONGEST_SIDE_PX / max(page.width_px, page.height_px),
    )
    if zoom < _SMALLEST_ZOOM:
        raise TooMuchScoreError(
            f"The picture would have {page.width_px:,} by {page.height_px:,} pixels, expected at most "
            f"{limits.max_picture_pixels:,} in all (setting max_picture_pixels) and {_LONGEST_SIDE_PX:,} on "
            f"a side when it is drawn at half its size: ask for fewer bars or parts, or for svg."
        )
    return zoom
