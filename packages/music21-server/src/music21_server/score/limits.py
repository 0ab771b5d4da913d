"""Limits on the size of a score."""

from __future__ import annotations

from dataclasses import dataclass

from music21_server.errors import TooMuchScoreError


@dataclass(frozen=True)
class Limits:
    """Limits of one score; each has a setting of the same name.

    Attributes:
        max_source_bytes: Size of the document, unpacked.
        max_notes: Notes and rests.
        max_measures: Bars of the longest part.
        max_parts: Staves.
        max_converted_bytes: Size of a document that is read through music21, which is every format but
            MusicXML. It has a lower limit because music21 takes about 200 microseconds per note, 20 times as
            long as the MusicXML reader: half a minute for a megabyte.
        max_converted_notes: Notes and rests of such a document, counted before music21 reads it, for the same
            reason.
        conversion_timeout_s: Time that music21 may take for such a document of 50 kB or more; the smallest
            have a third of it. What would take longer is refused before, by an estimate from its notes,
            measures, staves and marks.
    """

    max_source_bytes: int = 200_000_000
    max_notes: int = 2_000_000
    max_measures: int = 10_000
    max_parts: int = 400
    max_converted_bytes: int = 1_000_000
    max_converted_notes: int = 50_000
    conversion_timeout_s: float = 30.0

    def check(self, name: str, count: int) -> None:
        """Raise `TooMuchScoreError` if `count` exceeds the limit `name`."""
        limit = getattr(self, name)
        if count > limit:
            unit = name.removeprefix("max_").replace("_", " ")
            raise TooMuchScoreError(
                f"Expected a score of at most {limit:,} {unit} (setting {name}), got {count:,}: send a part "
                "of it."
            )
