"""A score in the format that somebody asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from music21_server.errors import ScoreError, TooMuchScoreError
from music21_server.limits import Limits
from music21_server.notes import Score
from music21_server.reading.sources import Document
from music21_server.writing.midi import write_midi
from music21_server.writing.musicxml import musicxml_of
from music21_server.writing.mxl import pack
from music21_server.writing.text import TextLimits, write_text

ExportFormat = Literal["musicxml", "mxl", "midi", "text"]

MEDIA_TYPES: Final[dict[ExportFormat, str]] = {
    "musicxml": "application/vnd.recordare.musicxml+xml",
    "mxl": "application/vnd.recordare.musicxml",
    "midi": "audio/midi",
    "text": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class XmlLimits:
    """How much MusicXML goes into one answer.

    To encode a hundred megabytes takes the server, and not one of its workers, a second in which it answers
    nobody; compressed, the same document is a thirtieth of that.

    Attributes:
        max_exported_xml_bytes: Bytes of text.
    """

    max_exported_xml_bytes: int = 4 * 1024**2

    def check(self, made: Export) -> None:
        """Check an export.

        Raises:
            TooMuchScoreError: It is MusicXML, and too much of it.
        """
        size, most = len(made.content), self.max_exported_xml_bytes
        if made.media_type == MEDIA_TYPES["musicxml"] and size > most:
            raise TooMuchScoreError(
                f"The MusicXML has {size:,} bytes, expected at most {most:,} "
                "(setting max_exported_xml_bytes): ask for mxl, which is the same document compressed."
            )


@dataclass(frozen=True)
class Export:
    """A score as a file.

    Attributes:
        content: The file.
        media_type: Its type on the internet.
        remarks: What of the score is not in it as written, in sentences.
    """

    content: bytes
    media_type: str
    remarks: tuple[str, ...] = ()


def export(
    document: Document,
    score: Score,
    form: ExportFormat,
    limits: Limits,
    text_limits: TextLimits | None = None,
) -> Export:
    """Return a whole score in a format.

    Args:
        document: As it was imported.
        score: What was read from it.
        form: One of `ExportFormat`.
        limits: How large the document may be, unpacked.
        text_limits: How much text may be written; the usual ones by default.

    Raises:
        ScoreError: There is no such format.
        UnreadableScoreError: The document is broken.
        TooMuchScoreError: Something is beyond a limit, or beyond what the format has room for.
    """
    if form not in MEDIA_TYPES:
        raise ScoreError(f"Expected one of the formats {', '.join(get_args(ExportFormat))}, got {form!r}.")
    remarks: tuple[str, ...] = ()
    if form == "midi":
        midi = write_midi(score)
        content, remarks = midi.content, midi.remarks
    elif form == "text":
        content = write_text(score, limits=text_limits or TextLimits()).encode()
    elif form == "mxl" and document.kind == "mxl":
        content = document.content
    elif form == "mxl":
        content = pack(musicxml_of(document, score, limits))
    else:
        content = musicxml_of(document, score, limits)
    return Export(content, MEDIA_TYPES[form], remarks)
