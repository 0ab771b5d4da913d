"""Measures of a score as pages of A4: engraved by Verovio, put into a PDF by Typst.

Lines stay lines and words stay words, in fonts of our own. Typst is a library that not everybody needs
(``music21-server[pdf]``). Both are given documents of strangers: call this in a process that may be killed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any, Final
from xml.sax.saxutils import escape

from music21_server.editing.editable_score import with_all_staves
from music21_server.errors import ScoreError, TooMuchScoreError, UnreadableScoreError
from music21_server.rendering.excerpt import excerpt_of_columns, excerpt_of_document
from music21_server.rendering.raster import in_own_fonts
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.writing.chord_symbols import printable
from music21_server.writing.musicxml import musicxml_of
from music21_server.writing.selection import select_measures, select_parts

MEDIA_TYPE: Final = "application/pdf"

_WIDTH, _HEIGHT = 2100, 2970
"""Of A4 in Verovio's unit, tenths of a millimetre at the usual size."""

_MARGIN: Final = 150
_MOST_MARGIN: Final = 500
"""That Verovio takes; of more it keeps to what it had. At the smallest size it is a centimetre."""

_LARGEST, _SMALLEST = 0.8, 0.2
"""Factors of Verovio's usual size, of which staves are 7 mm high."""

_SHRINK: Final = 0.95
"""Of what would just fit, so that the next attempt does."""

_ATTEMPTS: Final = 3

_MOST_STAVES: Final = 60
"""That have room one below the other at the smallest size."""

_HEAD_GAP, _HEAD_GAP_WITH_COMPOSER = 2.0, 8.0
"""Below the title, in Verovio's unit, which is half the space between lines of a staff."""

_TITLE: Final = re.compile(
    r'<g [^>]*class="pgHead.*?<tspan [^>]*x="(?P<middle>\d+)" y="(?P<baseline>\d+)"'
    r'.*?font-size="(?P<size>\d+)px".*?</text>',
    re.DOTALL,
)
"""Of the first page, as Verovio writes it."""

_COMPOSER_SIZE: Final = 0.7
"""Of that of the title."""

_LETTER: Final = 0.6
"""Width of a letter by its height, generously."""

_SVG_SIZE: Final = re.compile(r'<svg width="([0-9.]+)px" height="([0-9.]+)px"')

_TYPST: Final = """
#set document(title: sys.inputs.title, author: sys.inputs.composer, date: none)
#set page(paper: "a4", margin: 0pt)
#for index in range(int(sys.inputs.pages)) {
  if index > 0 { pagebreak() }
  image(bytes(sys.inputs.at(str(index))), format: "svg", width: 210mm)
}
"""


@dataclass(frozen=True)
class PdfLimits:
    """Bounds of one PDF; the setting has the same name.

    Attributes:
        max_pdf_bars: Bars times staves.
    """

    max_pdf_bars: int = 5_000


def render_pdf(
    document: Document,
    score: Score,
    first_measure: str | None = None,
    last_measure: str | None = None,
    parts: Sequence[str] | None = None,
    *,
    limits: Limits,
    pdf_limits: PdfLimits,
) -> bytes:
    """Return bars of a score as a PDF: title and composer on its first page and in its properties.

    Args:
        document: As it was imported.
        score: What was read from it.
        first_measure: Printed number of the first bar, or ``@12`` for the twelfth; None for the beginning.
        last_measure: Likewise of the last; None for the end.
        parts: Names, ids or places from 1; None for all. A part comes with all staves of its instrument.
        limits: How large the document may be, unpacked.
        pdf_limits: How much music may be drawn.

    Raises:
        ScoreError: There is no such bar or part, or Typst is not installed.
        TooMuchScoreError: It is too much for one PDF.
        UnreadableScoreError: The document is broken, or Verovio cannot draw it.
    """
    typst = _typst()
    measures, chosen = select_measures(score, first_measure, last_measure), select_parts(score, parts)
    is_xml = document.kind in ("musicxml", "mxl")
    drawn = with_all_staves(score, chosen) if is_xml else chosen
    _check(len(measures), len(drawn), pdf_limits)
    if is_xml:
        excerpt = excerpt_of_document(musicxml_of(document, score, limits), score, measures, chosen)
    else:
        excerpt = excerpt_of_columns(score, measures, chosen)
    pages = _pages(excerpt, len(drawn), printable(score.composer).strip())
    inputs = {str(index): in_own_fonts(page) for index, page in enumerate(pages)}
    facts = {"title": score.title, "composer": score.composer, "pages": str(len(pages))}
    with as_file(files("music21_server") / "data" / "fonts") as folder:
        return bytes(
            typst.compile(
                _TYPST.encode(),
                root=str(folder),
                font_paths=[str(folder)],
                ignore_system_fonts=True,
                format="pdf",
                sys_inputs=inputs | facts,
            )
        )


