"""Tables of newly composed notes."""

from __future__ import annotations

from music21_server.composition.note_table import note_table
from music21_server.score.table import NO_TIE, NOTE, REST, TIE_START


def test_rows_become_columns() -> None:
    table = note_table([(0, 0, 0, 4, NOTE, 6, -100, 3, TIE_START), (1, 2, 4, 8, REST, 0, 0, 0, NO_TIE)], 2)
    assert (table.part.tolist(), table.measure.tolist(), table.onset.tolist()) == ([0, 1], [0, 2], [0, 4])
    assert (table.duration.tolist(), table.kind.tolist()) == ([4, 8], [NOTE, REST])
    assert (table.step.tolist(), table.alter_cents.tolist(), table.octave.tolist()) == (
        [6, 0],
        [-100, 0],
        [3, 0],
    )
    assert table.tie.tolist() == [TIE_START, NO_TIE]
    assert not table.grace.any()
    assert not table.cue.any()
    assert (table.voice.tolist(), table.node.tolist(), table.ticks_per_quarter) == ([0, 0], [0, 1], 2)
