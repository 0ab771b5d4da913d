"""The graph of beats: which beat may follow which, and with what odds."""

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
"""Largest number of successors examined for one beat, evenly spread over the candidates."""

_LARGEST_LEAP: Final = 12
_NEW_COST: Final = 1.0
_SEMITONE_COST: Final = 0.12
_ENTRY_COST: Final = 1.0
"""Costs, as negative natural logarithms of odds, of a succession that is in no work: a constant, the cost of
each semitone that a voice moves beyond a whole tone, and of each voice that starts or stops sounding unlike
in the work."""

_PERFECT_SEMITONES: Final = (0, 7)

_RARE_PERCENT: Final = 1.0
"""Percentage of beats below, and of beats above, the usual range of a voice."""


@dataclass(frozen=True)
class BeatGraph:
    """All beats to choose from, in one key, and the successions between them.

    Attributes:
        metre: Metre of all beats.
        contents: Content of each beat, transposed to the key.
        work: Index of the work of each beat.
        index: Index of each beat in its work.
        place: Place of each beat in the bar or phrase, from 0.
        places: Number of places.
        is_first: Whether a work begins with the beat, apart from pickups.
        is_last: Whether the last notes of a work begin in the beat.
        source: Beat before each succession; successions are sorted by it.
        target: Beat after each succession.
        odds: Odds of each succession; 1 for those of the works.
    """

    metre: Metre
    contents: tuple[Beat, ...]
    work: Integers
    index: Integers
    place: Integers
    places: int
    is_first: Booleans
    is_last: Booleans
    source: Integers
    target: Integers
    odds: Floats


def build_graph(pieces: Sequence[Piece], key: Key, phrase_bars: int = 1) -> BeatGraph:
    """Return the graph of the beats of works, which are transposed by the smallest interval.

    Args:
        pieces: Works with the same metre, mode and number of voices.
        key: Key in that mode.
        phrase_bars: Number of bars after which places repeat: more than one for melodies with regular
            phrases.
    """
    metre = pieces[0].metre
    contents: list[Beat] = []
    work, index_in_work, place, after = [], [], [], []
    is_first, is_last = [], []
    for number, piece in enumerate(pieces):
        begin = len(contents)
        transposed = transpose(piece, key)
        contents += transposed
        first = next((index for index, bar in enumerate(piece.bars) if bar >= 0), 0)
        for index in range(len(piece.beats)):
            work.append(number)
            index_in_work.append(index)
            place.append(piece.bars[index] % phrase_bars * metre.beats + piece.places[index])
            is_last.append(
                piece.has_end and index == len(piece.beats) - 1 and _bass(transposed[-1]) == key.pitch_class
            )
            is_first.append(index == first and piece.places[index] == 0)
            has_next = index + 1 < len(piece.beats) and piece.follows[index + 1]
            after.append(begin + index + 1 if has_next else -1)
    is_usual = _in_range(contents)
    source, target, odds = _successions(contents, np.array(place), np.array(after), is_last)
    is_kept = is_usual[source] & is_usual[target]
    return BeatGraph(
        metre=metre,
        contents=tuple(contents),
        work=np.array(work),
        index=np.array(index_in_work),
        place=np.array(place),
        places=metre.beats * phrase_bars,
        is_first=np.array(is_first) & is_usual,
        is_last=np.array(is_last) & is_usual,
        source=source[is_kept],
        target=target[is_kept],
        odds=odds[is_kept],
    )


def transpose(piece: Piece, key: Key) -> tuple[Beat, ...]:
    """Return the beats of a work in a key, transposed by at most a tritone."""
    semitones = (key.pitch_class - piece.key.pitch_class + 6) % 12 - 6
    fifths = key.tonic_fifths - piece.key.tonic_fifths

    def transpose_cell(cell: Cell) -> Cell:
        return tuple(
            event
            if event.pitch == REST
            else Event(event.offset, event.pitch + semitones, event.fifths + fifths, event.is_held)
            for event in cell
        )

    return tuple(tuple(map(transpose_cell, beat)) for beat in piece.beats)


def _bass(beat: Beat) -> int:
    """Return the pitch class of the lowest note at the end of a beat; -1 for silence."""
    return _chord(
        [
            last[-1] if (last := [event.pitch for event in cell if event.pitch != REST]) else REST
            for cell in beat
        ]
    )[0]


def _in_range(contents: Sequence[Beat]) -> Booleans:
    """Return which beats keep every voice in its usual range; transposed works may leave it."""
    pitches = np.array(
        [
            [
                (min(sounding), max(sounding))
                if (sounding := [event.pitch for event in cell if event.pitch != REST])
                else (REST, REST)
                for cell in beat
            ]
            for beat in contents
        ],
        dtype=np.float64,
    )
    pitches[pitches == REST] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nanpercentile of a voice that is always silent
        lowest = np.nanpercentile(pitches[:, :, 0], _RARE_PERCENT, axis=0)
        highest = np.nanpercentile(pitches[:, :, 1], 100 - _RARE_PERCENT, axis=0)
    return np.asarray(~((pitches[:, :, 0] < lowest) | (pitches[:, :, 1] > highest)).any(axis=1))


def _successions(
    contents: Sequence[Beat], place: Integers, after: Integers, is_last: Sequence[bool]
) -> tuple[Integers, Integers, Floats]:
    """Return source, target and odds of all successions."""
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
    """Return the pitch class of the bass and the set of all pitch classes as bits; -1 and 0 for silence."""
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
        ends: Last pitches of the beat before, successions by voices.
        starts: First pitches of the beat after.
        held: Whether those are held over.
        own_starts: First pitches of the beat that follows in the work itself.
        own_held: Whether those are held over.
    """
    both = (ends != REST) & (starts != REST)
    motion = np.where(both, starts - ends, 0)
    breaks = (held & (starts != ends)) | (np.abs(motion) > _LARGEST_LEAP)
    forbidden = breaks.any(axis=1) | _parallels(ends, starts, motion, both)
    is_same = ((starts == own_starts) & (held == own_held)).all(axis=1)
    steps = np.maximum(np.abs(motion) - 2, 0).sum(axis=1)
    entries = ((starts == REST) != (own_starts == REST)).sum(axis=1)
    cost = np.where(is_same, 0.0, _NEW_COST + _SEMITONE_COST * steps + _ENTRY_COST * entries)
    return np.where(forbidden & ~is_same, 0.0, np.exp(-cost))


def _parallels(ends: Integers, starts: Integers, motion: Integers, both: Booleans) -> Booleans:
    """Return which successions have parallel fifths, octaves or unisons."""
    is_parallel = np.zeros(len(ends), dtype=np.bool_)
    for one, other in combinations(range(ends.shape[1]), 2):
        moves = both[:, one] & both[:, other] & (motion[:, one] * motion[:, other] > 0)
        before, after = (
            np.abs(ends[:, one] - ends[:, other]) % 12,
            np.abs(starts[:, one] - starts[:, other]) % 12,
        )
        for interval in _PERFECT_SEMITONES:
            is_parallel |= moves & (before == interval) & (after == interval)
    return is_parallel
