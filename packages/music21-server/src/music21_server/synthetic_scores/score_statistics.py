"""Counts of what a score contains, to show that a synthetic score has everything real ones have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.table import (
    NOTE,
    REST,
    TIE_CONTINUE,
    TIE_START,
    TIE_STOP,
    Booleans,
    Integers,
    KeyChange,
    NoteTable,
    Score,
)
from music21_server.theory.chords.sonorities import Sonorities, sonorities
from music21_server.theory.pitch.transposition import sounding_pitches

_FIFTHS_OF_STEP: Final = np.array([0, 2, 4, -1, 1, 3, 5], dtype=np.int64)
_MAX_FIFTHS: Final = 31
"""Larger distances from the tonic on the line of fifths count as this one; four flats below it are 28."""


@dataclass(frozen=True)
class ScoreStatistics:
    """Counts of one score.

    Attributes:
        staves: Parts, with each staff of an instrument counted.
        transposing_staves: Staves whose written note names differ from the sounding ones.
        staves_of_shared_instruments: Staves of instruments with more than one.
        notes: Pitched notes, including grace notes.
        unpitched_notes: Percussion notes.
        chord_notes: Notes that share voice and onset with another.
        ties_over_barlines: Notes at the end of a bar that are tied to the same pitch in the next.
        notes_of_triplets: Notes whose length has a factor of one third.
        key_changes: Bars after the first with a new key signature.
        time_changes: Bars after the first with a new time signature.
        sonorities: Moments whose sounding notes differ from the moment before.
        relative_sonorities: Distinct sonorities relative to the tonic: mode, bass and set of note names.
    """

    staves: int
    transposing_staves: int
    staves_of_shared_instruments: int
    measures: int
    notes: int
    grace_notes: int
    unpitched_notes: int
    rests: int
    chord_notes: int
    ties_over_barlines: int
    notes_of_triplets: int
    key_changes: int
    time_changes: int
    sonorities: int
    relative_sonorities: int


def score_statistics(score: Score) -> ScoreStatistics:
    """Count the contents of a score."""
    table = score.notes
    pitched = table.kind == NOTE
    heard = sonorities(score, sounding_pitches(score))
    return ScoreStatistics(
        staves=len(score.parts),
        transposing_staves=sum(
            any((each.chromatic % 12, each.diatonic % 7) != (0, 0) for each in part.transpositions)
            for part in score.parts
        ),
        staves_of_shared_instruments=sum(part.staff > 0 for part in score.parts),
        measures=len(score.measure_ticks),
        notes=int(pitched.sum()),
        grace_notes=int((pitched & table.grace).sum()),
        unpitched_notes=int(((table.kind != NOTE) & (table.kind != REST)).sum()),
        rests=int((table.kind == REST).sum()),
        chord_notes=_chord_notes(table),
        ties_over_barlines=_ties_over_barlines(score),
        notes_of_triplets=int((pitched & _has_third(table)).sum()),
        key_changes=len({each.measure for each in score.keys if each.measure > 0}),
        time_changes=len({each.measure for each in score.times if each.measure > 0}),
        sonorities=len(heard),
        relative_sonorities=_relative_sonorities(score, heard),
    )


def _chord_notes(table: NoteTable) -> int:
    ordinary = (table.kind == NOTE) & ~table.grace
    onsets = np.stack([table.part, table.measure, table.voice, table.onset], axis=1)[ordinary]
    _, counts = np.unique(onsets, axis=0, return_counts=True)
    return int(counts[counts > 1].sum())


def _has_third(table: NoteTable) -> Booleans:
    denominators: Integers = table.ticks_per_quarter // np.gcd(table.duration, table.ticks_per_quarter)
    has_third: Booleans = denominators % 3 == 0
    return has_third


def _ties_over_barlines(score: Score) -> int:
    table = score.notes
    pitched = (table.kind == NOTE) & ~table.grace
    ends = score.own_ticks[table.part, table.measure]
    starts = pitched & np.isin(table.tie, (TIE_START, TIE_CONTINUE)) & (table.onset + table.duration == ends)
    stops = pitched & np.isin(table.tie, (TIE_STOP, TIE_CONTINUE)) & (table.onset == 0)
    cents = table.written_cents

    def keys(rows: Booleans, measure_offset: int) -> set[tuple[int, ...]]:
        columns = np.stack([table.part, table.measure + measure_offset, cents], axis=1)[rows]
        return set(map(tuple, columns.tolist()))

    return len(keys(starts, 1) & keys(stops, 0))


def _relative_sonorities(score: Score, heard: Sonorities) -> int:
    if len(heard) == 0:
        return 0
    tonic, is_minor = _tonics(score)
    first = heard.first[:-1]
    sizes = np.diff(heard.first)
    fifths = _FIFTHS_OF_STEP[heard.step] + 7 * np.rint(heard.alter_cents / 100).astype(np.int64)
    from_tonic = fifths - np.repeat(tonic[heard.measure], sizes)
    bit = np.clip(from_tonic + _MAX_FIFTHS, 0, 2 * _MAX_FIFTHS)
    names = np.bitwise_or.reduceat(np.int64(1) << bit, first)
    classes = np.stack([is_minor[heard.measure], bit[first], names], axis=1)
    return len(np.unique(classes, axis=0))


def _tonics(score: Score) -> tuple[Integers, Integers]:
    """Return for each bar its sounding tonic on the line of fifths, and whether the key is minor (1 or 0)."""
    tonic = np.zeros(len(score.measure_ticks), dtype=np.int64)
    is_minor = np.zeros_like(tonic)
    parts = [each.part for each in score.keys]
    for change in (each for each in score.keys if each.part == parts[0]):
        minor = change.mode == "minor"
        tonic[change.measure :] = change.fifths - _fifths_written(score, change) + (3 if minor else 0)
        is_minor[change.measure :] = minor
    return tonic, is_minor


def _fifths_written(score: Score, change: KeyChange) -> int:
    """Return the distance from sounding to written pitch on the line of fifths, in the part of this key."""
    fifths = 0
    for each in score.parts[change.part].transpositions:
        if each.measure <= change.measure:
            fifths = 12 * each.diatonic - 7 * each.chromatic
    return fifths
