"""Measures of a score as a PDF of A4 pages, engraved by Verovio and assembled by Typst.

The PDF has vector graphics and searchable text in the fonts of this package. Typst is an optional dependency
(``music21-server[pdf]``). Both libraries get untrusted documents: call this in a process that may be killed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any, Final
from xml.sax.saxutils import escape

from music21_server.errors import ScoreError, TooMuchScoreError
from music21_server.rendering.density import check_density
from music21_server.rendering.engraving import check_drawn, new_toolkit, svg_size
from music21_server.rendering.excerpt import drawn_parts, excerpt
from music21_server.rendering.raster import with_own_fonts
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.writing.chord_symbols import printable
from music21_server.writing.selection import select_measures, select_parts

MEDIA_TYPE: Final = "application/pdf"

_WIDTH, _HEIGHT = 2100, 2970
"""Size of A4 in Verovio's unit, a tenth of a millimetre at its default size."""

_MARGIN: Final = 150
_MAX_MARGIN: Final = 500
"""Largest margin that Verovio accepts; it ignores anything larger. At the smallest size it is 1 cm."""

_MAX_SIZE, _MIN_SIZE = 0.8, 0.2
"""Factors of Verovio's default size, at which staves are 7 mm high."""

_SHRINK: Final = 0.95
"""Factor on the size that would just fit, so that the next attempt does fit."""

_ATTEMPTS: Final = 3

_MAX_STAVES: Final = 60
"""Most staves that fit on a page at the smallest size."""

_HEAD_GAP, _HEAD_GAP_WITH_COMPOSER = 2.0, 8.0
"""Space below the title in Verovio's unit for it, half a staff space."""

_TITLE: Final = re.compile(
    r'<g [^>]*class="pgHead.*?<tspan [^>]*x="(?P<middle>\d+)" y="(?P<baseline>\d+)"'
    r'.*?font-size="(?P<size>\d+)px".*?</text>',
    re.DOTALL,
)
"""Title on the first page, as Verovio writes it."""

_COMPOSER_SIZE: Final = 0.7
"""Font size of the composer relative to the title."""

_CHARACTER_WIDTH: Final = 0.6
"""Generous width of a character relative to the font size."""

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
    """Limits on one PDF, as in the setting of the same name.

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
    """Return measures of a score as a PDF, with title and composer on its first page and in its metadata.

    Args:
        document: The imported document.
        score: The document as columns.
        first_measure: Printed number of the first bar, or ``@12`` for the twelfth; None for the beginning.
        last_measure: Number or position of the last bar; None for the end.
        parts: Names, ids or numbers from 1; None for all. All staves of an instrument are drawn.
        limits: Limits on the uncompressed document.
        pdf_limits: Limits on the PDF.

    Raises:
        ScoreError: There is no such bar or part, or Typst is not installed.
        TooMuchScoreError: The PDF would exceed a limit.
        UnreadableScoreError: The document is broken, or Verovio cannot draw it.
    """
    typst = _typst()
    measures, chosen = select_measures(score, first_measure, last_measure), select_parts(score, parts)
    drawn = drawn_parts(document, score, chosen)
    staves = len(drawn)
    _check(len(measures), staves, pdf_limits)
    check_density(score, measures, drawn)
    musicxml = excerpt(document, score, measures, chosen, limits)
    pages = _pages(musicxml, staves, printable(score.composer).strip())
    inputs = {str(index): with_own_fonts(page) for index, page in enumerate(pages)}
    metadata = {"title": score.title, "composer": score.composer, "pages": str(len(pages))}
    with as_file(files("music21_server") / "data" / "fonts") as folder:
        return bytes(
            typst.compile(
                _TYPST.encode(),
                root=str(folder),
                font_paths=[str(folder)],
                ignore_system_fonts=True,
                format="pdf",
                sys_inputs=inputs | metadata,
            )
        )


def _typst() -> Any:
    try:
        # Imported here: an optional dependency that only PDFs need.
        import typst
    except ImportError as error:
        raise ScoreError(
            "Expected the library typst for PDFs, got none installed: install it on the server (pip install "
            "'music21-server[pdf]'), or ask for svg or png, a few measures at a time."
        ) from error
    return typst


def _check(bars: int, staves: int, limits: PdfLimits) -> None:
    if staves > _MAX_STAVES:
        raise TooMuchScoreError(
            f"Expected at most {_MAX_STAVES} staves on a page, got {staves}: ask for fewer parts."
        )
    if bars * staves > limits.max_pdf_bars:
        raise TooMuchScoreError(
            f"Expected at most {limits.max_pdf_bars:,} bars times staves in one PDF (setting max_pdf_bars), "
            f"got {bars} bars of {staves} staves = {bars * staves:,}: ask for "
            f"{limits.max_pdf_bars // staves} bars at a time, or for fewer parts."
        )


def _pages(musicxml: bytes, staves: int, composer: str) -> list[str]:
    """Return a document as pages of SVG, at the largest size at which systems fit on a page."""
    toolkit = new_toolkit()
    size = max(_MIN_SIZE, min(_MAX_SIZE, _estimated_size(staves)))
    document = musicxml.decode()
    for _ in range(_ATTEMPTS):
        toolkit.setOptions(_options(size, _HEAD_GAP_WITH_COMPOSER if composer else _HEAD_GAP))
        toolkit.loadData(document)  # `redoLayout` alone would lose the title
        pages = [str(toolkit.renderToSVG(number)) for number in range(1, toolkit.getPageCount() + 1)]
        check_drawn(pages)
        overflow = max(map(_aspect_ratio, pages)) * _WIDTH / _HEIGHT
        if overflow <= 1:
            return [_with_composer(pages[0], composer), *pages[1:]] if composer else pages
        size *= _SHRINK / overflow
    raise TooMuchScoreError(
        f"Expected a system that fits on a page, got {staves} staves that are too high: ask for fewer parts."
    )


def _estimated_size(staves: int) -> float:
    """Return the size at which staves of 20 mm each fill a page."""
    return (_HEIGHT - 2 * _MARGIN) / (200 * staves)


def _options(size: float, head_gap: float) -> dict[str, Any]:
    margin = min(_MAX_MARGIN, round(_MARGIN / size))
    return {
        "inputFrom": "musicxml",
        "breaks": "auto",
        "scale": 100,
        "pageWidth": round(_WIDTH / size),
        "pageHeight": round(_HEIGHT / size),
        "adjustPageHeight": True,  # makes the page as high as a system that does not fit
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
    """Add the composer, whom Verovio leaves out, on the right below the title of the first page."""
    title = _TITLE.search(page)
    if title is None:
        return page  # without a title there is no page header
    width = 2 * int(title["middle"])
    size = min(_COMPOSER_SIZE * int(title["size"]), width / (_CHARACTER_WIDTH * len(composer)))
    baseline = int(title["baseline"]) + 1.4 * _COMPOSER_SIZE * int(title["size"])
    text = (
        f'<text x="{width}" y="{baseline:.0f}" text-anchor="end" font-size="{size:.0f}px">'
        f"{escape(composer)}</text>"
    )
    return page[: title.end()] + text + page[title.end() :]


def _aspect_ratio(page: str) -> float:
    """Return height divided by width of a page."""
    width, height = svg_size(page)
    return height / width if width else 0.0
