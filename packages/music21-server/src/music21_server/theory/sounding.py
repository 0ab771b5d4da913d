"""Pitches as they sound: transposing instruments read other notes than are heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from music21_server.notes import STEP_SEMITONES, Integers, Score


@dataclass(frozen=True)
class SpelledPitches:
    """Spelled pitches, one per row of a table.

    Attributes:
        step: Index of the step in `notes.STEPS`.
        alter_cents: Alteration; 100 is a sharp.
        octave: 4 begins with middle C.
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
    """Return the pitches as they sound, spelled at the distance of the instrument's interval."""
    table = score.notes
    step, alter_cents, octave = table.step.copy(), table.alter_cents.copy(), table.octave.copy()
    written_cents = table.written_cents
    for index, part in enumerate(score.parts):
        ends = [each.measure for each in part.transpositions[1:]] + [len(score.measure_ticks)]
        for transposition, end in zip(part.transpositions, ends, strict=True):
            if transposition.chromatic == 0 and transposition.diatonic == 0:
                continue
            rows = (table.part == index) & (table.measure >= transposition.measure) & (table.measure < end)
            octaves, step[rows] = np.divmod(table.step[rows] + transposition.diatonic, 7)
            octave[rows] = table.octave[rows] + octaves
            natural_cents = ((octave[rows] + 1) * 12 + STEP_SEMITONES[step[rows]]) * 100
            alter_cents[rows] = written_cents[rows] + transposition.chromatic * 100 - natural_cents
    return SpelledPitches(step, alter_cents, octave)
