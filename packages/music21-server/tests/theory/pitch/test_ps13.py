"""The spelling of pitches by ps13s1, against the corpus as written."""

from __future__ import annotations

import numpy as np
import pytest

from music21_server.reading.formats import read
from music21_server.reading.locations import from_corpus
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE
from music21_server.theory.pitch.ps13 import spell


def test_nothing_is_spelled_as_nothing():
    assert [len(each) for each in spell(np.zeros(0, dtype=np.int64))] == [0, 0, 0]


@pytest.mark.parametrize("key", range(128))
def test_every_key_keeps_its_pitch(key):
    for fifths in (-7, 0, 7):
        step, alteration, octave = spell(np.array([key]), np.array([fifths]))
        assert (octave + 1) * 12 + np.array([0, 2, 4, 5, 7, 9, 11])[step] + alteration == [key]


@pytest.mark.parametrize(
    ("work", "most"),
    [("bach/bwv66.6", 0.01), ("mozart/k155/movement1", 0.015), ("beethoven/opus18no1/movement1", 0.02)],
)
def test_works_are_spelled_as_written(work, most):
    score = read(from_corpus(work), Limits())
    table = score.notes
    rows = np.flatnonzero((table.kind == NOTE) & ~table.grace)
    time = score.measure_starts[table.measure[rows]] + table.onset[rows]
    keys = table.written_cents[rows] // 100
    order = np.lexsort((keys, time))
    rows, keys = rows[order], keys[order]
    changes = sorted({(each.measure, each.fifths) for each in score.keys})
    measures = np.array([measure for measure, _ in changes])
    fifths = np.array([fifth for _, fifth in changes])
    signature = fifths[np.maximum(np.searchsorted(measures, table.measure[rows], side="right") - 1, 0)]
    step, alteration, _ = spell(keys, signature)
    wrong = (step != table.step[rows]) | (alteration * 100 != table.alter_cents[rows])
    assert wrong.mean() <= most
