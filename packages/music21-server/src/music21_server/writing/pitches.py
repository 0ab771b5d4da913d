"""Respelling of pitches for formats without triple accidentals."""

from __future__ import annotations

from music21_server.score.table import STEP_SEMITONES, STEPS

_MOST_CENTS = 200
"""Alteration of a double sharp or flat."""


def within_double_accidentals(step: int, alter_cents: int, octave: int) -> tuple[int, int, int]:
    """Return step, alteration and octave of the same pitch with at most a double accidental.

    Args:
        step: Index in `table.STEPS`.
        alter_cents: Alteration.
        octave: Octave; 4 begins with middle C.
    """
    while abs(alter_cents) > _MOST_CENTS:
        direction = 1 if alter_cents > 0 else -1
        before = octave * 12 + int(STEP_SEMITONES[step])
        carried, step = divmod(step + direction, len(STEPS))
        octave += carried
        alter_cents += 100 * (before - octave * 12 - int(STEP_SEMITONES[step]))
    return step, alter_cents, octave
