"""Ends of notes as they were written: programs shorten notes so that they can be told apart when played."""

from __future__ import annotations

from typing import Final

import numpy as np

from music21_server.reading.midi.divisions import fits, fits_any
from music21_server.reading.midi.places import Place, TickedNotes
from music21_server.score.table import Booleans, Integers

_SIMPLE: Final = (1, 2, 4, 8, 3, 6)
"""Divisions of a quarter note where notes may end without others beginning there."""

_FINEST_SIMPLE: Final = 8
_EXACT_SHARE: Final = 0.9
_MOST_GATE: Final = 0.2
"""Share of the time to the next onset by which programs shorten notes at most."""

_LEAST_GATE: Final = 1 / 32
"""Quarter notes by which any note may be shortened."""


def written_ends(notes: TickedNotes, onsets: Place, divisor: Integers) -> tuple[Integers, Integers]:
    """Return a divisor of the quarter note, and the tick, for the end of each note.

    In a file whose notes end on note values those stay; in any other they are moved to the onset or barline
    nearby.

    Args:
        notes: Notes.
        onsets: Places of their onsets.
        divisor: Divisor of each onset.
    """
    quarter = notes.ticks_per_quarter
    place = notes.places(notes.end)
    at_onset = _is_onset(notes) | (notes.measures.starts[place.measure] == notes.end)
    on_grid = at_onset | fits_any(place.ticks, _SIMPLE, quarter)
    on_grid |= _fits_each(place.ticks, _divisor_at(notes.part, place, onsets, divisor), quarter)
    is_exact = bool(len(on_grid)) and bool(on_grid.mean() >= _EXACT_SHARE)
    boundary = _nearest_boundary(notes)
    room = np.maximum(boundary - notes.start, 1)
    is_near = np.abs(boundary - notes.end) <= np.maximum(_MOST_GATE * room, _LEAST_GATE * quarter)
    is_moved = ~(on_grid if is_exact else at_onset) & is_near & (boundary > notes.start)
    end = np.where(is_moved, boundary, notes.end)
    return _end_divisors(notes, notes.places(end), onsets, divisor), end


def _end_divisors(notes: TickedNotes, place: Place, onsets: Place, divisor: Integers) -> Integers:
    quarter = notes.ticks_per_quarter
    divisors = np.full(len(place.ticks), _FINEST_SIMPLE, dtype=np.int64)
    for each in reversed(_SIMPLE):
        divisors[fits(place.ticks, each, quarter)] = each
    own = _divisor_at(notes.part, place, onsets, divisor)
    uses_own = ~fits_any(place.ticks, _SIMPLE, quarter) & _fits_each(place.ticks, own, quarter)
    return np.where(uses_own, own, divisors)


def _is_onset(notes: TickedNotes) -> Booleans:
    span = int(max(notes.end.max(initial=0), notes.start.max(initial=0))) + 1
    return np.isin(notes.part * span + notes.end, notes.part * span + notes.start)


def _divisor_at(part: Integers, place: Place, onsets: Place, divisor: Integers) -> Integers:
    """Return the divisor of the onsets in the beat of each place; 1 for beats without onsets."""
    if not len(divisor):
        return np.ones(0, dtype=np.int64)
    beats = int(max(onsets.beat.max(), place.beat.max())) + 1
    measures = int(max(onsets.measure.max(), place.measure.max())) + 1
    of_onsets = (part * measures + onsets.measure) * beats + onsets.beat
    of_ends = (part * measures + place.measure) * beats + place.beat
    order = np.argsort(of_onsets, kind="stable")
    nearest = np.minimum(np.searchsorted(of_onsets[order], of_ends), len(order) - 1)
    return np.where(of_onsets[order][nearest] == of_ends, divisor[order][nearest], 1)


def _fits_each(ticks: Integers, divisors: Integers, ticks_per_quarter: int) -> Booleans:
    on_own = np.zeros(len(ticks), dtype=np.bool_)
    for each in np.unique(divisors):
        on_own |= (divisors == each) & fits(ticks, int(each), ticks_per_quarter)
    return on_own


def _nearest_boundary(notes: TickedNotes) -> Integers:
    """Return the onset in the part, or the barline, that is nearest to each end."""
    start, end, part = notes.start, notes.end, notes.part
    nearest = np.zeros(len(end), dtype=np.int64)
    for each in np.unique(part):
        own = part == each
        edges = np.union1d(start[own], notes.measures.starts)
        right = np.minimum(np.searchsorted(edges, end[own]), len(edges) - 1)
        left = np.maximum(right - 1, 0)
        before, after = edges[left], edges[right]
        nearest[own] = np.where(end[own] - before < after - end[own], before, after)
    return nearest
