"""Export of a score in any of the formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from music21_server.errors import ScoreError, TooMuchScoreError
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.writing.abc import write_abc
from music21_server.writing.lilypond import write_lilypond
from music21_server.writing.midi import write_midi
from music21_server.writing.musicxml import musicxml_of
from music21_server.writing.mxl import pack
from music21_server.writing.text import TextLimits, write_text

DocumentFormat = Literal["musicxml", "mxl", "midi", "abc", "lilypond", "text"]

MEDIA_TYPES: Final[dict[DocumentFormat, str]] = {
    "musicxml": "application/vnd.recordare.musicxml+xml",
    "mxl": "application/vnd.recordare.musicxml",
    "midi": "audio/midi",
    "abc": "text/vnd.abc; charset=utf-8",
    "lilypond": "text/x-lilypond; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}


_WRITERS: Final = {"midi": write_midi, "abc": write_abc, "lilypond": write_lilypond}

_ADVICE: Final = {
    MEDIA_TYPES["musicxml"]: ("MusicXML", "ask for mxl, which is the same document compressed"),
    MEDIA_TYPES["abc"]: ("ABC", "ask for fewer measures or parts"),
    MEDIA_TYPES["lilypond"]: ("LilyPond", "ask for fewer measures or parts"),
}
"""Name of each bounded format, and advice for an export that is too large."""


@dataclass(frozen=True)
class ExportLimits:
    """Limit of the text in one answer, with a setting of the same name.

    Encoding 100 MB blocks the server, not one of its workers, for a second; compressed MusicXML has a
    thirtieth of the size.

    Attributes:
        max_exported_text_bytes: Bytes of MusicXML, ABC or LilyPond.
    """

    max_exported_text_bytes: int = 4 * 1024**2

    def check(self, exported: Export) -> None:
        """Check the size of an export.

        Raises:
            TooMuchScoreError: The export is text and exceeds the limit.
        """
        size, most = len(exported.content), self.max_exported_text_bytes
        if exported.media_type in _ADVICE and size > most:
            name, advice = _ADVICE[exported.media_type]
            raise TooMuchScoreError(
                f"Expected at most {most:,} bytes of {name} (setting max_exported_text_bytes), got {size:,}: "
                f"{advice}."
            )


@dataclass(frozen=True)
class Export:
    """A score as a file.

    Attributes:
        content: The file.
        media_type: Media type of the file.
        remarks: Sentences about content of the score that the file lacks or changes.
    """

    content: bytes
    media_type: str
    remarks: tuple[str, ...] = ()


def export(
    document: Document,
    score: Score,
    form: DocumentFormat,
    limits: Limits,
    text_limits: TextLimits | None = None,
) -> Export:
    """Return a whole score in a format.

    Args:
        document: The imported document.
        score: The score read from it.
        form: The format.
        limits: Limits of the unpacked document.
        text_limits: Limits of a text; the default ones if None.

    Raises:
        ScoreError: There is no such format.
        UnreadableScoreError: The document is broken.
        TooMuchScoreError: The score exceeds a limit, or the capacity of the format.
    """
    if form not in MEDIA_TYPES:
        raise ScoreError(f"Expected one of the formats {', '.join(get_args(DocumentFormat))}, got {form!r}.")
    remarks: tuple[str, ...] = ()
    if form in _WRITERS:
        content, remarks = _WRITERS[form](score)
    elif form == "text":
        content = write_text(score, limits=text_limits or TextLimits()).encode()
    elif form == "mxl" and document.kind == "mxl":
        content = document.content
    elif form == "mxl":
        content = pack(musicxml_of(document, score, limits))
    else:
        content = musicxml_of(document, score, limits)
    return Export(content, MEDIA_TYPES[form], remarks)
