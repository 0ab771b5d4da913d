"""Assignment of each sonority of a score to a chord.

Not every sonority is a chord: passing notes and suspensions make sonorities that are not, and an arpeggio
never sounds as a whole. Every sonority is therefore scored against triads and seventh chords on every root. A
note of the chord counts for it and a foreign note against it, each in proportion to the number of notes and
to the sonority's duration in beats. A root in the bass counts for the chord; missing chord notes count
against it a little, and so does any seventh but a dominant one. Changes of harmony have a cost, which is
higher off the beat. Viterbi's algorithm finds the best series of chords, so a sonority that is not worth a
change of its own merges into the harmony before or after it. The scores are in the spirit of Pardo and
Birmingham, "Algorithms for Chordal Analysis", *Computer Music Journal* 26 (2002).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from music21_server.score.table import STEP_SEMITONES, Integers, Score
from music21_server.theory.algorithms.viterbi import Scores, steadiest_path
from music21_server.theory.chords.closed_shapes import bass_rows
from music21_server.theory.chords.sonorities import Sonorities
from music21_server.theory.time.positions import Clock

TEMPLATES: Final = {
    "major triad": (0, 4, 7),
    "minor triad": (0, 3, 7),
    "diminished triad": (0, 3, 6),
    "augmented triad": (0, 4, 8),
    "dominant seventh": (0, 4, 7, 10),
    "minor seventh": (0, 3, 7, 10),
    "half-diminished seventh": (0, 3, 6, 10),
    "diminished seventh": (0, 3, 6, 9),
    "major seventh": (0, 4, 7, 11),
}
"""Semitones above the root of each kind of chord."""

STATES: Final = tuple((root, name) for name in TEMPLATES for root in range(12))
"""Root and kind of each chord."""

CHORDS: Final = np.array(
    [sum(1 << (root + each) % 12 for each in TEMPLATES[name]) for root, name in STATES], dtype=np.int64
)
TRIADS: Final = np.array(
    [sum(1 << (root + each) % 12 for each in TEMPLATES[name][:3]) for root, name in STATES], dtype=np.int64
)
ROOTS: Final = np.array([root for root, _ in STATES], dtype=np.int64)
FAMILIES: Final = np.array(
    [TEMPLATES[name][1] * 12 + TEMPLATES[name][2] for _, name in STATES], dtype=np.int64
)
"""Third and fifth of each chord as one number: a triad and its seventh chords are one family."""

_IS_NONDOMINANT_SEVENTH: Final = np.array(
    [len(TEMPLATES[name]) == 4 and name != "dominant seventh" for _, name in STATES]
)
"""Whether each chord has a seventh and is not a dominant seventh."""

_FOREIGN_PENALTY: Final = 1.15
"""Penalty for a sounding note foreign to the chord, where a chord note counts 1. This and the constants below
were tuned on the works named in `chord_probabilities`; small changes make little difference."""

_MISSING_PENALTY: Final = 0.3
"""Penalty if no chord note sounded, in proportion to the notes that are missing."""

_ROOT_BONUS: Final = 0.2
"""Bonus for a root in the bass, half as much elsewhere, under three notes or more. A single note says nothing
about roots; without this rule arpeggios would fall apart."""

_SEVENTH_PENALTY: Final = 0.4
"""Penalty for nondominant sevenths, which are usually passing notes."""

_COST_BEAT, _COST_OFF_BEAT = 0.25, 0.35
"""Cost of a change of harmony, in beats of a perfect fit."""

_LONGEST_BEATS: Final = 4.0
"""Most beats that count of a long sonority."""


def chord_path(score: Score, sonorities: Sonorities, clock: Clock) -> Integers:
    """Return the chord of each sonority, as an index into `STATES`."""
    if not len(sonorities):
        return np.zeros(0, dtype=np.int64)
    onset = sonorities.start - score.measure_starts[sonorities.measure]
    beat = np.array(clock.beat_ticks, dtype=np.int64)[sonorities.measure]
    bass = bass_rows(sonorities)
    bass_class = pitch_classes(sonorities.step[bass], sonorities.alter_cents[bass])
    fit, kind = _fit(class_masks(sonorities), bass_class)
    cost = np.where(onset % beat == 0, _COST_BEAT, _COST_OFF_BEAT)
    return steadiest_path(fit, kind, lengths(sonorities, clock), cost)


def lengths(sonorities: Sonorities, clock: Clock) -> Scores:
    """Return the duration of each sonority in beats, limited to `_LONGEST_BEATS`."""
    beat = np.array(clock.beat_ticks, dtype=np.int64)[sonorities.measure]
    return np.minimum(sonorities.duration / beat, _LONGEST_BEATS)


def pitch_classes(step: Integers, alter_cents: Integers) -> Integers:
    """Return the pitch class of each pitch; quarter tones are rounded down."""
    return (STEP_SEMITONES[step] + alter_cents // 100) % 12


def class_masks(sonorities: Sonorities) -> Integers:
    """Return the pitch classes of each sonority as a bit mask."""
    bits = np.int64(1) << pitch_classes(sonorities.step, sonorities.alter_cents)
    return np.bitwise_or.reduceat(bits, sonorities.first[:-1])


def _fit(sounding: Integers, bass: Integers) -> tuple[Scores, Integers]:
    """Return how well each chord fits each distinct sonority (1 is perfect), and the index of each sonority's
    row."""
    distinct, inverse = np.unique(bass * _MASKS + sounding, return_inverse=True)
    masks, basses = distinct % _MASKS, distinct // _MASKS
    present = _count(masks)[:, np.newaxis]
    matching = _count(masks[:, np.newaxis] & CHORDS)
    size = _count(CHORDS)
    fit = (matching - _FOREIGN_PENALTY * (present - matching)) / present - _MISSING_PENALTY * (
        size - matching
    ) / size
    has_root = (masks[:, np.newaxis] >> ROOTS) & 1
    is_bass = basses[:, np.newaxis] == ROOTS
    fit += _ROOT_BONUS / 2 * (has_root + is_bass) * np.minimum(present - 1, 2) / 2
    fit -= _SEVENTH_PENALTY * _IS_NONDOMINANT_SEVENTH
    return np.asarray(fit, dtype=np.float64), inverse


_MASKS: Final = 4096
"""Number of sets of pitch classes."""

_BITS: Final = np.array([mask.bit_count() for mask in range(_MASKS)], dtype=np.int64)


def _count(masks: Integers) -> Integers:
    return _BITS[masks]
