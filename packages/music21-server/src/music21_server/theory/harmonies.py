"""Which chords a score goes through: sonorities grouped into harmonies.

A sonority is not always a chord. Passing notes and suspensions make sonorities that are none, and an arpeggio
never sounds as a whole. So every sonority is compared with the chords below (triads and sevenths on every
root): notes that the chord has speak for it, notes that it lacks against it, in proportion to their number
and to the sonority's duration in beats; chord notes that do not sound speak against it a little, and a root
in the bass for it. A change of harmony costs, most off the beat. The series of chords that fits best at the
least cost (Viterbi) is taken. What does not pay for a change of its own is thereby merged into the harmony
before or after it, whichever it fits. The scores are in the spirit of Pardo and Birmingham, "Algorithms for
Chordal Analysis", *Computer Music Journal* 26 (2002).

What a harmony is called is what its whole chord is called: notes that do not sound are added, as thirds above
the root. A harmony is divided where its bass moves to another note of the chord for at least a beat, under a
whole triad and by no more than a sixth; a bass that leaps farther has gone on to be accompaniment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.notes import STEP_SEMITONES, Booleans, Integers, Score
from music21_server.theory.beats import Numbers
from music21_server.theory.local_keys import LocalKeys
from music21_server.theory.names import Name, name_at
from music21_server.theory.naming import Shape, closed
from music21_server.theory.positions import Clock
from music21_server.theory.shapes import LOWEST_FIFTHS, bass_rows, name_masks
from music21_server.theory.smoothing import smooth_path
from music21_server.theory.sonorities import Sonorities

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

_STATES: Final = tuple((root, name) for name in TEMPLATES for root in range(12))
_CHORDS: Final = np.array(
    [sum(1 << (root + each) % 12 for each in TEMPLATES[name]) for root, name in _STATES], dtype=np.int64
)
_TRIADS: Final = np.array(
    [sum(1 << (root + each) % 12 for each in TEMPLATES[name][:3]) for root, name in _STATES], dtype=np.int64
)
_ROOTS: Final = np.array([root for root, _ in _STATES], dtype=np.int64)
_FAMILIES: Final = np.array(
    [TEMPLATES[name][1] * 12 + TEMPLATES[name][2] for _, name in _STATES], dtype=np.int64
)
"""By third and fifth: a triad and its sevenths are one family."""

_FOREIGN: Final = 1.3
"""Against a chord, of a sounding note that it lacks; a note that it has counts 1 for it."""

_MISSING: Final = 0.5
"""Against a chord, of all its notes if none sounded."""

_ROOT_BASS: Final = 0.3
"""For a chord, if its root is the bass; half as much if it sounds elsewhere. Under three notes or more: a
note alone says nothing about roots, which keeps arpeggios together."""

_COST_BEAT, _COST_OFF_BEAT = 0.1, 0.2
"""Of a change of harmony, in beats that fit entirely. All of these were tried on the analyses of chorales by
Bach and madrigals by Monteverdi that music21 ships, half of them kept apart; near these values little depends
on them."""

_WIDEST_MOVE_CENTS: Final = 900
"""Of a bass that divides a harmony."""

_LONGEST_BEATS: Final = 4.0
"""A long sonority says no more than this about its harmony."""


@dataclass(frozen=True)
class Harmonies:
    """Harmonies in the order of time.

    Attributes:
        start: Ticks since the beginning of the score.
        end: Ticks where its last sonority ends.
        first: First sonority of each.
        shapes: The notes of the chord of each, above its bass.
        is_change: Whether each is another chord than the one before, sevenths and inversions aside.
    """

    start: Integers
    end: Integers
    first: Integers
    shapes: tuple[Shape, ...]
    is_change: Booleans

    def __len__(self) -> int:
        return len(self.start)


def harmonies_of(score: Score, found: Sonorities, keys: LocalKeys, clock: Clock) -> Harmonies:
    """Return the harmonies of a score.

    Args:
        score: All parts.
        found: Its sonorities, at least one.
        keys: Its local keys.
        clock: Of the score.
    """
    onset = found.start - score.measure_starts[found.measure]
    beat = np.array(clock.beat_ticks, dtype=np.int64)[found.measure]
    bass = bass_rows(found)
    bass_class = _pitch_classes(found.step[bass], found.alter_cents[bass])
    sounding = _class_masks(found)
    fit, which = _fit(sounding, bass_class)
    weight = np.minimum(found.duration / beat, _LONGEST_BEATS)
    cost = np.where(onset % beat == 0, _COST_BEAT, _COST_OFF_BEAT)
    path = smooth_path(fit, which, weight, cost)
    firsts, bass_of = _divided(found, path, bass, beat)
    return _described(found, path, firsts, bass_of, keys)


def _pitch_classes(step: Integers, alter_cents: Integers) -> Integers:
    return (STEP_SEMITONES[step] + alter_cents // 100) % 12


def _class_masks(found: Sonorities) -> Integers:
    bits = np.int64(1) << _pitch_classes(found.step, found.alter_cents)
    return np.bitwise_or.reduceat(bits, found.first[:-1])


def _fit(sounding: Integers, bass: Integers) -> tuple[Numbers, Integers]:
    """Return how well each chord fits each kind of sonority (1 is well), and the kind of each sonority."""
    distinct, inverse = np.unique(bass * _MASKS + sounding, return_inverse=True)
    masks, basses = distinct % _MASKS, distinct // _MASKS
    present = _count(masks)[:, np.newaxis]
    matching = _count(masks[:, np.newaxis] & _CHORDS)
    size = _count(_CHORDS)
    fit = (matching - _FOREIGN * (present - matching)) / present - _MISSING * (size - matching) / size
    has_root = (masks[:, np.newaxis] >> _ROOTS) & 1
    is_bass = basses[:, np.newaxis] == _ROOTS
    fit += _ROOT_BASS / 2 * (has_root + is_bass) * np.minimum(present - 1, 2) / 2
    return np.asarray(fit, dtype=np.float64), inverse


_MASKS: Final = 4096
"""Sets of pitch classes."""

_BITS: Final = np.array([mask.bit_count() for mask in range(_MASKS)], dtype=np.int64)


def _count(masks: Integers) -> Integers:
    return _BITS[masks]


def _divided(found: Sonorities, path: Integers, bass: Integers, beat: Integers) -> tuple[Integers, Integers]:
    """Return the first sonority of each harmony, and that with its bass (-1 without a chord note)."""
    bass_class = _pitch_classes(found.step[bass], found.alter_cents[bass])
    height = found.octave[bass] * 1200 + STEP_SEMITONES[found.step[bass]] * 100 + found.alter_cents[bass]
    is_chord_bass = ((_CHORDS[path] >> bass_class) & 1).astype(np.bool_)
    is_whole = (_class_masks(found) & _TRIADS[path]) == _TRIADS[path]
    is_run = np.concatenate([[True], np.diff(path) != 0])
    # A stretch has one chord note in the bass, and goes on over bass notes that are not in the chord.
    candidates = np.flatnonzero(is_chord_bass)
    moves = (np.diff(np.cumsum(is_run)[candidates]) != 0) | (np.diff(bass_class[candidates]) != 0)
    stretches = candidates[np.concatenate([[True], moves])[: len(candidates)]].tolist()
    run_lasts = np.append(np.flatnonzero(is_run)[1:], len(path)) - 1
    firsts: list[int] = []
    basses: list[int] = []
    at = 0
    for run, run_last in zip(np.flatnonzero(is_run).tolist(), run_lasts.tolist(), strict=True):
        firsts.append(run)
        basses.append(-1)
        while at < len(stretches) and stretches[at] <= run_last:
            here, before = stretches[at], basses[-1]
            at += 1
            if before < 0:
                basses[-1] = here
                continue
            until = stretches[at] if at < len(stretches) and stretches[at] <= run_last else run_last + 1
            lasts = int(found.start[until - 1] + found.duration[until - 1] - found.start[here])
            is_near = abs(int(height[here]) - int(height[before])) <= _WIDEST_MOVE_CENTS
            if is_near and is_whole[here] and bass_class[here] != bass_class[before] and lasts >= beat[here]:
                firsts.append(here)
                basses.append(here)
    return np.array(firsts, dtype=np.int64), np.array(basses, dtype=np.int64)


def _described(
    found: Sonorities, path: Integers, firsts: Integers, bass_of: Integers, keys: LocalKeys
) -> Harmonies:
    masks, _ = name_masks(found)
    merged = np.bitwise_or.reduceat(masks, firsts).tolist()
    lasts = np.append(firsts[1:], len(found)) - 1
    states = path[firsts]
    rows = bass_rows(found)[np.where(bass_of >= 0, bass_of, firsts)]
    basses = zip(found.step[rows].tolist(), found.alter_cents[rows].tolist(), strict=True)
    shapes = []
    for mask, state, bass, index in zip(
        merged, states.tolist(), basses, keys.index_at(found.start[firsts]).tolist(), strict=True
    ):
        names = _chord_names(mask, state, keys.keys[index].tonic_fifths + _MIDDLE)
        shapes.append(_shape(names, bass))
    same_root = (_ROOTS[states[1:]] == _ROOTS[states[:-1]]) & (
        _FAMILIES[states[1:]] == _FAMILIES[states[:-1]]
    )
    is_same = same_root | (_CHORDS[states[1:]] == _CHORDS[states[:-1]])
    return Harmonies(
        start=found.start[firsts],
        end=found.start[lasts] + found.duration[lasts],
        first=firsts,
        shapes=tuple(shapes),
        is_change=np.concatenate([[True], ~is_same]),
    )


_MIDDLE: Final = 2
"""The names of a major key lie around the second fifth above its tonic."""


def _chord_names(mask: int, state: int, centre: int) -> list[Name]:
    """Return the names of a chord's notes, the root first.

    Args:
        mask: Names that sound.
        state: The chord.
        centre: Place on the line of fifths; a note that sounds under two names has the one that is nearer to
            it.
    """
    heard: dict[int, int] = {}
    while mask:
        lowest = mask & -mask
        mask ^= lowest
        fifths = lowest.bit_length() - 1 + LOWEST_FIFTHS
        known = heard.get(fifths * 7 % 12)
        if known is None or abs(fifths - centre) < abs(known - centre):
            heard[fifths * 7 % 12] = fifths
    root_class, kind = _STATES[state]
    nearest = root_class * 7 % 12 + 12 * round((centre - root_class * 7 % 12) / 12)
    root = heard.get(root_class, nearest)
    return [
        name_at(heard.get((root_class + semitones) % 12, root + _FIFTHS_OF_SEMITONES[semitones]))
        for semitones in TEMPLATES[kind]
    ]


_FIFTHS_OF_SEMITONES: Final = {0: 0, 3: -3, 4: 4, 6: -6, 7: 1, 8: 8, 9: -9, 10: -2, 11: 5}
"""Thirds, fifths and sevenths on the line of fifths."""


def _shape(names: list[Name], bass: Name) -> Shape:
    """Return a chord's names above a bass; above the root where the bass is none of them."""
    low = bass if bass in names else names[0]
    return closed([(step, cents, 4 if (step, cents) == low else 6) for step, cents in names])
