"""Engraving decisions by columns: clefs, accidentals, beams and tuplet brackets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.table import (
    NOTE,
    REST,
    STEPS,
    TIE_CONTINUE,
    TIE_STOP,
    UNPITCHED,
    Booleans,
    Integers,
    NoteTable,
    Score,
)
from music21_server.writing.note_values import NoteValue

_ORDER_OF_SHARPS: Final = "FCGDAEB"

NO_BEAM, BEAM_BEGIN, BEAM_CONTINUE, BEAM_END, BEAM_FORWARD_HOOK, BEAM_BACKWARD_HOOK = range(6)
"""Values of beam columns."""

NO_BRACKET, BRACKET_BEGIN, BRACKET_END, BRACKET_ALONE = range(4)
"""Values of tuplet bracket columns."""

_MIDDLE: Final = 4 * 7
"""Middle C, in steps above the C of octave 0."""

_MOST_BEAMS: Final = 5


@dataclass(frozen=True)
class Clef:
    """A clef: its sign and its line; line 0 for percussion."""

    sign: str
    line: int


def clefs(score: Score) -> tuple[Clef, ...]:
    """Return a clef for each part: percussion, or bass if its median note is below middle C, or treble."""
    table = score.notes
    chosen = []
    edges = np.searchsorted(table.part, np.arange(len(score.parts) + 1))
    height = table.octave * 7 + table.step
    for index in range(len(score.parts)):
        rows = slice(edges[index], edges[index + 1])
        kinds = table.kind[rows]
        heights = height[rows][kinds == NOTE]
        if not len(heights) and (kinds == UNPITCHED).any():
            chosen.append(Clef("percussion", 0))
        elif len(heights) and np.median(heights) < _MIDDLE:
            chosen.append(Clef("F", 4))
        else:
            chosen.append(Clef("G", 2))
    return tuple(chosen)


def shown_accidentals(score: Score) -> Booleans:
    """Return which notes need an accidental: those that differ from the key or from earlier notes.

    A note tied over a barline needs none; the next note of its pitch in that measure has the accidental.
    """
    table = score.notes
    pitched = np.flatnonzero(table.kind == NOTE)
    shown = np.zeros(len(table), dtype=np.bool_)
    if not len(pitched):
        return shown
    columns = (
        pitched, table.onset[pitched], table.octave[pitched], table.step[pitched], table.measure[pitched],
        table.part[pitched],
    )  # fmt: skip
    rows = pitched[np.lexsort(columns)]
    is_first = np.ones(len(rows), dtype=np.bool_)
    positions = np.stack([table.part[rows], table.measure[rows], table.step[rows], table.octave[rows]])
    is_first[1:] = (positions[:, 1:] != positions[:, :-1]).any(axis=0)
    alters = table.alter_cents[rows]
    key_alters = _alters_of_keys(score, rows)
    is_tied = np.isin(table.tie[rows], (TIE_STOP, TIE_CONTINUE)) & is_first
    # The alteration in force is that of the note before, unless that one is tied into the measure.
    in_force = np.where(is_first, key_alters, np.roll(alters, 1))
    in_force = np.where(np.roll(is_tied, 1) & ~is_first, key_alters, in_force)
    shown[rows] = (alters != in_force) & ~is_tied
    return shown


def _alters_of_keys(score: Score, rows: Integers) -> Integers:
    """Return the alteration of each row's step by the key signature in force."""
    table = score.notes
    alters = np.zeros(len(rows), dtype=np.int64)
    starts = score.measure_starts
    keys = sorted(score.keys, key=lambda key: (key.part, key.measure, key.onset))
    if not keys:
        return alters
    at = np.array([starts[key.measure] + key.onset for key in keys], dtype=np.int64)
    parts = np.array([key.part for key in keys], dtype=np.int64)
    by_step = np.array([alters_of_key(key.fifths) for key in keys], dtype=np.int64)
    span = int(starts[-1]) + int((table.onset + table.duration).max(initial=0)) + 1
    now = starts[table.measure[rows]] + table.onset[rows]
    index = np.searchsorted(parts * span + at, table.part[rows] * span + now, side="right") - 1
    has = (index >= 0) & (parts[index] == table.part[rows])
    alters[has] = by_step[index[has], table.step[rows][has]]
    return alters


def alters_of_key(fifths: int) -> list[int]:
    """Return the alteration of each step in a key signature, in cents."""
    order = _ORDER_OF_SHARPS if fifths > 0 else _ORDER_OF_SHARPS[::-1]
    alters = [0] * len(STEPS)
    for index in range(min(abs(fifths), 14)):
        alters[STEPS.index(order[index % 7])] += 100 if fifths > 0 else -100
    return alters


def joins_chord(table: NoteTable) -> Booleans:
    """Return which rows are in one chord with the row before."""
    joins = np.zeros(len(table), dtype=np.bool_)
    same = np.stack([table.part, table.measure, table.onset, table.duration, table.voice, table.cue])
    joins[1:] = (same[:, 1:] == same[:, :-1]).all(axis=0)
    lasting = (table.kind != REST) & (table.duration > 0)  # grace notes are consecutive
    joins[1:] &= lasting[1:] & lasting[:-1]
    return joins


