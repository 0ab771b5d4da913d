"""Transposition of a score's columns, which saves reading the transposed document."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from music21_server.editing.intervals import Interval
from music21_server.score.table import NOTE, STEP_SEMITONES, NoteTable, Score


def transpose_columns(
    score: Score, parts: Collection[int], interval: Interval, symbols: Mapping[str, str]
) -> Score:
    """Return the score that reading the transposed document would give.

    Args:
        score: Score read from the original document.
        parts: Indices of the parts to transpose.
        interval: Interval for everything in these parts.
        symbols: New text of each chord symbol by its old text.
    """
    return replace(
        score,
        notes=_notes(score.notes, parts, interval),
        keys=tuple(
            replace(key, fifths=key.fifths + interval.fifths) if key.part in parts else key
            for key in score.keys
        ),
        chord_symbols=tuple(
            replace(symbol, text=symbols[symbol.text]) if symbol.part in parts else symbol
            for symbol in score.chord_symbols
        ),
    )


def _notes(table: NoteTable, parts: Collection[int], interval: Interval) -> NoteTable:
    rows = moving_rows(table, parts)
    octaves, step = np.divmod(table.step + interval.steps, 7)
    natural = STEP_SEMITONES[step] + 12 * octaves - STEP_SEMITONES[table.step]
    alter_cents = table.alter_cents + 100 * (interval.semitones - natural)
    return replace(
        table,
        step=np.where(rows, step, table.step),
        alter_cents=np.where(rows, alter_cents, table.alter_cents),
        octave=np.where(rows, table.octave + octaves, table.octave),
    )


def moving_rows(table: NoteTable, parts: Collection[int]) -> np.ndarray:
    """Return a mask of the rows to transpose: the pitched notes of the parts with these indices."""
    rows: np.ndarray = (table.kind == NOTE) & np.isin(table.part, list(parts))
    return rows
