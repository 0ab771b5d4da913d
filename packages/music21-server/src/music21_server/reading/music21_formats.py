"""Reader of the formats that music21 parses: MEI and tiny notation."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Final

from music21_server.errors import ScoreError, UnreadableScoreError
from music21_server.reading.conversion_cost import Workload, check_workload
from music21_server.reading.mei_preparation import prepared
from music21_server.reading.mei_scan import mei_workload
from music21_server.reading.music21_score import columns_of
from music21_server.reading.tiny_scan import tiny_workload
from music21_server.reading.xml import as_utf8, root_tag
from music21_server.score.limits import Limits
from music21_server.score.table import Score

FORMATS: Final = {
    "mei": "mei",
    "tinynotation": "tinyNotation",
}
"""music21's names of our formats."""


def read_through_music21(source: bytes, kind: str, limits: Limits) -> Score:
    """Read a document in one of `FORMATS`.

    Args:
        source: The document.
        kind: A key of `FORMATS`.

    Raises:
        UnreadableScoreError: music21 cannot read the document.
        TooMuchScoreError: The score exceeds a limit.
    """
    limits.check("max_converted_bytes", len(source))
    document = _text(source, kind)
    workload = _workload(document, kind)
    limits.check("max_parts", workload.staves)
    limits.check("max_converted_notes", workload.notes)
    check_workload(workload, len(source), limits)
    remarks: tuple[str, ...] = ()
    if kind == "mei":
        mei = prepared(document.encode())
        document, remarks = mei.source.decode(), mei.remarks
    # Imported late: it takes a second, and most scores are MusicXML.
    from music21 import converter

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # music21 warns of oddities, but reads them
            parsed: Any = converter.parseData(document, format=FORMATS[kind])
            return replace(columns_of(_single_score(parsed), limits), remarks=remarks)
    except ScoreError:
        raise
    except Exception as error:  # music21 lets errors of any type escape
        cause = f"{type(error).__name__}: {error}"[:300]
        raise UnreadableScoreError(
            f"Expected {kind}, got something that music21 cannot read ({cause})."
        ) from error


def _single_score(parsed: Any) -> Any:
    """Return a music21 stream as one score."""
    from music21 import stream

    if "Score" in parsed.classes:
        return parsed
    score = stream.Score()
    score.insert(0, parsed)
    return score


def _workload(document: str, kind: str) -> Workload:
    """Return what music21 has to do; raise UnreadableScoreError for what it should not even try."""
    if kind == "mei":
        return mei_workload(document.encode())
    return tiny_workload(document)


def _text(source: bytes, kind: str) -> str:
    """Return the input for music21."""
    if kind == "mei":
        source = as_utf8(source)
        root_tag(source)
    return as_text(source)


def as_text(source: bytes) -> str:
    """Return the text of a document in UTF-8, or else in Latin-1."""
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError:
        return source.decode("latin-1")