def _typst() -> Any:
    try:
        # Loaded here: only a PDF needs it, and it may not be there.
        import typst
    except ImportError as error:
        raise ScoreError(
            "Expected the library typst, which makes a PDF of pages, and it is not installed: install it on "
            "the server (pip install 'music21-server[pdf]'), or ask for svg or png, a few measures at a time."
        ) from error
    return typst


def _check(bars: int, staves: int, limits: PdfLimits) -> None:
    if staves > _MOST_STAVES:
        raise TooMuchScoreError(
            f"{staves} staves have no room on a page, expected at most {_MOST_STAVES}: ask for some of the "
            "parts."
        )
    if bars * staves > limits.max_pdf_bars:
        raise TooMuchScoreError(
            f"{bars} bars of {staves} staves are {bars * staves:,} for one PDF, expected at most "
            f"{limits.max_pdf_bars:,} (setting max_pdf_bars): ask for {limits.max_pdf_bars // staves} bars "
            "at a time, or for some of the parts."
        )


def _pages(musicxml: bytes, staves: int, composer: str) -> list[str]:
    """Return a document as pages of SVG, in the largest size at which systems fit on them."""
    # Loaded here: only pictures need it.
    import verovio

    verovio.enableLog(verovio.LOG_OFF)  # it would speak to standard error
    toolkit = verovio.toolkit()
    size = max(_SMALLEST, min(_LARGEST, _room(staves)))
    document = musicxml.decode()
    for _ in range(_ATTEMPTS):
        toolkit.setOptions(_options(size, _HEAD_GAP_WITH_COMPOSER if composer else _HEAD_GAP))
        toolkit.loadData(document)  # it says yes to anything; a new layout alone would have no title
        pages = [str(toolkit.renderToSVG(number)) for number in range(1, toolkit.getPageCount() + 1)]
        if not any(' class="measure"' in page for page in pages):
            raise UnreadableScoreError(
                "Expected bars that can be drawn, Verovio drew none: try others, or fewer parts."
            )
        overflow = max(map(_height_of_width, pages)) * _WIDTH / _HEIGHT
        if overflow <= 1:
            return [_with_composer(pages[0], composer), *pages[1:]] if composer else pages
        size *= _SHRINK / overflow
    raise TooMuchScoreError(
        f"{staves} staves with what stands between them have no room on a page: ask for some of the parts."
    )


def _room(staves: int) -> float:
    """Return the size at which staves with 20 mm for each fill a page."""
    return (_HEIGHT - 2 * _MARGIN) / (200 * staves)


def _options(size: float, head_gap: float) -> dict[str, Any]:
    margin = min(_MOST_MARGIN, round(_MARGIN / size))
    return {
        "inputFrom": "musicxml",
        "breaks": "auto",
        "scale": 100,
        "pageWidth": round(_WIDTH / size),
        "pageHeight": round(_HEIGHT / size),
        "adjustPageHeight": True,  # tells how high a system is that has no room
        "pageMarginLeft": margin,
        "pageMarginRight": margin,
        "pageMarginTop": margin,
        "pageMarginBottom": margin,
        "header": "auto",
        "bottomMarginHeader": head_gap,
        "footer": "none",
        "svgFormatRaw": True,
        "xmlIdChecksum": True,
    }


def _with_composer(page: str, composer: str) -> str:
    """Return the first page with the composer on the right below its title; Verovio leaves them out."""
    title = _TITLE.search(page)
    if title is None:
        return page  # without a title there is no head
    width = 2 * int(title["middle"])
    size = min(_COMPOSER_SIZE * int(title["size"]), width / (_LETTER * len(composer)))
    baseline = int(title["baseline"]) + 1.4 * _COMPOSER_SIZE * int(title["size"])
    words = (
        f'<text x="{width}" y="{baseline:.0f}" text-anchor="end" font-size="{size:.0f}px">'
        f"{escape(composer)}</text>"
    )
    return page[: title.end()] + words + page[title.end() :]


def _height_of_width(page: str) -> float:
    """Return how high a page is, measured by its width."""
    found = _SVG_SIZE.match(page)
    return float(found[2]) / float(found[1]) if found else 0.0
