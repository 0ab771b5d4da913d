"""Series of symbols."""

from __future__ import annotations

import numpy as np

from music21_server.theory.melody.symbol_series import remaining_symbols


def test_remaining_symbols_count_to_the_end_of_the_phrase() -> None:
    phrase = np.array([0, 0, 0, 1, 2, 2])
    assert remaining_symbols(phrase, 0).tolist() == [3, 2, 1, 1, 2, 1]
    assert remaining_symbols(phrase, 1).tolist() == [2, 1, 0, 0, 1, 0]
