"""Written and sounding pitches; transposing instruments sound at another pitch than they read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from music21_server.score.table import NOTE, STEP_SEMITONES, Integers, Score


@dataclass(frozen=True)
class SpelledPitches:
    """Spelled pitches, one per row of a note table.

    Attributes:
        step: Index into `table.STEPS`.
        alter_cents: Alteration; 100 is a sharp.
        octave: Octave number; 4 begins with middle C.
    """

    step: Integers
    alter_cents: Integers
    octave: Integers

    @property
    def cents(self) -> Integers:
        """Height in cents above the C of octave -1."""
        return ((self.octave + 1) * 12 + STEP_SEMITONES[self.step]) * 100 + self.alter_cents


def written_pitches(score: Score) -> SpelledPitches:
    """Return the pitches as written."""
    table = score.notes
    return SpelledPitches(table.step, table.alter_cents, table.octave)


def sounding_pitches(score: Score) -> SpelledPitches:
    """Return the pitches as they sound, spelled at the interval of each transposing instrument.

    Unpitched notes and rests keep their place on the staff.
    """
    diatonic, chromatic = _intervals(score)
    if not diatonic.any() and not chromatic.any():
        return written_pitches(score)
    table = score.notes
    octaves, step = np.divmod(table.step + diatonic, 7)
    octave = table.octave + octaves
    natural_cents = ((octave + 1) * 12 + STEP_SEMITONES[step]) * 100
    return SpelledPitches(step, table.written_cents + chromatic * 100 - natural_cents, octave)


def _intervals(score: Score) -> tuple[Integers, Integers]:
    """Return the steps and semitones from written to sounding pitch for each row."""
    table = score.notes
    diatonic, chromatic = np.zeros((2, len(table)), dtype=np.int64)
    # Rows are ordered by part, so that each part is a slice.
    begins = np.searchsorted(table.part, np.arange(len(score.parts) + 1))
    for index, part in enumerate(score.parts):
        if part.transpositions:
            rows = slice(begins[index], begins[index + 1])
            measures = [each.measure for each in part.transpositions]
            current = np.searchsorted(measures, table.measure[rows], side="right")
            # Before its first transposition a part sounds as written.
            diatonic[rows] = np.array([0, *(each.diatonic for each in part.transpositions)])[current]
            chromatic[rows] = np.array([0, *(each.chromatic for each in part.transpositions)])[current]
    is_pitched = table.kind == NOTE
    return diatonic * is_pitched, chromatic * is_pitched
