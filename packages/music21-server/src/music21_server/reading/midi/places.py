"""Notes in ticks, and their places in measures and quarter notes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from music21_server.reading.midi.measures import Measures
from music21_server.score.table import Integers


@dataclass(frozen=True)
class Place:
    """Places of times: measure, whole quarter notes in it, and ticks in the quarter note."""

    measure: Integers
    beat: Integers
    ticks: Integers


@dataclass(frozen=True)
class TickedNotes:
    """Notes with times in ticks.

    Attributes:
        start: Onsets.
        end: Ends.
        part: Index of the part of each note: each has its own divisions of a beat.
        measures: Measures.
        ticks_per_quarter: Ticks of a quarter note.
    """

    start: Integers
    end: Integers
    part: Integers
    measures: Measures
    ticks_per_quarter: int

    def places(self, ticks: Integers) -> Place:
        """Return the places of times."""
        measure = self.measures.at(ticks)
        beat, rest = np.divmod(ticks - self.measures.starts[measure], self.ticks_per_quarter)
        return Place(measure, beat, rest)
