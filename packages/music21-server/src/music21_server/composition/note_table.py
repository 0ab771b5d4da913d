"""Tables of newly composed notes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from music21_server.score.table import NoteTable

_COLUMNS = ("part", "measure", "onset", "duration", "kind", "step", "alter_cents", "octave", "tie")


def note_table(rows: Sequence[tuple[int, ...]], ticks_per_quarter: int) -> NoteTable:
    """Return a table of notes and rests, all in voice 0, from rows of the columns up to the tie."""
    columns = np.array(rows, dtype=np.int64).T
    return NoteTable(
        **dict(zip(_COLUMNS, columns, strict=True)),
        grace=np.zeros(len(rows), dtype=np.bool_),
        cue=np.zeros(len(rows), dtype=np.bool_),
        voice=np.zeros(len(rows), dtype=np.int64),
        node=np.arange(len(rows), dtype=np.int64),
        ticks_per_quarter=ticks_per_quarter,
    )
