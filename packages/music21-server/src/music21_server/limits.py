"""How large a score may be."""

from __future__ import annotations

from dataclasses import dataclass

from music21_server.errors import TooMuchScore


@dataclass(frozen=True)
class Limits:
    """Bounds of one score; each has a setting of the same name.

    Attributes:
        max_source_bytes: Of the document, unpacked.
        max_notes: Notes and rests.
        max_measures: Bars of the longest part.
        max_parts: Staves.
    """

    max_source_bytes: int = 200_000_000
    max_notes: int = 2_000_000
    max_measures: int = 10_000
    max_parts: int = 400

    def check(self, name: str, came: int) -> None:
        """Refuse what is beyond a limit.

        Raises:
            TooMuchScore: It is.
        """
        most = getattr(self, name)
        if came > most:
            what = name.removeprefix("max_").replace("_", " ")
            raise TooMuchScore(
                f"The score has {came:,} {what}, expected at most {most:,} (setting {name}): send a part of it."
            )
