"""How much in a row is literally in one work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from music21_server.composition.imitation.pieces import REST, Beat, begun
from music21_server.composition.imitation.transitions import Beats

MOST_NOTES_PER_VOICE: Final = 8
MOST_NOTES_MORE: Final = 4
"""Notes of one work in a row that a result may have: so many for each voice, and so many more."""

Runs = Mapping[tuple[int, int], int]
"""How many notes in a row end alike with a beat of the works, by its index among all and by the semitones
from there to here: what is quoted in another key is quoted all the same."""

Shape = tuple[tuple[tuple[int, int | None, bool], ...], ...]
"""A beat without its height: of each event the offset, the semitones from the first pitch, and whether it is
held."""


@dataclass(frozen=True)
class Quotation:
    """The longest literal quotation, in any key; counted in whole beats of all voices together.

    Attributes:
        notes: How many; 0 without any.
        last: Index of its last beat in what was made.
        source: Index of its last beat among those of the works; -1 without any.
    """

    notes: int
    last: int
    source: int


def most_notes(voices: int) -> int:
    """Return how many notes of one work may come in a row."""
    return MOST_NOTES_PER_VOICE * voices + MOST_NOTES_MORE


class Quotations:
    """Finds what is quoted from works, beat by beat.

    Args:
        beats: Of all works.
    """

    def __init__(self, beats: Beats) -> None:
        shapes = [_shape(content) for content in beats.contents]
        self._found: dict[Shape, list[tuple[int, int]]] = defaultdict(list)
        for index, (shape, height) in enumerate(shapes):
            self._found[shape].append((index, height))
        # Whether a beat and the one before it are of one work.
        self._joins = [False, *(beats.of[1:] == beats.of[:-1]).tolist()]
        self._is_silent = [height == REST for _, height in shapes]

    def extended(self, runs: Runs, content: Beat) -> dict[tuple[int, int], int]:
        """Return the runs that end with another beat.

        Args:
            runs: Those that ended with the beat before it.
            content: The beat.
        """
        shape, height = _shape(content)
        if height == REST:
            return {
                (index + 1, shift): notes
                for (index, shift), notes in runs.items()
                if index + 1 < len(self._joins) and self._joins[index + 1] and self._is_silent[index + 1]
            }
        notes = begun(content)
        return {
            (index, height - own): notes
            + (runs.get((index - 1, height - own), 0) if self._joins[index] else 0)
            for index, own in self._found.get(shape, ())
        }

    def longest(self, contents: Sequence[Beat]) -> Quotation:
        """Return the longest quotation in a succession of beats."""
        best = Quotation(0, -1, -1)
        runs: Runs = {}
        for place, content in enumerate(contents):
            runs = self.extended(runs, content)
            for (index, _), notes in runs.items():
                if notes > best.notes:
                    best = Quotation(notes, place, index)
        return best


def _shape(beat: Beat) -> tuple[Shape, int]:
    """Return the shape of a beat and its first pitch, `REST` where it has none."""
    height = next((event.pitch for cell in beat for event in cell if event.pitch != REST), REST)
    return tuple(
        tuple(
            (event.offset, None if event.pitch == REST else event.pitch - height, event.is_held)
            for event in cell
        )
        for cell in beat
    ), height
