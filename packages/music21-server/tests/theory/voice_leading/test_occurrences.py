"""Occurrences of one kind, collected in pieces."""

from __future__ import annotations

import numpy as np

from music21_server.theory.voice_leading.occurrences import HitCollector


def _columns(*times: int) -> tuple[np.ndarray, ...]:  # type: ignore[type-arg]
    return (np.array(times), *(np.full(len(times), column) for column in range(5)))


def test_all_occurrences_are_counted_and_the_earliest_kept() -> None:
    collector = HitCollector("parallel fifths", 2)
    collector.add(_columns(9, 3))
    collector.add(_columns(1, 7, 5), np.array([True, False, True]))
    hits = collector.hits()
    assert (hits.kind, hits.total, hits.time.tolist()) == ("parallel fifths", 4, [1, 3])
    assert hits.upper_from.tolist() == [0, 0]
    assert hits.ticks.tolist() == [4, 4]


def test_no_occurrences_are_empty_columns() -> None:
    hits = HitCollector("direct fifth", 2).hits()
    assert (hits.total, len(hits.time), len(hits.ticks)) == (0, 0, 0)


def test_occurrences_beyond_the_limit_are_dropped_while_collecting() -> None:
    collector = HitCollector("parallel fifths", 2)
    for time in range(100):
        collector.add(_columns(100 - time))
        assert sum(rows.shape[1] for rows in collector._rows) <= 8
    assert collector.hits().time.tolist() == [1, 2]
