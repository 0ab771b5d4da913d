"""How large a score may be."""

from __future__ import annotations

from dataclasses import dataclass

from music21_server.errors import TooMuchScoreError


@dataclass(frozen=True)
class Limits:
    """Bounds of one score; each has a setting of the same name.

    Attributes:
        max_source_bytes: Of the document, unpacked.
        max_notes: Notes and rests.
        max_measures: Bars of the longest part.
        max_parts: Staves.
        max_converted_bytes: Of a document that is read through music21, which is everything but MusicXML. It
            has a limit of its own because music21 takes some 200 microseconds for a note, 20 times as long
            as the reader of MusicXML: a megabyte takes it half a minute.
        max_converted_notes: Of a MIDI file, counted before music21 sees it, for the same reason.
    """

    max_source_bytes: int = 200_000_000
    max_notes: int = 2_000_000
    max_measures: int = 10_000
    max_parts: int = 400
    max_converted_bytes: int = 1_000_000
    max_converted_notes: int = 50_000

    def check(self, name: str, came: int) -> None:
        """Refuse what is beyond a limit.

        Raises:
            TooMuchScoreError: It is.
        """
        most = getattr(self, name)
        if came > most:
            what = name.removeprefix("max_").replace("_", " ")
            raise TooMuchScoreError(
                f"The score has {came:,} {what}, expected at most {most:,} (setting {name}): send a part of "
                "it."
            )
