"""Voices as sequences in which one thing follows another, as formats of text write them.

MusicXML may go back in a bar, and one of its voices may hold notes that overlap. Where notes of a voice
overlap, the later ones go into a lane of their own; whatever a lane lacks in a bar is a gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from music21_server.score.table import REST, Booleans, Integers, NoteTable, Score
from music21_server.writing.notation import joins_chord
from music21_server.writing.ties import continued_by

GAP: Final = -1
"""Kind of an item that is not in the score: nothing is written there."""


class Item(NamedTuple):
    """Something in a lane.

    Attributes:
        rows: Of the table: the notes of a chord, or one rest; none for a gap.
        onset: Ticks since the beginning of the bar.
        ticks: Length; 0 for grace notes.
        kind: That of its first row, or `GAP`.
    """

    rows: range
    onset: int
    ticks: int
    kind: int


@dataclass(frozen=True)
class Lane:
    """A voice, or what overlaps in it.

    Attributes:
        index: Place among the lanes of the score.
        part: Index of the part.
        rank: Place among the lanes of the part.
        bars: How many bars the part has.
    """

    index: int
    part: int
    rank: int
    bars: int


class Lanes:
    """The lanes of a score, at least one for each part. Cues and notes without length are in none.

    Args:
        score: Whose notes.
    """

    def __init__(self, score: Score) -> None:
        table = score.notes
        bars = len(score.measure_ticks)
        heads, sizes = _heads(table)
        depth = _depths(table, heads)
        lane_of, self.lanes = _numbered(score, table, heads, depth)
        order = np.argsort(lane_of * max(bars, 1) + table.measure[heads], kind="stable")
        heads, sizes, lane_of = heads[order], sizes[order], lane_of[order]
        self._of_part = [[lane for lane in self.lanes if lane.part == i] for i in range(len(score.parts))]
        self.tied = _tied_in_lane(score, heads, sizes, lane_of)
        self._lengths = score.measure_ticks.tolist()
        self._first: list[int] = heads.tolist()
        self._last: list[int] = (heads + sizes).tolist()
        self._onset: list[int] = table.onset[heads].tolist()
        self._ticks: list[int] = np.where(table.grace, 0, table.duration)[heads].tolist()
        self._kind: list[int] = table.kind[heads].tolist()
        places = np.arange(len(self.lanes) * bars + 1)
        self._edges: list[int] = np.searchsorted(lane_of * bars + table.measure[heads], places).tolist()

    def bars(self, lane: Lane) -> Iterator[list[Item]]:
        """Yield what is in each bar of a lane; a bar is as long as that of the score, gaps included."""
        begin = lane.index * len(self._lengths)
        for bar in range(lane.bars):
            now = 0
            items: list[Item] = []
            for event in range(self._edges[begin + bar], self._edges[begin + bar + 1]):
                onset, ticks = self._onset[event], self._ticks[event]
                if onset > now:
                    items.append(Item(range(0), now, onset - now, GAP))
                rows = range(self._first[event], self._last[event])
                items.append(Item(rows, onset, ticks, self._kind[event]))
                now = onset + ticks
            if now < self._lengths[bar]:
                items.append(Item(range(0), now, self._lengths[bar] - now, GAP))
            yield items

    def is_any(self, part: int, bar: int) -> bool:
        """Tell whether anything stands in a bar of a part."""
        return any(self._has(lane, bar) for lane in self.of_part(part))

    def are_several(self, part: int, bar: int) -> bool:
        """Tell whether several lanes of a part hold anything in a bar."""
        return sum(self._has(lane, bar) for lane in self.of_part(part)) > 1

    def _has(self, lane: Lane, bar: int) -> bool:
        place = lane.index * len(self._lengths) + bar
        return self._edges[place] < self._edges[place + 1]

    def of_part(self, part: int) -> list[Lane]:
        """Return the lanes of a part."""
        return self._of_part[part]


def _heads(table: NoteTable) -> tuple[Integers, Integers]:
    """Return the first row of each chord, by part, voice, bar and time, and how many rows each has."""
    firsts = np.flatnonzero(~joins_chord(table))
    sizes = np.diff(firsts, append=len(table))
    kept = (~table.cue & (table.grace | (table.duration > 0)))[firsts]
    heads, sizes = firsts[kept], sizes[kept]
    columns = (
        ~table.grace[heads], table.onset[heads], table.measure[heads], table.voice[heads], table.part[heads],
    )  # fmt: skip
    order = np.lexsort(columns)
    return heads[order], sizes[order]


def _depths(table: NoteTable, heads: Integers) -> Integers:
    """Return into which lane of its voice each chord goes: the first that is free when it begins."""
    depth = np.zeros(len(heads), dtype=np.int64)
    if not len(heads):
        return depth
    place = np.stack([table.part[heads], table.voice[heads], table.measure[heads]])
    begins = np.ones(len(heads), dtype=np.bool_)
    begins[1:] = (place[:, 1:] != place[:, :-1]).any(axis=0)
    group = np.cumsum(begins) - 1
    onset = table.onset[heads]
    end = onset + np.where(table.grace, 0, table.duration)[heads]
    span = int(end.max()) + 1
    latest = np.maximum.accumulate(group * span + end)
    overlaps = np.zeros(len(heads), dtype=np.bool_)
    overlaps[1:] = latest[:-1] > (group * span + onset)[1:]
    edges = np.append(np.flatnonzero(begins), len(heads))
    for each in np.unique(group[overlaps]).tolist():
        free_from: list[int] = []
        for event in range(edges[each], edges[each + 1]):
            lane = next((i for i, free in enumerate(free_from) if free <= onset[event]), len(free_from))
            free_from[lane : lane + 1] = [int(end[event])]
            depth[event] = lane
    return depth


def _numbered(
    score: Score, table: NoteTable, heads: Integers, depth: Integers
) -> tuple[Integers, tuple[Lane, ...]]:
    """Return the index of each chord's lane, and the lanes, by part, voice and depth."""
    depths = int(depth.max(initial=0)) + 1
    voices = int(table.voice.max(initial=0)) + 1
    code = (table.part[heads] * voices + table.voice[heads]) * depths + depth
    empty = np.setdiff1d(np.arange(len(score.parts)), table.part[heads]) * voices * depths
    codes = np.union1d(code, empty)
    parts = (codes // (voices * depths)).tolist()
    bars = ((score.own_ticks >= 0).cumsum(axis=1).argmax(axis=1) + 1).tolist() if score.own_ticks.size else []
    lanes: list[Lane] = []
    for index, part in enumerate(parts):
        rank = lanes[-1].rank + 1 if lanes and lanes[-1].part == part else 0
        lanes.append(Lane(index, part, rank, bars[part] if bars else 0))
    return np.searchsorted(codes, code), tuple(lanes)


def _tied_in_lane(score: Score, heads: Integers, sizes: Integers, lane_of: Integers) -> Booleans:
    """Return which rows are tied to one that follows in the same lane."""
    lane = np.full(len(score.notes), -1, dtype=np.int64)
    for offset in range(int(sizes.max(initial=0))):
        has = sizes > offset
        lane[heads[has] + offset] = lane_of[has]
    follower = continued_by(score)
    tied: Booleans = (follower >= 0) & (lane >= 0) & (lane[follower] == lane)
    return tied


class Timed(NamedTuple):
    """A chord, rest or gap, with the grace notes before it."""

    graces: list[Item]
    item: Item


def with_graces(items: list[Item]) -> tuple[list[Timed], list[Item]]:
    """Return what lasts, each with the grace notes before it, and the grace notes at the end of the bar."""
    timed: list[Timed] = []
    graces: list[Item] = []
    for item in items:
        if item.ticks:
            timed.append(Timed(graces, item))
            graces = []
        else:
            graces.append(item)
    return timed, graces


def is_bar_rest(items: list[Item]) -> bool:
    """Tell whether a bar holds nothing but one rest, or nothing at all."""
    return len(items) == 1 and items[0].kind in (REST, GAP)
