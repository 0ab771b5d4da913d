import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from music21_server.theory.smoothing import smooth_path, state_probabilities


def total(fit, cost, path):
    moves = sum(cost[step] for step in range(1, len(path)) if path[step] != path[step - 1])
    return sum(fit[step, state] for step, state in enumerate(path)) - moves


@given(
    arrays(np.float64, (5, 3), elements=st.floats(-10, 10)),
    arrays(np.float64, 5, elements=st.floats(0, 10)),
)
def test_no_path_is_better(fit, cost):
    found = smooth_path(fit, cost)
    best = max(total(fit, cost, path) for path in itertools.product(range(3), repeat=5))
    assert total(fit, cost, found.tolist()) == pytest.approx(best)


def test_a_short_stay_elsewhere_does_not_pay():
    fit = np.array([[1, 0], [1, 0], [0, 1], [1, 0], [1, 0]], dtype=float)
    assert smooth_path(fit, np.full(5, 0.9)).tolist() == [0, 0, 0, 0, 0]
    assert smooth_path(fit, np.full(5, 0.4)).tolist() == [0, 0, 1, 0, 0]


def test_no_steps():
    assert smooth_path(np.zeros((0, 3)), np.zeros(0)).tolist() == []
    assert state_probabilities(np.zeros((0, 3)), 0.1).shape == (0, 3)


@given(arrays(np.float64, (4, 3), elements=st.floats(-10, 0)), st.floats(0.01, 0.6))
def test_probabilities_are_those_of_all_paths(log_likelihood, change):
    expected = np.zeros((4, 3))
    for path in itertools.product(range(3), repeat=4):
        weight = np.exp(sum(log_likelihood[step, state] for step, state in enumerate(path)))
        for before, after in itertools.pairwise(path):
            weight *= 1 - change if before == after else change / 2
        for step, state in enumerate(path):
            expected[step, state] += weight
    expected /= expected.sum(axis=1, keepdims=True)
    assert state_probabilities(log_likelihood, change) == pytest.approx(expected)
