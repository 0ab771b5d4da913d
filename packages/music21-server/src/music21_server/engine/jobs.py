"""Jobs of the worker processes: plain values and bytes in, plain values and bytes out."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from music21_server.engine import analyses
from music21_server.engine.analyses import Answer
from music21_server.engine.pages import Rows
from music21_server.errors import ScoreError, UnreadableScoreError
from music21_server.reading import formats
from music21_server.reading.ingest import DerivedScore, stored_entry
from music21_server.reading.locations import from_corpus, from_folder
from music21_server.rendering.pdf import MEDIA_TYPE as PDF
from music21_server.rendering.pdf import PdfLimits, render_pdf
from music21_server.rendering.picture import Picture, PictureFormat, PictureLimits, render
from music21_server.score import codec
from music21_server.score.document import SUFFIXES, Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.workers.progress import report
from music21_server.writing.exports import MEDIA_TYPES, DocumentFormat, Export, ExportLimits
from music21_server.writing.exports import export as write
from music21_server.writing.selection import excerpt as some_of
from music21_server.writing.text import TextLimits, write_text

SourceType = Literal["auto", "corpus", "file", "text", "content"]


@dataclass(frozen=True)
class Source:
    """A source to import.

    Attributes:
        text: Name in the corpus, path of a file, notes, or a document; binary documents in base64.
        kind: Kind of source; ``auto`` recognises it by the text.
        folders: Folders below which files may be imported.
    """

    text: str
    kind: SourceType
    folders: tuple[Path, ...] = ()


def read(source: Source, limits: Limits) -> Entry:
    """Read a score.

    Raises:
        ScoreError: The source cannot be read.
    """
    report(0, 3, "looking for the source")
    document = _document(source, limits)
    report(1, 3, f"reading {document.kind}")
    score = formats.read(document, limits)
    report(2, 3, "storing")
    return stored_entry(document, score)


def _document(source: Source, limits: Limits) -> Document:
    if source.kind == "corpus":
        return from_corpus(source.text)
    if source.kind == "file":
        return from_folder(source.text, source.folders, limits)
    if source.kind in ("text", "content"):
        return formats.recognise(source.text.encode())
    return _recognised(source, limits)


_LONGEST_NAME: Final = 300
_PATH: Final = re.compile(r"[\w.-]+(/[\w.-]+)+")
"""Path of a work in the corpus, or of a file."""


def _recognised(source: Source, limits: Limits) -> Document:
    """Return the likeliest document: a short name is looked up, anything else is parsed."""
    text = source.text.strip()
    if len(text) <= _LONGEST_NAME and _PATH.fullmatch(text):
        if source.folders and Path(text).suffix.lower() in SUFFIXES:
            return from_folder(text, source.folders, limits)
        return from_corpus(text)
    try:
        return formats.recognise(source.text.encode())
    except UnreadableScoreError:
        if len(text) <= _LONGEST_NAME and "\n" not in text:
            return from_corpus(text)
        raise


def analyse(name: str, columns: bytes, arguments: Mapping[str, Any]) -> Answer:
    """Analyse a score.

    Args:
        name: One of `analyses.ANALYSES`.
        columns: Columns from `codec.encode`.
        arguments: Keyword arguments of the analysis.

    Raises:
        ScoreError: The analysis rejects the score or the arguments.
    """
    report(0, 2, "loading the score")
    score = _decoded(columns)
    report(1, 2, f"analysing {len(score.parts)} parts of {len(score.measure_ticks)} measures")
    return analyses.answer(name, score, arguments)


@dataclass(frozen=True)
class Excerpt:
    """A selection from a score.

    Attributes:
        first_measure: Number of the first bar, as printed; None for the beginning.
        last_measure: Number of the last bar, as printed; None for the end.
        parts: Names, ids or numbers of parts from 1; None for all.
    """

    first_measure: str | None = None
    last_measure: str | None = None
    parts: tuple[str, ...] | None = None


WHOLE: Final = Excerpt()


@dataclass(frozen=True)
class Bounds:
    """Limits on input and output.

    Attributes:
        score: Limits of one score.
        text: Limits of a score as text.
        picture: Limits of a picture.
        export: Limits of a score as a document.
        pdf: Limits of a PDF.
    """

    score: Limits = field(default_factory=Limits)
    text: TextLimits = field(default_factory=TextLimits)
    picture: PictureLimits = field(default_factory=PictureLimits)
    export: ExportLimits = field(default_factory=ExportLimits)
    pdf: PdfLimits = field(default_factory=PdfLimits)


ExportFormat = Literal[DocumentFormat, PictureFormat, "pdf"]

_WHOLE_DOCUMENTS: Final = ("musicxml", "mxl")
"""Formats in which a score is exported as it was imported."""


def export(entry: Entry, form: ExportFormat, excerpt: Excerpt, bounds: Bounds) -> Export:
    """Return a score, or an excerpt, in a format.

    Raises:
        ScoreError: The format is unknown, it does not allow excerpts, or the result is too large.
    """
    if form == "svg" or form == "png":  # noqa: PLR1714 - narrows the type
        picture = draw(entry, form, excerpt, bounds)
        return Export(picture.content, picture.media_type)
    report(0, 2, "loading the score")
    score = _decoded(entry.columns)
    report(1, 2, f"writing {form}")
    selection = (excerpt.first_measure, excerpt.last_measure, excerpt.parts)
    if form == "pdf":
        content = render_pdf(entry.document(), score, *selection, limits=bounds.score, pdf_limits=bounds.pdf)
        return Export(content, PDF)
    if form == "text":
        return Export(write_text(score, *selection, limits=bounds.text).encode(), MEDIA_TYPES["text"])
    if form in _WHOLE_DOCUMENTS:
        if excerpt != WHOLE:
            raise ScoreError(
                f"Expected no measures and no parts with the format {form}, which is exported whole: leave "
                "them out, or cut the score first (score_slice, extract_part) and export that."
            )
        result = write(entry.document(), score, form, bounds.score)
    else:
        result = write(entry.document(), some_of(score, *selection), form, bounds.score)
    bounds.export.check(result)
    return result


def draw(entry: Entry, form: PictureFormat, excerpt: Excerpt, bounds: Bounds) -> Picture:
    """Return an excerpt of a score as a picture.

    Raises:
        ScoreError: The excerpt does not exist, or it is too large for one picture.
    """
    return render(
        entry.document(), _decoded(entry.columns), excerpt.first_measure, excerpt.last_measure, excerpt.parts,
        form=form, limits=bounds.score, picture_limits=bounds.picture,
    )  # fmt: skip


RESULTS: Final = (Entry, Answer, Rows, Export, Picture, DerivedScore)
"""Dataclasses that results of functions in worker processes hold."""


@functools.lru_cache(maxsize=2)
def _decoded(columns: bytes) -> Score:
    """Return a decoded score; cached, because analyses of one score often follow each other."""
    return codec.decode(columns)
