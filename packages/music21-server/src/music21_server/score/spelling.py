"""Names of pitches."""

from __future__ import annotations

from music21_server.score.table import STEPS

_HALF = {0: "", 50: "~", -50: "`"}
"""Signs of music21 for a quarter tone up and down."""


def pitch_name(step: int, alter_cents: int, octave: int) -> str:
    """Return a pitch as music21 writes it: ``F#4``, ``B-3``, ``C~5`` (a quarter tone up).

    Args:
        step: Index into `table.STEPS`.
        alter_cents: Alteration; a rest that is not a quarter tone is given in cents, as in ``C4(+14c)``.
        octave: Octave number; 4 begins with middle C.
    """
    semitones = round(alter_cents / 100) if alter_cents % 100 != 50 else int(alter_cents / 100)
    rest = alter_cents - 100 * semitones
    sign = ("#" if semitones > 0 else "-") * abs(semitones)
    if rest in _HALF:
        return f"{STEPS[step]}{sign}{_HALF[rest]}{octave}"
    return f"{STEPS[step]}{sign}{octave}({rest:+d}c)"
