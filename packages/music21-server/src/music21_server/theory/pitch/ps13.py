"""Spelling of pitches that are known only as keys of a keyboard: the algorithm ps13s1.

D. Meredith, *The ps13 pitch spelling algorithm*, Journal of New Music Research 35 (2006), 121-159: each note
gets the step that it most often has in the keys whose tonics are frequent around it. ps13s1 spelled 99.4 % of
195,972 notes of eight composers as written there.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from music21_server.score.table import STEP_SEMITONES, Integers
from music21_server.theory.pitch.names import FIFTHS_OF_STEPS

_BEFORE, _AFTER = 10, 42
"""Notes before a note and from it on that count as its context; the paper's best values for ps13s1."""

_STEPS_FROM_TONIC: Final = np.array([0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6], dtype=np.int64)
"""Step above the tonic of each semitone above it: minor second, …, augmented fourth, …, as in the harmonic
chromatic scale."""

_KEY_CENTRE: Final = 2
"""Mean place of a major key's scale on the line of fifths, from its signature: F to B is -1 to 5 in C."""

_WHOLE_SHIFT: Final = 12
"""Places on the line of fifths between enharmonic names, such as D flat and C sharp."""


def spell(keys: Integers, signature: Integers | None = None) -> tuple[Integers, Integers, Integers]:
    """Return the step, alteration in semitones and octave of each note.

    Args:
        keys: Keys in MIDI numbers (60 is middle C), in order of onset, then of pitch.
        signature: Sharps of the key signature at each note, negative for flats; None if none is known.

    Example::

        spell(np.array([61, 65, 68]), np.array([-5, -5, -5]))    # D flat, F, A flat
    """
    if not len(keys):
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty
    fifths = _line_of_fifths(keys)
    fifths += _WHOLE_SHIFT * _shift(fifths, signature)
    return _named(keys, fifths)


def _line_of_fifths(keys: Integers) -> Integers:
    """Return a place on the line of fifths for each note; all may be off by the same enharmonic change."""
    pitch_class = keys % 12
    counts = _context(pitch_class)
    first = int(pitch_class[0])
    tonics = np.arange(12)
    # Step of each possible tonic, seen from the step of the first note, which is 0.
    tonic_steps = (-_STEPS_FROM_TONIC[(first - tonics) % 12]) % 7
    steps = (_STEPS_FROM_TONIC[(pitch_class[:, None] - tonics) % 12] + tonic_steps) % 7
    strength = np.zeros((len(keys), 7), dtype=np.int64)
    rows = np.arange(len(keys))
    for tonic in tonics:
        strength[rows, steps[:, tonic]] += counts[:, tonic]
    step = strength.argmax(axis=1)
    # Interval from the first note, as steps and semitones, is one place on the line of fifths.
    semitones = (pitch_class - first) % 12
    alteration = (semitones - STEP_SEMITONES[step] + 6) % 12 - 6
    fifths: Integers = FIFTHS_OF_STEPS[step] + 7 * alteration + _natural_place(first)
    return fifths


def _natural_place(pitch_class: int) -> int:
    """Return the place of a pitch class between E flat and G sharp."""
    return (pitch_class * 7 + 3) % 12 - 3


def _context(pitch_class: Integers) -> Integers:
    """Return how often each pitch class occurs around each note: notes by 12."""
    occurs = np.zeros((len(pitch_class) + 1, 12), dtype=np.int32)
    occurs[np.arange(1, len(pitch_class) + 1), pitch_class] = 1
    total = occurs.cumsum(axis=0, dtype=np.int32)
    place = np.arange(len(pitch_class))
    counts: Integers = (
        total[np.minimum(place + _AFTER, len(pitch_class))] - total[np.maximum(place - _BEFORE, 0)]
    )
    return counts


def _shift(fifths: Integers, signature: Integers | None) -> Integers:
    """Return the enharmonic changes by which notes are off: the same number for all of one signature."""
    if signature is None:
        return np.full(len(fifths), _nearest(fifths.mean() - _KEY_CENTRE), dtype=np.int64)
    shift = np.zeros(len(fifths), dtype=np.int64)
    changes = np.flatnonzero(np.diff(signature, prepend=signature[0] - 1))
    for begin, end in zip(changes, [*changes[1:], len(fifths)], strict=True):
        centre = fifths[begin:end].mean() - _KEY_CENTRE - signature[begin]
        shift[begin:end] = _nearest(float(centre))
    return shift


def _nearest(excess: float) -> int:
    return -round(excess / _WHOLE_SHIFT)


def _named(keys: Integers, fifths: Integers) -> tuple[Integers, Integers, Integers]:
    """Return step, alteration and octave of keys with places on the line of fifths."""
    step = np.argsort(FIFTHS_OF_STEPS)[(fifths + 1) % 7]
    alteration = (fifths + 1) // 7
    natural = keys - alteration
    return step, alteration, natural // 12 - 1
