"""Finds the longest literal quotation from a work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from music21_server.composition.imitation.pieces import REST, Beat, count_attacks
from music21_server.composition.imitation.transitions import BeatGraph

MOST_NOTES_PER_VOICE: Final = 8
MOST_NOTES_MORE: Final = 4
"""Limit on successive notes from one work: a number for each voice plus a constant."""

Runs = Mapping[tuple[int, int], int]
"""Length in notes of each quotation that ends with the current beat, by the index of its last beat among the
works and by its transposition in semitones: a quotation in another key counts too."""

Shape = tuple[tuple[tuple[int, int | None, bool], ...], ...]
"""A beat without its absolute pitch: offset, semitones from the first pitch, and whether it is held, of each
event."""


@dataclass(frozen=True)
class Quotation:
    """The longest literal quotation, in any key; counted in whole beats of all voices together.

    Attributes:
        notes: Number of notes; 0 if nothing is quoted.
        last: Index of its last beat in the result; -1 if nothing is quoted.
        source: Index of its last beat among those of the works; -1 if nothing is quoted.
    """

    notes: int
    last: int
    source: int


def quotation_limit(voices: int) -> int:
    """Return the largest number of successive notes that may be quoted from one work."""
    return MOST_NOTES_PER_VOICE * voices + MOST_NOTES_MORE


class QuotationFinder:
    """Finds quotations from works, beat by beat.

    Args:
        graph: Beats of all works.
    """

    def __init__(self, graph: BeatGraph) -> None:
        shapes = [_shape(content) for content in graph.contents]
        self._beats_by_shape: dict[Shape, list[tuple[int, int]]] = defaultdict(list)
        for index, (shape, height) in enumerate(shapes):
            self._beats_by_shape[shape].append((index, height))
        # Whether a beat and the one before it belong to the same work.
        self._continues_work = [False, *(graph.work[1:] == graph.work[:-1]).tolist()]
        self._is_silent = [height == REST for _, height in shapes]

    def extend(self, runs: Runs, content: Beat) -> dict[tuple[int, int], int]:
        """Return the runs that end with another beat, given those that end with the beat before it."""
        shape, height = _shape(content)
        if height == REST:
            return {
                (index + 1, shift): notes
                for (index, shift), notes in runs.items()
                if index + 1 < len(self._continues_work)
                and self._continues_work[index + 1]
                and self._is_silent[index + 1]
            }
        notes = count_attacks(content)
        return {
            (index, height - own): notes
            + (runs.get((index - 1, height - own), 0) if self._continues_work[index] else 0)
            for index, own in self._beats_by_shape.get(shape, ())
        }

    def longest(self, contents: Sequence[Beat]) -> Quotation:
        """Return the longest quotation in successive beats."""
        best = Quotation(0, -1, -1)
        runs: Runs = {}
        for place, content in enumerate(contents):
            runs = self.extend(runs, content)
            for (index, _), notes in runs.items():
                if notes > best.notes:
                    best = Quotation(notes, place, index)
        return best


def _shape(beat: Beat) -> tuple[Shape, int]:
    """Return the shape of a beat and its first pitch, or `REST` if it is silent."""
    height = next((event.pitch for cell in beat for event in cell if event.pitch != REST), REST)
    return tuple(
        tuple(
            (event.offset, None if event.pitch == REST else event.pitch - height, event.is_held)
            for event in cell
        )
        for cell in beat
    ), height
