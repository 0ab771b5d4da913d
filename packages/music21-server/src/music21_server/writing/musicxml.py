"""The MusicXML of a document: as it came, or written from the columns."""

from __future__ import annotations

from music21_server.reading.mxl_archive import unpack
from music21_server.reading.timewise import as_partwise
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.writing.musicxml_writer import write_musicxml


def musicxml_of(document: Document, score: Score, limits: Limits) -> bytes:
    """Return a document as MusicXML.

    Partwise MusicXML is returned byte for byte as it came, of MXL the document inside; timewise is made
    partwise, and other formats are written from the columns.

    Args:
        document: As it was imported.
        score: What was read from it.
        limits: How large the document may be, unpacked.

    Raises:
        UnreadableScoreError: The archive is broken.
        TooMuchScoreError: The document is beyond a limit.
    """
    if document.kind == "musicxml":
        return as_partwise(document.content, limits)
    if document.kind == "mxl":
        return as_partwise(unpack(document.content, limits), limits)
    return write_musicxml(score)
