"""Pairs within groups."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.theory.algorithms import pairs
from music21_server.theory.algorithms.pairs import pairs_within


def _pairs(group: list[int]) -> list[tuple[int, int]]:
    pieces = pairs_within(np.array(group, dtype=np.int64))
    return sorted(
        (int(one), int(other)) for earlier, later in pieces for one, other in zip(earlier, later, strict=True)
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=30))
def test_each_pair_of_a_group_is_yielded_once(values: list[int]) -> None:
    group = sorted(values)
    expected = [
        (one, other) for one, other in combinations(range(len(group)), 2) if group[one] == group[other]
    ]
    assert _pairs(group) == expected


def test_pieces_have_a_limited_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "_PAIRS_PER_PIECE", 10)
    group = np.zeros(8, dtype=np.int64)
    sizes = [len(earlier) for earlier, _ in pairs_within(group)]
    assert sizes == [7, 6, 9, 6]
    assert _pairs([0] * 8) == list(combinations(range(8), 2))
