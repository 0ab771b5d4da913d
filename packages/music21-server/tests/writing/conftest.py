"""Fixtures that build small scores from rows; makes the helper modules beside these tests importable."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from music21_server.score.table import NOTE, STEPS, NoteTable, Part, Score

sys.path.insert(0, str(Path(__file__).parent))

Row = dict[str, Any]
_DEFAULTS: Row = {
    "part": 0, "measure": 0, "onset": 0, "duration": 4, "kind": NOTE, "step": 0, "alter_cents": 0,
    "octave": 4,
    "tie": 0, "grace": False, "cue": False, "voice": 0,
}  # fmt: skip


@pytest.fixture(scope="session")
def table() -> Callable[..., NoteTable]:
    """Build a table of rows with defaults; `pitch` is a name such as ``C4`` or ``F#4``."""

    def make(rows: Sequence[Row], ticks_per_quarter: int = 4) -> NoteTable:
        full = [_DEFAULTS | _pitched(row) for row in rows]
        columns = {name: np.array([row[name] for row in full], dtype=np.int64) for name in _DEFAULTS}
        flags = {name: columns[name].astype(np.bool_) for name in ("grace", "cue")}
        node = np.arange(len(full), dtype=np.int64)
        return NoteTable(**{**columns, **flags}, node=node, ticks_per_quarter=ticks_per_quarter)

    return make


@pytest.fixture(scope="session")
def score(table: Callable[..., NoteTable]) -> Callable[..., Score]:
    """Build a score of rows, by default with measures of four quarters of four ticks each."""

    def make(
        rows: Sequence[Row],
        *,
        measures: Sequence[int] | None = None,
        names: Sequence[str] = ("",),
        parts: Sequence[Part] | None = None,
        ticks_per_quarter: int = 4,
        **others: Any,
    ) -> Score:
        notes = table(rows, ticks_per_quarter)
        count = max((row.get("measure", 0) for row in rows), default=0) + 1
        lengths = np.array(measures or [4 * ticks_per_quarter] * count, dtype=np.int64)
        all_parts = tuple(parts or (Part(f"P{index + 1}", name) for index, name in enumerate(names)))
        return Score(
            title=others.pop("title", ""),
            composer=others.pop("composer", ""),
            parts=all_parts,
            notes=notes,
            measure_numbers=tuple(others.pop("numbers", [str(index + 1) for index in range(len(lengths))])),
            measure_ticks=lengths,
            own_ticks=np.tile(lengths, (len(all_parts), 1)),
            **others,
        )

    return make


def _pitched(row: Row) -> Row:
    pitch = row.get("pitch")
    if pitch is None:
        return row
    alter = 100 * (pitch.count("#") - pitch.count("b"))
    return {**row, "step": STEPS.index(pitch[0]), "alter_cents": alter, "octave": int(pitch[-1])}