@dataclass(frozen=True)
class _Heads:
    """First rows of chords, single notes and rests.

    Attributes:
        rows: Indices of the rows.
        follows: Whether each begins where the one before it ends, in the same voice and measure.
    """

    rows: Integers
    follows: Booleans


def _heads(table: NoteTable) -> _Heads:
    rows = np.flatnonzero(~joins_chord(table) & ~table.grace)
    follows = np.zeros(len(rows), dtype=np.bool_)
    same = np.stack([table.part[rows], table.measure[rows], table.voice[rows]])
    follows[1:] = (same[:, 1:] == same[:, :-1]).all(axis=0)
    follows[1:] &= (table.onset[rows] + table.duration[rows])[:-1] == table.onset[rows][1:]
    return _Heads(rows, follows)


def beams(score: Score, values: list[NoteValue | None], value_of: Integers) -> Integers:
    """Return the beams of each row, which join the notes of one beat.

    Args:
        values: Note values.
        value_of: Index in `values` for each row.

    Returns:
        Array of rows by levels; level 0 is the beam of eighths, 1 that of sixteenths, and so on.
    """
    table = score.notes
    heads = _heads(table)
    flags_of = np.array([min(value.flags, _MOST_BEAMS) if value else 0 for value in values], dtype=np.int64)
    flags = np.where(table.kind == REST, 0, flags_of[value_of])[heads.rows]
    levels = int(flags.max(initial=0))
    columns = np.zeros((len(table), levels), dtype=np.int64)
    beat = table.onset[heads.rows] // _beat_ticks(score, heads.rows)
    joined = heads.follows.copy()
    joined[1:] &= (beat[1:] == beat[:-1]) & (flags[1:] > 0) & (flags[:-1] > 0)
    continues = np.append(joined[1:], False)
    for level in range(levels):
        has = flags > level
        to_left = joined & has & np.roll(has, 1)
        to_right = continues & has & np.roll(has, -1)
        beam = np.select(
            [to_left & to_right, to_right, to_left, has & joined, has & continues],
            [BEAM_CONTINUE, BEAM_BEGIN, BEAM_END, BEAM_BACKWARD_HOOK, BEAM_FORWARD_HOOK],
            NO_BEAM,
        )
        columns[heads.rows, level] = beam
    return columns


def _beat_ticks(score: Score, rows: Integers) -> Integers:
    """Return the length of a beat for each row; three eighths in compound metres such as 6/8."""
    table = score.notes
    beats = np.full(len(score.measure_ticks) + 1, table.ticks_per_quarter, dtype=np.int64)
    for time in sorted(score.times, key=lambda time: time.measure):
        count, _, kind = time.text.partition("/")
        if not count.isdecimal() or not kind.isdecimal() or not int(kind):
            continue
        ticks = table.ticks_per_quarter * 4 // int(kind)
        is_compound = int(kind) >= 8 and int(count) % 3 == 0
        beats[time.measure :] = max(ticks * 3, 1) if is_compound else max(ticks, table.ticks_per_quarter)
    return beats[table.measure[rows]]


def brackets(score: Score, values: list[NoteValue | None], value_of: Integers) -> Integers:
    """Return the tuplet bracket of each row; each bracket is as short as possible.

    Args:
        values: Note values.
        value_of: Index in `values` for each row.
    """
    table = score.notes
    ratios = np.array([value.actual if value else 1 for value in values], dtype=np.int64)
    column = np.zeros(len(table), dtype=np.int64)
    heads = _heads(table)
    in_tuplet = np.flatnonzero(ratios[value_of[heads.rows]] > 1)
    if not len(in_tuplet):
        return column
    # Only the notes of tuplets are visited one by one.
    rows = heads.rows[in_tuplet].tolist()
    onsets, durations = table.onset[rows].tolist(), table.duration[rows].tolist()
    own_ratio = ratios[value_of[rows]].tolist()
    continues = (heads.follows[in_tuplet] & (np.diff(in_tuplet, prepend=-2) == 1)).tolist()
    begin = previous = -1
    for index, row in enumerate(rows):
        is_open = begin >= 0
        if is_open and not (continues[index] and own_ratio[index] == own_ratio[begin]):
            _close(column, rows[begin], rows[previous])
            is_open = False
        if not is_open:
            begin = index
        total = onsets[index] + durations[index] - onsets[begin]
        previous = index
        if _is_plain(total, table.ticks_per_quarter):
            _close(column, rows[begin], row)
            begin = -1
    if begin >= 0:
        _close(column, rows[begin], rows[previous])
    return column


def _close(column: Integers, begin: int, end: int) -> None:
    if begin == end:
        column[begin] = BRACKET_ALONE
    else:
        column[begin], column[end] = BRACKET_BEGIN, BRACKET_END


def _is_plain(ticks: int, unit: int) -> bool:
    """Return whether a time is a whole number of 64ths, and so needs no tuplet."""
    return ticks * 16 % unit == 0
