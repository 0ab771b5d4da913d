"""MusicXML of a document: the original, or written from the columns."""

from __future__ import annotations

from music21_server.reading.mxl_archive import unpack
from music21_server.reading.timewise import as_partwise
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.writing.musicxml_writer import write_musicxml


def musicxml_of(document: Document, score: Score, limits: Limits) -> bytes:
    """Return a document as MusicXML.

    Partwise MusicXML, unpacked from MXL if necessary, is returned byte for byte as imported; timewise
    MusicXML is converted to partwise, and other formats are written from the columns.

    Args:
        document: The imported document.
        score: The score read from it.
        limits: Limits of the unpacked document.

    Raises:
        UnreadableScoreError: The archive is broken.
        TooMuchScoreError: The document exceeds a limit.
    """
    if document.kind == "musicxml":
        return as_partwise(document.content, limits)
    if document.kind == "mxl":
        return as_partwise(unpack(document.content, limits), limits)
    return write_musicxml(score)
