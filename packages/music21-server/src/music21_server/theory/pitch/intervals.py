"""Names of intervals, and places of pitches on the staff and on the line of fifths.

On the line of fifths (… F C G D A E B F# …) every spelled name has one place, so that the interval between
two names, octaves aside, is one subtraction: 0 for unisons and octaves, 1 for a perfect fifth upwards, and
never 1 for a diminished sixth, which only sounds like one. (Temperley, *The Cognition of Basic Musical
Structures*, 2001, chapter 5.)
"""

from __future__ import annotations

from typing import Final

import numpy as np

from music21_server.score.table import STEP_SEMITONES, Integers
from music21_server.theory.pitch.transposition import SpelledPitches

FIFTH: Final = 100
"""One fifth, in hundredths, as `line_of_fifths` counts: quarter tones have places too."""

_STEP_FIFTHS: Final = np.array([0, 2, 4, -1, 1, 3, 5], dtype=np.int64) * FIFTH
_PERFECT: Final = (0, 3, 4)
_PERFECT_QUALITIES: Final = {-200: "dd", -100: "d", 0: "P", 100: "A", 200: "AA"}
_OTHER_QUALITIES: Final = {-300: "dd", -200: "d", -100: "m", 0: "M", 100: "A", 200: "AA"}


def line_of_fifths(pitches: SpelledPitches) -> Integers:
    """Return the place of each name on the line of fifths, in hundredths of a fifth above C."""
    return _STEP_FIFTHS[pitches.step] + 7 * pitches.alter_cents


def staff_places(pitches: SpelledPitches) -> Integers:
    """Return the place of each pitch on the staff: steps above the C of octave 0, accidentals aside."""
    return pitches.octave * 7 + pitches.step


def interval_name(steps: int, cents: int) -> str:
    """Return an interval's name, whichever way it goes, such as ``P5``, ``m10`` or ``A4``.

    Args:
        steps: Places on the staff from one pitch to the other.
        cents: Distance in cents, of the same direction.
    """
    if steps < 0 or (steps == 0 and cents < 0):
        steps, cents = -steps, -cents
    octaves, simple = divmod(steps, 7)
    off_cents = cents - int(STEP_SEMITONES[simple]) * 100 - octaves * 1200
    quality = (_PERFECT_QUALITIES if simple in _PERFECT else _OTHER_QUALITIES).get(off_cents)
    # Microtones and triply altered intervals have no letter: the size is that of the natural interval and
    # more.
    return f"{quality}{steps + 1}" if quality is not None else f"{steps + 1}({off_cents:+d}c)"
