"""Which beat may follow which, and how readily."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from music21_server.composition.imitation.pieces import REST, Beat, Cell, Event, Metre, Piece
from music21_server.score.table import Booleans, Integers
from music21_server.theory.pitch.names import Key

Floats = npt.NDArray[np.float64]

_MOST_FROM_ONE: Final = 120
"""Successors that are looked at for one beat, evenly spread over those there are."""

_LARGEST_LEAP: Final = 12
_NEW: Final = 1.0
_PER_SEMITONE: Final = 0.12
_PER_ENTRY: Final = 1.0
"""Costs (natural logarithms of odds) of a succession that is in no work: for itself, for each semitone that a
voice moves beyond a whole tone, and for each voice that is silent where it was not to be."""

_PERFECT: Final = (0, 7)

_RARE_PERCENT: Final = 1.0
"""Of the beats of a voice are lower, and as many higher, than its range."""


@dataclass(frozen=True)
class Beats:
    """All beats that there are to choose from, in one key.

    Attributes:
        metre: Of all.
        contents: What each has, transposed into the key.
        of: Index of the work that each comes from.
        at: Index of the beat in its work.
        place: In the bar, or in the phrase; from 0.
        places: How many places there are.
        is_first: Whether a work begins with it, pick-ups aside.
        is_last: Whether the last notes of a work begin in it.
        source: Of each succession, ordered by it.
        target: Of each succession.
        odds: Of each succession; 1 for those of the works.
    """

    metre: Metre
    contents: tuple[Beat, ...]
    of: Integers
    at: Integers
    place: Integers
    places: int
    is_first: Booleans
    is_last: Booleans
    source: Integers
    target: Integers
    odds: Floats


def joined(pieces: Sequence[Piece], key: Key, phrase_bars: int = 1) -> Beats:
    """Return the beats of works in one key, and what may follow what; works move by the smallest interval.

    Args:
        pieces: Of one metre, one mode and as many voices.
        key: Of that mode.
        phrase_bars: After how many bars a place comes again: more than one for melodies with regular phrases.
    """
    metre = pieces[0].metre
    contents: list[Beat] = []
    of, at, place, after = [], [], [], []
    is_first, is_last = [], []
    for number, piece in enumerate(pieces):
        begin = len(contents)
        moved = transposed(piece, key)
        contents += moved
        first = next((index for index, bar in enumerate(piece.bars) if bar >= 0), 0)
        for index in range(len(piece.beats)):
            of.append(number)
            at.append(index)
            place.append(piece.bars[index] % phrase_bars * metre.beats + piece.places[index])
            is_last.append(
                piece.has_end and index == len(piece.beats) - 1 and _bass(moved[-1]) == key.pitch_class
            )
            is_first.append(index == first and piece.places[index] == 0)
            has_next = index + 1 < len(piece.beats) and piece.follows[index + 1]
            after.append(begin + index + 1 if has_next else -1)
    is_usual = _in_range(contents)
    source, target, odds = _successions(contents, np.array(place), np.array(after), is_last)
    is_kept = is_usual[source] & is_usual[target]
    return Beats(
        metre=metre,
        contents=tuple(contents),
        of=np.array(of),
        at=np.array(at),
        place=np.array(place),
        places=metre.beats * phrase_bars,
        is_first=np.array(is_first) & is_usual,
        is_last=np.array(is_last) & is_usual,
        source=source[is_kept],
        target=target[is_kept],
        odds=odds[is_kept],
    )


def transposed(piece: Piece, key: Key) -> tuple[Beat, ...]:
    """Return the beats of a work in a key, moved by at most a tritone."""
    semitones = (key.pitch_class - piece.key.pitch_class + 6) % 12 - 6
    fifths = key.tonic_fifths - piece.key.tonic_fifths

    def moved(cell: Cell) -> Cell:
        return tuple(
            event
            if event.pitch == REST
            else Event(event.offset, event.pitch + semitones, event.fifths + fifths, event.is_held)
            for event in cell
        )

    return tuple(tuple(map(moved, beat)) for beat in piece.beats)


def _bass(beat: Beat) -> int:
    """Return the pitch class at the bottom of what sounds last in a beat; -1 for silence."""
    return _chord(
        [
            last[-1] if (last := [event.pitch for event in cell if event.pitch != REST]) else REST
            for cell in beat
        ]
    )[0]


def _in_range(contents: Sequence[Beat]) -> Booleans:
    """Return which beats have every voice where it nearly always is; works that moved far have others."""
    pitches = np.array(
        [
            [
                (min(found), max(found))
                if (found := [event.pitch for event in cell if event.pitch != REST])
                else (REST, REST)
                for cell in beat
            ]
            for beat in contents
        ],
        dtype=np.float64,
    )
    pitches[pitches == REST] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a voice that is silent throughout
        lowest = np.nanpercentile(pitches[:, :, 0], _RARE_PERCENT, axis=0)
        highest = np.nanpercentile(pitches[:, :, 1], 100 - _RARE_PERCENT, axis=0)
    return np.asarray(~((pitches[:, :, 0] < lowest) | (pitches[:, :, 1] > highest)).any(axis=1))


def _successions(
    contents: Sequence[Beat], place: Integers, after: Integers, is_last: Sequence[bool]
) -> tuple[Integers, Integers, Floats]:
    """Return from which beat to which one may go, and the odds."""
    starts = np.array([[cell[0].pitch for cell in beat] for beat in contents], dtype=np.int64)
    held = np.array([[cell[0].is_held for cell in beat] for beat in contents], dtype=np.bool_)
    ends = np.array([[cell[-1].pitch for cell in beat] for beat in contents], dtype=np.int64)
    groups: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    chords = [_chord(row) for row in starts.tolist()]
    for index, chord in enumerate(chords):
        groups[int(place[index]), *chord].append(index)
    source: list[Integers] = []
    target: list[Integers] = []
    for index in np.flatnonzero((after >= 0) & ~np.array(is_last)).tolist():
        following = int(after[index])
        candidates = groups[int(place[following]), *chords[following]]
        step = max(1, -(-len(candidates) // _MOST_FROM_ONE))
        chosen = candidates[::step]
        if following not in chosen:
            chosen = [*chosen, following]
        target.append(np.array(chosen))
        source.append(np.full(len(chosen), index))
    if not source:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    begin, end = np.concatenate(source), np.concatenate(target)
    is_own = after[begin] == end
    odds = np.where(
        is_own, 1.0, _odds(ends[begin], starts[end], held[end], starts[after[begin]], held[after[begin]])
    )
    allowed = odds > 0
    return begin[allowed], end[allowed], odds[allowed]


def _chord(pitches: list[int]) -> tuple[int, int]:
    """Return the pitch class in the bass, and the set of all as bits; -1 and 0 for silence."""
    sounding = [pitch for pitch in pitches if pitch != REST]
    if not sounding:
        return -1, 0
    bits = 0
    for pitch in sounding:
        bits |= 1 << pitch % 12
    return min(sounding) % 12, bits


def _odds(
    ends: Integers, starts: Integers, held: Booleans, own_starts: Integers, own_held: Booleans
) -> Floats:
    """Return the odds of successions, 0 for those that break the rules of part-writing.

    Args:
        ends: Last pitches before, successions by voices.
        starts: First pitches after.
        held: Whether those go on from before.
        own_starts: First pitches of what follows in the work itself.
        own_held: Likewise.
    """
    both = (ends != REST) & (starts != REST)
    motion = np.where(both, starts - ends, 0)
    breaks = (held & (starts != ends)) | (np.abs(motion) > _LARGEST_LEAP)
    forbidden = breaks.any(axis=1) | _parallels(ends, starts, motion, both)
    is_same = ((starts == own_starts) & (held == own_held)).all(axis=1)
    steps = np.maximum(np.abs(motion) - 2, 0).sum(axis=1)
    entries = ((starts == REST) != (own_starts == REST)).sum(axis=1)
    cost = np.where(is_same, 0.0, _NEW + _PER_SEMITONE * steps + _PER_ENTRY * entries)
    return np.where(forbidden & ~is_same, 0.0, np.exp(-cost))


def _parallels(ends: Integers, starts: Integers, motion: Integers, both: Booleans) -> Booleans:
    """Return whether two voices move in parallel fifths, octaves or unisons."""
    found = np.zeros(len(ends), dtype=np.bool_)
    for one, other in combinations(range(ends.shape[1]), 2):
        moves = both[:, one] & both[:, other] & (motion[:, one] * motion[:, other] > 0)
        before, after = (
            np.abs(ends[:, one] - ends[:, other]) % 12,
            np.abs(starts[:, one] - starts[:, other]) % 12,
        )
        for interval in _PERFECT:
            found |= moves & (before == interval) & (after == interval)
    return found
