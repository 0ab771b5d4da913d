"""Harmonies: the chords of a score, each with the sonorities that belong to it.

Successive sonorities of one chord (`chord_path`) are one harmony. It is named after the whole chord; notes
that do not sound are added as thirds above the root. A harmony is divided where its bass moves to another
chord note by no more than a sixth and stays there for at least a beat while the whole triad sounds. A bass
that leaps farther has become an accompaniment figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.table import STEP_SEMITONES, Booleans, Integers
from music21_server.theory.chords.assignment import (
    CHORDS,
    FAMILIES,
    ROOTS,
    STATES,
    TEMPLATES,
    TRIADS,
    class_masks,
    pitch_classes,
)
from music21_server.theory.chords.closed_shapes import LOWEST_FIFTHS, bass_rows, name_masks
from music21_server.theory.chords.names import Shape, closed_shape
from music21_server.theory.chords.sonorities import Sonorities
from music21_server.theory.harmony.local_keys import LocalKeys
from music21_server.theory.pitch.names import Name, name_at
from music21_server.theory.time.positions import Clock

_WIDEST_MOVE_CENTS: Final = 900
"""Widest move of the bass that divides a harmony."""


@dataclass(frozen=True)
class Harmonies:
    """Harmonies in order of time.

    Attributes:
        start: Beginning of each, in ticks since the beginning of the score.
        end: End of its last sonority, likewise.
        shapes: Notes of its chord above its bass.
        is_change: Whether its chord differs from the one before by more than a seventh or an inversion.
    """

    start: Integers
    end: Integers
    shapes: tuple[Shape, ...]
    is_change: Booleans

    def __len__(self) -> int:
        return len(self.start)


def harmonies_of(sonorities: Sonorities, path: Integers, keys: LocalKeys, clock: Clock) -> Harmonies:
    """Return the harmonies of a score.

    Args:
        sonorities: At least one sonority.
        path: Chord of each sonority, from `chord_path`.
        keys: Local keys.
    """
    beat = np.array(clock.beat_ticks, dtype=np.int64)[sonorities.measure]
    firsts, bass_of = _divided(sonorities, path, bass_rows(sonorities), beat)
    return _build(sonorities, path, firsts, bass_of, keys)


def _divided(
    sonorities: Sonorities, path: Integers, bass: Integers, beat: Integers
) -> tuple[Integers, Integers]:
    """Return for each harmony its first sonority and the one with its bass (-1 without a chord note in the
    bass)."""
    bass_class = pitch_classes(sonorities.step[bass], sonorities.alter_cents[bass])
    height = (
        sonorities.octave[bass] * 1200
        + STEP_SEMITONES[sonorities.step[bass]] * 100
        + sonorities.alter_cents[bass]
    )
    is_chord_bass = ((CHORDS[path] >> bass_class) & 1).astype(np.bool_)
    is_whole = (class_masks(sonorities) & TRIADS[path]) == TRIADS[path]
    is_run = np.concatenate([[True], np.diff(path) != 0])
    # A stretch has one chord note in the bass, and continues over bass notes foreign to the chord.
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
            lasts = int(sonorities.start[until - 1] + sonorities.duration[until - 1] - sonorities.start[here])
            is_near = abs(int(height[here]) - int(height[before])) <= _WIDEST_MOVE_CENTS
            if is_near and is_whole[here] and bass_class[here] != bass_class[before] and lasts >= beat[here]:
                firsts.append(here)
                basses.append(here)
    return np.array(firsts, dtype=np.int64), np.array(basses, dtype=np.int64)


def _build(
    sonorities: Sonorities, path: Integers, firsts: Integers, bass_of: Integers, keys: LocalKeys
) -> Harmonies:
    masks, _ = name_masks(sonorities)
    merged = np.bitwise_or.reduceat(masks, firsts).tolist()
    lasts = np.append(firsts[1:], len(sonorities)) - 1
    states = path[firsts]
    rows = bass_rows(sonorities)[np.where(bass_of >= 0, bass_of, firsts)]
    basses = zip(sonorities.step[rows].tolist(), sonorities.alter_cents[rows].tolist(), strict=True)
    shapes = []
    for mask, state, bass, index in zip(
        merged, states.tolist(), basses, keys.index_at(sonorities.start[firsts]).tolist(), strict=True
    ):
        names = _chord_names(mask, state, keys.keys[index].tonic_fifths + _MIDDLE)
        shapes.append(_shape(names, bass))
    same_root = (ROOTS[states[1:]] == ROOTS[states[:-1]]) & (FAMILIES[states[1:]] == FAMILIES[states[:-1]])
    is_same = same_root | (CHORDS[states[1:]] == CHORDS[states[:-1]])
    return Harmonies(
        start=sonorities.start[firsts],
        end=sonorities.start[lasts] + sonorities.duration[lasts],
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
        centre: Place on the line of fifths; of two names for one note, the nearer one is taken.
    """
    heard: dict[int, int] = {}
    while mask:
        lowest = mask & -mask
        mask ^= lowest
        fifths = lowest.bit_length() - 1 + LOWEST_FIFTHS
        previous = heard.get(fifths * 7 % 12)
        if previous is None or abs(fifths - centre) < abs(previous - centre):
            heard[fifths * 7 % 12] = fifths
    root_class, kind = STATES[state]
    nearest = root_class * 7 % 12 + 12 * round((centre - root_class * 7 % 12) / 12)
    root = heard.get(root_class, nearest)
    return [
        name_at(heard.get((root_class + semitones) % 12, root + _FIFTHS_OF_SEMITONES[semitones]))
        for semitones in TEMPLATES[kind]
    ]


_FIFTHS_OF_SEMITONES: Final = {0: 0, 3: -3, 4: 4, 6: -6, 7: 1, 8: 8, 9: -9, 10: -2, 11: 5}
"""Place of thirds, fifths and sevenths on the line of fifths, by semitones."""


def _shape(names: list[Name], bass: Name) -> Shape:
    """Return a chord's shape above a bass, or above its root if the bass is not a chord note."""
    low = bass if bass in names else names[0]
    return closed_shape([(step, cents, 4 if (step, cents) == low else 6) for step, cents in names])
