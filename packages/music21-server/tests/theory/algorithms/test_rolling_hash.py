"""Hashes of windows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.theory.algorithms.rolling_hash import WindowHashes, grouped, mix


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-2, 2), max_size=40), st.integers(1, 6))
def test_hashes_are_equal_for_equal_windows_only(values: list[int], length: int) -> None:
    hashes = WindowHashes(mix(np.array(values, dtype=np.int64)))
    windows = [tuple(values[at : at + length]) for at in range(len(values) - length + 1)]
    forward, backward = hashes.forward(length), hashes.backward(length)
    assert len(forward) == len(backward) == max(0, len(windows))
    for one, window in enumerate(windows):
        for other, another in enumerate(windows):
            assert (forward[one] == forward[other]) == (window == another)
            assert (forward[one] == backward[other]) == (window == another[::-1])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-3, 3), max_size=40))
def test_equal_hashes_are_grouped_in_order(values: list[int]) -> None:
    groups = grouped(mix(np.array(values, dtype=np.int64)))
    assert sorted(groups.order.tolist()) == list(range(len(values)))
    rows = zip(groups.first.tolist(), groups.count.tolist(), strict=True)
    indices = [groups.order[first : first + count].tolist() for first, count in rows]
    assert sorted(indices) == sorted(
        [at for at, each in enumerate(values) if each == value] for value in set(values)
    )
    assert groups.group.tolist() == [number for number, members in enumerate(indices) for _ in members]
