"""Layers: voices without overlaps, as text formats write them.

MusicXML may move back within a measure, and one of its voices may hold notes that overlap. As in MEI, a layer
is one stream of events: notes that overlap an earlier one in their voice go into another layer, and time
without an event is filled with gaps.
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
"""Kind of an event that is not in the score; nothing is written there."""


class Event(NamedTuple):
    """A chord, note, rest or gap in a layer.

    Attributes:
        rows: Rows of the table: the notes of a chord, or one rest; none for a gap.
        onset: Ticks from the beginning of the measure.
        ticks: Length; 0 for grace notes.
        kind: Kind of the first row, or `GAP`.
    """

    rows: range
    onset: int
    ticks: int
    kind: int


@dataclass(frozen=True)
class Layer:
    """A voice, or the notes that overlap in it.

    Attributes:
        index: Position among the layers of the score.
        part: Index of the part.
        rank: Position among the layers of the part.
        measures: Number of measures of the part.
    """

    index: int
    part: int
    rank: int
    measures: int


class Layers:
    """The layers of a score, at least one for each part; without cues and notes of no length."""

    def __init__(self, score: Score) -> None:
        table = score.notes
        measures = len(score.measure_ticks)
        heads, sizes = _heads(table)
        depth = _depths(table, heads)
        layer_of, self.layers = _numbered(score, table, heads, depth)
        order = np.argsort(layer_of * max(measures, 1) + table.measure[heads], kind="stable")
        heads, sizes, layer_of = heads[order], sizes[order], layer_of[order]
        self._by_part = [[layer for layer in self.layers if layer.part == i] for i in range(len(score.parts))]
        self.tied = _tied_in_layer(score, heads, sizes, layer_of)
        self._lengths = score.measure_ticks.tolist()
        self._first: list[int] = heads.tolist()
        self._last: list[int] = (heads + sizes).tolist()
        self._onset: list[int] = table.onset[heads].tolist()
        self._ticks: list[int] = np.where(table.grace, 0, table.duration)[heads].tolist()
        self._kind: list[int] = table.kind[heads].tolist()
        cells = np.arange(len(self.layers) * measures + 1)
        self._edges: list[int] = np.searchsorted(layer_of * measures + table.measure[heads], cells).tolist()

    def measures(self, layer: Layer) -> Iterator[list[Event]]:
        """Yield the events of each measure of a layer, with gaps up to the length of the measure."""
        begin = layer.index * len(self._lengths)
        for measure in range(layer.measures):
            now = 0
            events: list[Event] = []
            for index in range(self._edges[begin + measure], self._edges[begin + measure + 1]):
                onset, ticks = self._onset[index], self._ticks[index]
                if onset > now:
                    events.append(Event(range(0), now, onset - now, GAP))
                rows = range(self._first[index], self._last[index])
                events.append(Event(rows, onset, ticks, self._kind[index]))
                now = onset + ticks
            if now < self._lengths[measure]:
                events.append(Event(range(0), now, self._lengths[measure] - now, GAP))
            yield events

    def is_any(self, part: int, measure: int) -> bool:
        """Return whether a layer of a part has an event in a measure."""
        return any(self._has(layer, measure) for layer in self.of_part(part))

    def are_several(self, part: int, measure: int) -> bool:
        """Return whether several layers of a part have events in a measure."""
        return sum(self._has(layer, measure) for layer in self.of_part(part)) > 1

    def _has(self, layer: Layer, measure: int) -> bool:
        cell = layer.index * len(self._lengths) + measure
        return self._edges[cell] < self._edges[cell + 1]

    def of_part(self, part: int) -> list[Layer]:
        """Return the layers of a part."""
        return self._by_part[part]


def _heads(table: NoteTable) -> tuple[Integers, Integers]:
    """Return the first row of each chord, by part, voice, measure and time, and its number of rows."""
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
    """Return the layer of its voice for each chord: the first layer that is free when the chord begins."""
    depth = np.zeros(len(heads), dtype=np.int64)
    if not len(heads):
        return depth
    cells = np.stack([table.part[heads], table.voice[heads], table.measure[heads]])
    begins = np.ones(len(heads), dtype=np.bool_)
    begins[1:] = (cells[:, 1:] != cells[:, :-1]).any(axis=0)
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
        for index in range(edges[each], edges[each + 1]):
            layer = next((i for i, free in enumerate(free_from) if free <= onset[index]), len(free_from))
            free_from[layer : layer + 1] = [int(end[index])]
            depth[index] = layer
    return depth


def _numbered(
    score: Score, table: NoteTable, heads: Integers, depth: Integers
) -> tuple[Integers, tuple[Layer, ...]]:
    """Return the index of each chord's layer, and the layers by part, voice and depth."""
    depths = int(depth.max(initial=0)) + 1
    voices = int(table.voice.max(initial=0)) + 1
    code = (table.part[heads] * voices + table.voice[heads]) * depths + depth
    empty = np.setdiff1d(np.arange(len(score.parts)), table.part[heads]) * voices * depths
    codes = np.union1d(code, empty)
    parts = (codes // (voices * depths)).tolist()
    own = score.own_ticks
    measures = ((own >= 0).cumsum(axis=1).argmax(axis=1) + 1).tolist() if own.size else []
    layers: list[Layer] = []
    for index, part in enumerate(parts):
        rank = layers[-1].rank + 1 if layers and layers[-1].part == part else 0
        layers.append(Layer(index, part, rank, measures[part] if measures else 0))
    return np.searchsorted(codes, code), tuple(layers)


def _tied_in_layer(score: Score, heads: Integers, sizes: Integers, layer_of: Integers) -> Booleans:
    """Return which rows are tied to a row of the same layer."""
    layer = np.full(len(score.notes), -1, dtype=np.int64)
    for offset in range(int(sizes.max(initial=0))):
        has = sizes > offset
        layer[heads[has] + offset] = layer_of[has]
    follower = continued_by(score)
    tied: Booleans = (follower >= 0) & (layer >= 0) & (layer[follower] == layer)
    return tied


class Timed(NamedTuple):
    """A chord, note, rest or gap, with the grace notes before it."""

    graces: list[Event]
    event: Event


def with_graces(events: list[Event]) -> tuple[list[Timed], list[Event]]:
    """Return the events of a measure, each with the grace notes before it, and the grace notes at its end."""
    timed: list[Timed] = []
    graces: list[Event] = []
    for event in events:
        if event.ticks:
            timed.append(Timed(graces, event))
            graces = []
        else:
            graces.append(event)
    return timed, graces


def is_measure_rest(events: list[Event]) -> bool:
    """Return whether a measure is empty or holds one rest alone."""
    return len(events) == 1 and events[0].kind in (REST, GAP)
