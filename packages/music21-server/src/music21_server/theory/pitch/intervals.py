"""Names of intervals, and places of pitches on the staff and on the line of fifths.

Every spelled name has one place on the line of fifths (… F C G D A E B F# …), so the interval between two
names, octaves aside, is one subtraction: 0 for unisons and octaves, 1 for a perfect fifth upwards. A
diminished sixth, which only sounds like a fifth, is never 1. (Temperley, *The Cognition of Basic Musical
Structures*, 2001, chapter 5.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from music21_server.score.table import STEP_SEMITONES, Integers
from music21_server.theory.pitch.names import FIFTHS_OF_STEPS
from music21_server.theory.pitch.transposition import SpelledPitches

FIFTH: Final = 100
"""One fifth in the hundredths that `line_of_fifths` counts in; they give quarter tones a place too."""

_PERFECT: Final = (0, 3, 4)
_PERFECT_QUALITIES: Final = {-200: "dd", -100: "d", 0: "P", 100: "A", 200: "AA"}
_OTHER_QUALITIES: Final = {-300: "dd", -200: "d", -100: "m", 0: "M", 100: "A", 200: "AA"}


def line_of_fifths(pitches: SpelledPitches) -> Integers:
    """Return the place of each name on the line of fifths, in hundredths of a fifth above C."""
    return FIFTH * FIFTHS_OF_STEPS[pitches.step] + 7 * pitches.alter_cents


def staff_places(pitches: SpelledPitches) -> Integers:
    """Return the place of each pitch on the staff: steps above the C of octave 0, accidentals aside."""
    return pitches.octave * 7 + pitches.step


def qualities(steps: int) -> Mapping[int, str]:
    """Return the qualities of an interval by their distance in cents from the perfect or major one."""
    return _PERFECT_QUALITIES if steps % 7 in _PERFECT else _OTHER_QUALITIES


def interval_name(steps: int, cents: int) -> str:
    """Return an interval's name regardless of its direction, such as ``P5``, ``m10`` or ``A4``.

    Args:
        steps: Places on the staff from one pitch to the other.
        cents: Distance in cents, in the same direction.
    """
    if steps < 0 or (steps == 0 and cents < 0):
        steps, cents = -steps, -cents
    octaves, simple = divmod(steps, 7)
    off_cents = cents - int(STEP_SEMITONES[simple]) * 100 - octaves * 1200
    quality = qualities(simple).get(off_cents)
    # Microtones and triply altered intervals have no letter; they are named by their distance in cents from
    # the natural interval.
    return f"{quality}{steps + 1}" if quality is not None else f"{steps + 1}({off_cents:+d}c)"
