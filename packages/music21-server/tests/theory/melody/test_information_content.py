"""Information content of symbols."""

from __future__ import annotations

import numpy as np
import pytest

from music21_server.theory.melody.information_content import information_of, saved_bits
from music21_server.theory.melody.symbol_series import Series


def _series(*symbols: int) -> Series:
    size = len(symbols)
    return Series(np.array(symbols), np.arange(size, 0, -1), np.arange(size))


def test_the_first_symbol_counts_alone_and_the_next_in_context() -> None:
    information = information_of(_series(1, 2, 1, 2, 1, 2, 1, 3))
    # 1 is four of eight symbols. Three of four times 2 follows it; smoothed by three kinds.
    assert information.bits(np.array([0]), 1)[0] == pytest.approx(1)
    assert information.bits(np.array([0]), 2)[0] == pytest.approx(1 - np.log2((3 + 3 * 3 / 8) / (4 + 3)))
    # 1 always follows 2, and 3 follows 1 once.
    assert information.bits(np.array([1]), 2)[0] == pytest.approx(
        -np.log2(3 / 8) - np.log2((3 + 3 * 4 / 8) / (3 + 3))
    )
    assert information.bits(np.array([6]), 2)[0] == pytest.approx(1 - np.log2((1 + 3 * 1 / 8) / (4 + 3)))


def test_there_are_no_successions_across_phrases() -> None:
    apart = Series(np.array([1, 2, 1, 2]), np.array([1, 1, 1, 1]), np.arange(4))
    assert information_of(apart).before.tolist() == [0, 0, 0, 0, 0]


def test_a_pattern_saves_all_occurrences_but_one_and_costs_their_places() -> None:
    series = _series(*range(16))
    information = information_of(series)
    bits = information.bits(np.array([0]), 3)[0]
    plain = saved_bits(series, information, np.array([0]), 3, count=np.array([4]), mirrored=False)[0]
    mirrored = saved_bits(series, information, np.array([0]), 3, count=np.array([4]), mirrored=True)[0]
    assert plain == pytest.approx(3 * bits - 4 * np.log2(np.e * 14 / 4))
    assert mirrored == pytest.approx(plain - 4 * 2)
