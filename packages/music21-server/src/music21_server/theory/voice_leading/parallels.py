"""Parallel and direct fifths and octaves, and leaps.

Parallels: two voices move at the same time from one perfect fifth (octave, unison) to another; compound
intervals count as simple ones. They are parallel if both move in the same direction, otherwise by contrary
motion. Fifths are recognised by their names: neither a diminished sixth nor a diminished fifth is one, and
two voices that exchange the notes of a fifth do not make parallels.

Direct (hidden) fifths and octaves: both voices move in the same direction into a perfect fifth or an octave
(or unison) from an interval of another size (Kostka & Payne, *Tonal Harmony*; Fux, *Gradus ad Parnassum*,
1725).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from music21_server.score.table import Booleans, Integers
from music21_server.theory.algorithms.pairs import pairs_within
from music21_server.theory.melody.lines import Lines
from music21_server.theory.pitch.intervals import FIFTH
from music21_server.theory.voice_leading.motions import Moves
from music21_server.theory.voice_leading.occurrences import NO_NOTE, HitCollector, Hits, Kind

DirectPairs = Literal["outer", "all"]
"""Pairs for direct fifths and octaves: the outer voices where the upper one leaps, or all pairs."""


def parallels(lines: Lines, moves: Moves, most: int) -> list[Hits]:
    """Return parallels of all pairs of voices; voices that move together count once.

    Args:
        moves: Moves of these lines.
        most: Most of each kind to keep; all are counted.
    """
    kinds: tuple[Kind, ...] = (
        "parallel fifths",
        "parallel octaves",
        "parallel unisons",
        "fifths by contrary motion",
        "octaves by contrary motion",
    )
    collectors = {kind: HitCollector(kind, most) for kind in kinds}
    notes = moves.note[moves.leads]
    # Voices that keep a perfect interval, octaves aside, move equally on the line of fifths.
    notes, group = _grouped(lines, notes, lines.fifths[notes] - lines.fifths[notes - 1])
    for one, other in pairs_within(group):
        pair = _Pair(lines, notes[one], notes[other])
        octaves, fifths, together = pair.is_octave(0), pair.is_fifth(0) & pair.is_fifth(1), pair.is_similar
        unisons = octaves & together & (pair.size_cents(0) == 0) & (pair.size_cents(1) == 0)
        for kind, chosen in zip(
            kinds,
            (
                fifths & together,
                octaves & together & ~unisons,
                unisons,
                fifths & ~together,
                octaves & ~together,
            ),
            strict=True,
        ):
            collectors[kind].add(pair.columns, chosen)
    return [collector.hits() for collector in collectors.values()]


def direct_intervals(lines: Lines, moves: Moves, pairs: DirectPairs, most: int) -> list[Hits]:
    """Return direct fifths and octaves.

    Args:
        moves: Moves of these lines.
        pairs: Pairs of voices to compare.
        most: Most of each kind to keep; all are counted.
    """
    collectors = {kind: HitCollector(kind, most) for kind in _DIRECT}
    if pairs == "outer":
        upper, lower = _outer(lines, moves.note)
        _add_direct(collectors, _Pair(lines, upper, lower), leaps_only=True)
    else:
        notes = moves.note[moves.leads]
        notes, group = _grouped(lines, notes, np.zeros(len(notes), dtype=np.int64))
        for one, other in pairs_within(group):
            _add_direct(collectors, _Pair(lines, notes[one], notes[other]), leaps_only=False)
    return [collector.hits() for collector in collectors.values()]


def leaps(lines: Lines, moves: Moves, most: int) -> list[Hits]:
    """Return leaps that are hard to sing: beyond an octave, of a seventh, and augmented ones.

    Args:
        moves: Moves of these lines.
        most: Most of each kind to keep; all are counted.
    """
    note = moves.note[np.argsort(moves.time, kind="stable")]
    cents = lines.cents[note] - lines.cents[note - 1]
    places = lines.place[note] - lines.place[note - 1]
    up = np.sign(np.where(places == 0, cents, places))
    beyond = np.abs(cents) > 1200
    seventh = (np.abs(places) == 6) & ~beyond
    # An augmented interval spans at least six fifths to the sharp side; a chromatic semitone is not a leap.
    augmented = (np.abs(places) >= 1) & ((lines.fifths[note] - lines.fifths[note - 1]) * up >= 6 * FIFTH)
    none = np.full(len(note), NO_NOTE)
    columns = (lines.start[note], note - 1, note, none, none, np.zeros(len(note), dtype=np.int64))
    kinds: tuple[tuple[Kind, Booleans], ...] = (
        ("leap beyond an octave", beyond),
        ("leap of a seventh", seventh),
        ("augmented leap", augmented & ~beyond & ~seventh),
    )
    all_hits = []
    for kind, chosen in kinds:
        collector = HitCollector(kind, most)
        collector.add(columns, chosen)
        all_hits.append(collector.hits())
    return all_hits


_DIRECT: tuple[Kind, ...] = ("direct fifth", "direct octave")


def _add_direct(collectors: dict[Kind, HitCollector], pair: _Pair, *, leaps_only: bool) -> None:
    # Motion from an interval of the same size in steps, such as a diminished fifth, is not direct.
    chosen = pair.is_similar & ~pair.is_size_kept
    if leaps_only:
        chosen &= pair.upper_leaps
    collectors["direct fifth"].add(pair.columns, chosen & pair.is_fifth(1))
    collectors["direct octave"].add(pair.columns, chosen & pair.is_octave(1))


class _Pair:
    """Two voices, each moving from a note to the next; `upper` is the one that is above afterwards."""

    def __init__(self, lines: Lines, one: Integers, other: Integers) -> None:
        self._lines = lines
        swapped = lines.cents[one] < lines.cents[other]
        self._upper, self._lower = np.where(swapped, other, one), np.where(swapped, one, other)

    @property
    def columns(self) -> tuple[Integers, ...]:
        """Columns of `Hits`."""
        upper, lower = self._upper, self._lower
        zeros = np.zeros(len(upper), dtype=np.int64)
        return self._lines.start[upper], upper - 1, upper, lower - 1, lower, zeros

    def size_cents(self, at: int) -> Integers:
        """Return the distance of the upper voice above the lower one, before (0) or after (1)."""
        cents = self._lines.cents
        size: Integers = cents[self._upper + at - 1] - cents[self._lower + at - 1]
        return size

    def _size_fifths(self, at: int) -> Integers:
        fifths = self._lines.fifths
        size: Integers = fifths[self._upper + at - 1] - fifths[self._lower + at - 1]
        return size

    def is_octave(self, at: int) -> Booleans:
        """Return whether the interval is a unison, an octave or a multiple."""
        is_octave: Booleans = self._size_fifths(at) == 0
        return is_octave

    def is_fifth(self, at: int) -> Booleans:
        """Return whether the interval is a perfect fifth, simple or compound."""
        size = self._size_fifths(at)
        is_fifth: Booleans = (np.abs(size) == FIFTH) & ((size > 0) == (self.size_cents(at) > 0))
        return is_fifth

    @property
    def is_similar(self) -> Booleans:
        """Whether both voices move in the same direction."""
        cents = self._lines.cents
        upper_rises, lower_rises = (cents[note] > cents[note - 1] for note in (self._upper, self._lower))
        is_similar: Booleans = upper_rises == lower_rises
        return is_similar

    @property
    def is_size_kept(self) -> Booleans:
        """Whether both intervals have the same size in steps, octaves aside."""
        place = self._lines.place
        before, after = (np.abs(place[self._upper + at - 1] - place[self._lower + at - 1]) for at in (0, 1))
        is_kept: Booleans = before % 7 == after % 7
        return is_kept

    @property
    def upper_leaps(self) -> Booleans:
        """Whether the upper voice moves by more than a step."""
        place = self._lines.place
        leaps: Booleans = np.abs(place[self._upper] - place[self._upper - 1]) > 1
        return leaps


def _grouped(lines: Lines, notes: Integers, like: Integers) -> tuple[Integers, Integers]:
    """Return notes in order of time, and the group of each; notes that begin together and are alike form a
    group."""
    order = np.lexsort((like, lines.start[notes]))
    notes, like = notes[order], like[order]
    is_new = np.ones(len(notes), dtype=np.bool_)
    is_new[1:] = (np.diff(lines.start[notes]) != 0) | (np.diff(like) != 0)
    return notes, np.cumsum(is_new)


def _outer(lines: Lines, notes: Integers) -> tuple[Integers, Integers]:
    """Return the notes reached by the highest and by the lowest voice at each moment when both move.

    Of several voices at the same height, the first one in the score is taken.
    """
    times = np.unique(lines.start)
    begin, end = np.searchsorted(times, lines.start), np.searchsorted(times, lines.end)
    highest = _envelope(begin, end, lines.cents, len(times))
    lowest = -_envelope(begin, end, -lines.cents, len(times))
    top, bottom = (np.full(len(times), len(lines)) for _ in range(2))
    for outer, edge in ((top, highest), (bottom, lowest)):
        at_edge = notes[lines.cents[notes] == edge[begin[notes]]]
        np.minimum.at(outer, begin[at_edge], at_edge)
    both = (top < len(lines)) & (bottom < len(lines)) & (highest > lowest)
    return top[both], bottom[both]


def _envelope(begin: Integers, end: Integers, height: Integers, size: int) -> Integers:
    """Return the greatest height at each index, of heights that hold from `begin` until `end`.

    Each stretch is covered by two overlapping stretches whose length is a power of two. From the longest
    down, each passes its height on to its halves (a sparse table in reverse).
    """
    exponent = np.frexp(np.maximum(end - begin, 1).astype(np.float64))[1].astype(np.int64) - 1
    table = np.full(size, np.iinfo(np.int64).min // 2)
    for level in range(int(exponent.max(initial=0)), -1, -1):
        here = exponent == level
        np.maximum.at(table, begin[here], height[here])
        np.maximum.at(table, end[here] - (1 << level), height[here])
        if level:
            half = 1 << (level - 1)
            table[half:] = np.maximum(table[half:], table[: size - half])
    return table
