"""Tied notes, joined into the notes that are heard."""

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
    """Return the onset of each row, in ticks from the beginning of the score."""
    return score.measure_starts[score.notes.measure] + score.notes.onset


def joined_by_ties(score: Score) -> tuple[Booleans, Integers]:
    """Return which rows begin a note that is heard, and where that note ends.

    A note with a tie continues in the note of the same part and written pitch that begins where it ends and
    has the other end of the tie. A tie without its other end is ignored.

    Returns:
        For each row, whether it is struck (not the continuation of another row), and its end, including the
        rows tied to it, in ticks from the beginning of the score.
    """
    table = score.notes
    start = absolute_onsets(score)
    end = start + table.duration
    follower = _followers(table, start, end)
    struck = np.ones(len(table), dtype=np.bool_)
    struck[follower[follower >= 0]] = False
    # Pointer doubling: each step follows twice as many ties.
    last = np.where(follower >= 0, follower, np.arange(len(table)))
    while True:
        further = last[last]
        if np.array_equal(further, last):
            break
        last = further
    return struck, end[last]


def continued_by(score: Score) -> Integers:
    """Return the row that each row is tied to, by the rule of `joined_by_ties`; -1 for none."""
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
    # Unisons of two voices have one key: the first continues in the first, the second in the second.
    tied = np.concatenate([onwards, backwards])
    group = _codes(
        table.part[tied], table.written_cents[tied], np.concatenate([end[onwards], start[backwards]])
    )
    left, right = group[: len(onwards)], group[len(onwards) :]
    left_key = left * (len(table) + 1) + _ranks(left)
    right_key = right * (len(table) + 1) + _ranks(right)
    _, left_at, right_at = np.intersect1d(left_key, right_key, assume_unique=True, return_indices=True)
    follower[onwards[left_at]] = backwards[right_at]
    return follower


def _codes(*columns: Integers) -> Integers:
    """Return a number for each row, equal for equal combinations of values."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, index = np.unique(column, return_inverse=True)
        # Renumbered at each step, so that no product overflows 64 bits.
        _, code = np.unique(code * len(values) + index.reshape(-1), return_inverse=True)
    return code.reshape(-1)


def _ranks(groups: Integers) -> Integers:
    """Return the number of earlier elements of the same group, for each element."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    is_first = np.ones(len(groups), dtype=np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    index = np.arange(len(groups))
    ranks = np.empty_like(groups)
    ranks[order] = index - np.maximum.accumulate(np.where(is_first, index, 0))
    return ranks
