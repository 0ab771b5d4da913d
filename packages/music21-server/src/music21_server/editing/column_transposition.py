"""Columns transposed, without reading the transposed document."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from music21_server.editing.intervals import Interval
from music21_server.score.table import NOTE, STEP_SEMITONES, NoteTable, Score


def transposed_columns(
    score: Score, parts: Collection[int], interval: Interval, symbols: Mapping[str, str]
) -> Score:
    """Return what would be read from the transposed document.

    Args:
        score: What was read from the document.
        parts: Indices of the parts that move.
        interval: By how much everything in them moves.
        symbols: What becomes of chord symbols.
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
    """Return which rows move: pitched notes of some parts, by index."""
    rows: np.ndarray = (table.kind == NOTE) & np.isin(table.part, list(parts))
    return rows
