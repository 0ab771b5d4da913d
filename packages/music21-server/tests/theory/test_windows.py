"""Hashes of windows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.theory.windows import WindowHashes, mix


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-2, 2), max_size=40), st.integers(1, 6))
def test_equal_windows_have_equal_hashes_and_others_have_others(values: list[int], length: int) -> None:
    hashes = WindowHashes(mix(np.array(values, dtype=np.int64)))
    windows = [tuple(values[at : at + length]) for at in range(len(values) - length + 1)]
    forward, backward = hashes.forward(length), hashes.backward(length)
    assert len(forward) == len(backward) == max(0, len(windows))
    for one, window in enumerate(windows):
        for other, another in enumerate(windows):
            assert (forward[one] == forward[other]) == (window == another)
            assert (forward[one] == backward[other]) == (window == another[::-1])
