"""Tied notes as the one note that is heard."""

from __future__ import annotations

import numpy as np

from music21_server.score.table import (
    NOTE,
    TIE_CONTINUE,
    TIE_START,
    TIE_STOP,
    Booleans,
    Integers,
    NoteTable,
    Score,
)


def absolute_onsets(score: Score) -> Integers:
    """Return where each row begins, in ticks since the beginning of the score."""
    return score.measure_starts[score.notes.measure] + score.notes.onset


def joined_by_ties(score: Score) -> tuple[Booleans, Integers]:
    """Return which rows are struck, and where each of them ends.

    A note that is tied onwards goes on in the note of the same part and written pitch that begins where it
    ends and is tied backwards. A tie without its other end joins nothing.

    Returns:
        Of each row whether it is struck (and no continuation of another), and the tick at which it ends,
        those that are tied to it included, since the beginning of the score.
    """
    table = score.notes
    start = absolute_onsets(score)
    end = start + table.duration
    follower = _followers(table, start, end)
    struck = np.ones(len(table), dtype=np.bool_)
    struck[follower[follower >= 0]] = False
    # The end of a chain is found by doubling: each step looks twice as far.
    last = np.where(follower >= 0, follower, np.arange(len(table)))
    while True:
        further = last[last]
        if np.array_equal(further, last):
            break
        last = further
    return struck, end[last]


def continued_by(score: Score) -> Integers:
    """Return the row that each row is tied to, as `joined_by_ties` understands ties; -1 for none."""
    start = absolute_onsets(score)
    return _followers(score.notes, start, start + score.notes.duration)


def _followers(table: NoteTable, start: Integers, end: Integers) -> Integers:
    """Return the row that continues each row, -1 for none."""
    follower = np.full(len(table), -1, dtype=np.int64)
    pitched = (table.kind == NOTE) & ~table.grace & (table.duration > 0)
    onwards = np.flatnonzero(pitched & np.isin(table.tie, (TIE_START, TIE_CONTINUE)))
    backwards = np.flatnonzero(pitched & np.isin(table.tie, (TIE_STOP, TIE_CONTINUE)))
    if not len(onwards) or not len(backwards):
        return follower
    # Unisons of two voices have one key: the first of them goes on in the first, the second in the second.
    tied = np.concatenate([onwards, backwards])
    group = _codes(
        table.part[tied], table.written_cents[tied], np.concatenate([end[onwards], start[backwards]])
    )
    left, right = group[: len(onwards)], group[len(onwards) :]
    left_key = left * (len(table) + 1) + _places(left)
    right_key = right * (len(table) + 1) + _places(right)
    _, left_at, right_at = np.intersect1d(left_key, right_key, assume_unique=True, return_indices=True)
    follower[onwards[left_at]] = backwards[right_at]
    return follower


def _codes(*columns: Integers) -> Integers:
    """Return one number for each combination of columns."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, index = np.unique(column, return_inverse=True)
        # Numbered anew at each step, so that no product leaves 64 bits.
        _, code = np.unique(code * len(values) + index.reshape(-1), return_inverse=True)
    return code.reshape(-1)


def _places(groups: Integers) -> Integers:
    """Return of each element how many of its group come before it."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    is_first = np.ones(len(groups), dtype=np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    index = np.arange(len(groups))
    places = np.empty_like(groups)
    places[order] = index - np.maximum.accumulate(np.where(is_first, index, 0))
    return places
