"""Which chord each sonority of a score belongs to.

A sonority is not always a chord. Passing notes and suspensions make sonorities that are none, and an arpeggio
never sounds as a whole. So every sonority is compared with the chords below (triads and sevenths on every
root): notes that the chord has speak for it, notes that it lacks against it, in proportion to their number
and to the sonority's duration in beats; a root in the bass speaks for it; chord notes that do not sound speak
against it a little, and so does a seventh unless it is a dominant one. A change of harmony costs, most off
the beat. The series of chords that fits best at the least cost (Viterbi) is taken. What does not pay for a
change of its own is thereby merged into the harmony before or after it, whichever it fits. The scores are in
the spirit of Pardo and Birmingham, "Algorithms for Chordal Analysis", *Computer Music Journal* 26 (2002).
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
"""Semitones above the root."""

STATES: Final = tuple((root, name) for name in TEMPLATES for root in range(12))
"""Root and name of each chord."""

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
"""By third and fifth: a triad and its sevenths are one family."""

_MAY_PASS: Final = np.array([len(TEMPLATES[name]) == 4 and name != "dominant seventh" for _, name in STATES])
"""Which chords have a seventh and are no dominant sevenths."""

_FOREIGN: Final = 1.15
"""Against a chord, of a sounding note that it lacks; a note that it has counts 1 for it. These and the
following were chosen on the works that `chord_odds` names; near these values little depends on them."""

_MISSING: Final = 0.3
"""Against a chord, of all its notes if none sounded."""

_ROOT_BASS: Final = 0.2
"""For a chord, if its root is the bass; half as much if it sounds elsewhere. Under three notes or more: a
note alone says nothing about roots, which keeps arpeggios together."""

_PASSING_SEVENTH: Final = 0.4
"""Against chords with a seventh that are no dominants: as a rule their seventh passes."""

_COST_BEAT, _COST_OFF_BEAT = 0.25, 0.35
"""Of a change of harmony, in beats that fit entirely."""

_LONGEST_BEATS: Final = 4.0
"""A long sonority says no more than this about its harmony."""


def chord_path(score: Score, found: Sonorities, clock: Clock) -> Integers:
    """Return the chord of each sonority, as an index into `STATES`.

    Args:
        score: All parts.
        found: Its sonorities.
        clock: Of the score.
    """
    if not len(found):
        return np.zeros(0, dtype=np.int64)
    onset = found.start - score.measure_starts[found.measure]
    beat = np.array(clock.beat_ticks, dtype=np.int64)[found.measure]
    bass = bass_rows(found)
    bass_class = pitch_classes(found.step[bass], found.alter_cents[bass])
    fit, which = _fit(class_masks(found), bass_class)
    cost = np.where(onset % beat == 0, _COST_BEAT, _COST_OFF_BEAT)
    return steadiest_path(fit, which, lengths(found, clock), cost)


def lengths(found: Sonorities, clock: Clock) -> Scores:
    """Return how long each sonority lasts, in beats, and very long ones not all of it."""
    beat = np.array(clock.beat_ticks, dtype=np.int64)[found.measure]
    return np.minimum(found.duration / beat, _LONGEST_BEATS)


def pitch_classes(step: Integers, alter_cents: Integers) -> Integers:
    """Return the pitch class of each pitch; quarter tones count as what is below them."""
    return (STEP_SEMITONES[step] + alter_cents // 100) % 12


def class_masks(found: Sonorities) -> Integers:
    """Return the pitch classes of each sonority as bits."""
    bits = np.int64(1) << pitch_classes(found.step, found.alter_cents)
    return np.bitwise_or.reduceat(bits, found.first[:-1])


def _fit(sounding: Integers, bass: Integers) -> tuple[Scores, Integers]:
    """Return how well each chord fits each kind of sonority (1 is well), and the kind of each sonority."""
    distinct, inverse = np.unique(bass * _MASKS + sounding, return_inverse=True)
    masks, basses = distinct % _MASKS, distinct // _MASKS
    present = _count(masks)[:, np.newaxis]
    matching = _count(masks[:, np.newaxis] & CHORDS)
    size = _count(CHORDS)
    fit = (matching - _FOREIGN * (present - matching)) / present - _MISSING * (size - matching) / size
    has_root = (masks[:, np.newaxis] >> ROOTS) & 1
    is_bass = basses[:, np.newaxis] == ROOTS
    fit += _ROOT_BASS / 2 * (has_root + is_bass) * np.minimum(present - 1, 2) / 2
    fit -= _PASSING_SEVENTH * _MAY_PASS
    return np.asarray(fit, dtype=np.float64), inverse


_MASKS: Final = 4096
"""Sets of pitch classes."""

_BITS: Final = np.array([mask.bit_count() for mask in range(_MASKS)], dtype=np.int64)


def _count(masks: Integers) -> Integers:
    return _BITS[masks]
