"""Moves of voices, and voices that move together.

A voice moves when a note of another pitch follows its last one without a rest; a repeated note is not a move.
Voices that make at least `RUN` successive moves at the same times in unison or octaves double each other. Two
instruments that play one line are not two voices, so their octaves are not parallels (Aldwell, Schachter &
Cadwallader, *Harmony and Voice Leading*, on doubling and parallel octaves).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.table import Booleans, Integers
from music21_server.theory.algorithms.pairs import pairs_within
from music21_server.theory.algorithms.rolling_hash import Hashes, WindowHashes, mix
from music21_server.theory.melody.lines import Lines

RUN: Final = 4
"""Fewest moves in unison or octaves that make a doubling: five notes."""


@dataclass(frozen=True)
class Moves:
    """Moves in order of line and time.

    Attributes:
        note: Index of the note that is reached; the note before it in the `Lines` is left.
        line: Index of the line.
        time: Ticks since the beginning of the score.
        leader: Index of the first move, and so of the first line, among those that move together; a move's
            own index if it is alone.
    """

    note: Integers
    line: Integers
    time: Integers
    leader: Integers

    @property
    def leads(self) -> Booleans:
        """Whether each move is the first of those that move together."""
        leads: Booleans = self.leader == np.arange(len(self.leader))
        return leads


@dataclass(frozen=True)
class DoubledPairs:
    """Pairs of lines that double each other anywhere, those with the most moves first.

    Attributes:
        first: Index of the line that is first in the score.
        second: Index of the other line.
        moves: Number of moves that they make together.
        time: Beginning of the first doubling, in ticks since the beginning of the score.
    """

    first: Integers
    second: Integers
    moves: Integers
    time: Integers


def moves_of(lines: Lines) -> Moves:
    """Return the moves of all lines."""
    changes = lines.follows.copy()
    changes[1:] &= lines.cents[1:] != lines.cents[:-1]
    note = np.flatnonzero(changes)
    line, time = lines.line[note], lines.start[note]
    like = mix(mix(mix(time) ^ _unsigned(lines.fifths[note - 1])) ^ _unsigned(lines.fifths[note]))
    return Moves(note, line, time, _leaders(like, line))


def doubled_pairs(moves: Moves) -> DoubledPairs:
    """Return the pairs of lines that double each other, with the extent of it."""
    size = np.bincount(moves.leader, minlength=len(moves.leader))
    together = np.flatnonzero(size[moves.leader] > 1)
    together = together[np.argsort(moves.leader[together], kind="stable")]
    leader, line = moves.leader[together], moves.line[together]
    # Doublings last, so the same sets of lines recur; each set is expanded once.
    heads = np.flatnonzero(np.diff(leader, prepend=-1) != 0)
    sets = np.add.reduceat(mix(line), heads) if len(heads) else np.zeros(0, dtype=np.uint64)
    _, chosen, inverse, count = np.unique(sets, return_index=True, return_inverse=True, return_counts=True)
    time = np.full(len(chosen), np.iinfo(np.int64).max)
    np.minimum.at(time, inverse, moves.time[leader[heads]])
    sizes = np.diff(np.append(heads, len(leader)))[chosen]
    of_set = np.repeat(np.arange(len(chosen)), sizes)
    member = (
        np.repeat(heads[chosen], sizes) + np.arange(len(of_set)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    )
    lines_of_sets = line[member]
    tally = _Tally(int(moves.line.max(initial=0)) + 1)
    for earlier, later in pairs_within(of_set):
        which = of_set[earlier]
        tally.add(lines_of_sets[earlier], lines_of_sets[later], count[which], time[which])
    return tally.pairs()


class _Tally:
    """Sums over pairs of lines."""

    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._code = np.zeros(0, dtype=np.int64)
        self._moves = np.zeros(0, dtype=np.int64)
        self._time = np.zeros(0, dtype=np.int64)

    def add(self, first: Integers, second: Integers, moves: Integers, time: Integers) -> None:
        codes = np.concatenate([self._code, first * self._lines + second])
        self._code, inverse = np.unique(codes, return_inverse=True)
        sums = np.zeros(len(self._code), dtype=np.int64)
        np.add.at(sums, inverse, np.concatenate([self._moves, moves]))
        earliest = np.full(len(self._code), np.iinfo(np.int64).max)
        np.minimum.at(earliest, inverse, np.concatenate([self._time, time]))
        self._moves, self._time = sums, earliest

    def pairs(self) -> DoubledPairs:
        # Two lines that only meet through a third may move together too, but for fewer moves than a doubling.
        order = np.argsort(-self._moves, kind="stable")
        order = order[self._moves[order] >= RUN]
        first, second = np.divmod(self._code[order], self._lines)
        return DoubledPairs(first, second, self._moves[order], self._time[order])


def _leaders(like: Hashes, line: Integers) -> Integers:
    """Return for each move the first one that it moves together with.

    Moves go together if they are alike (same time, same names) and have the same place in a run of alike
    moves of their lines, and also if each goes together with a third.

    Args:
        like: Hash that moves at the same time between the same names share.
        line: Line of each move.
    """
    leader = np.arange(len(line))
    begins = np.flatnonzero(line[RUN - 1 :] == line[: max(0, len(line) - RUN + 1)])
    hashes = WindowHashes(like).forward(RUN)[begins]
    _, group, count = np.unique(hashes, return_inverse=True, return_counts=True)
    shared = count[group] > 1
    begins = begins[shared]
    _, group = np.unique(group[shared], return_inverse=True)
    groups = int(group.max(initial=-1)) + 1
    # The smallest index spreads through windows that share a move until nothing changes; chains of lines
    # that take over a doubling from each other are short.
    while True:
        before = leader.copy()
        for offset in range(RUN):
            members = begins + offset
            least = np.full(groups, len(line))
            np.minimum.at(least, group, leader[members])
            np.minimum.at(leader, members, least[group])
        if (leader == before).all():
            return leader


def _unsigned(values: Integers) -> Hashes:
    return values.astype(np.uint64)
