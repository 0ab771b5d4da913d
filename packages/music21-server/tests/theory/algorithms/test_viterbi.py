import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from music21_server.theory.algorithms.viterbi import cheapest_path, smooth_path


def smooth(fit, cost):
    return smooth_path(fit, np.arange(len(fit)), np.ones(len(fit)), cost)


def total(fit, cost, path):
    moves = sum(cost[step] for step in range(1, len(path)) if path[step] != path[step - 1])
    return sum(fit[step, state] for step, state in enumerate(path)) - moves


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float64, (5, 3), elements=st.floats(-10, 10)),
    arrays(np.float64, 5, elements=st.floats(0, 10)),
)
def test_no_path_is_better(fit, cost):
    found = smooth(fit, cost)
    best = max(total(fit, cost, path) for path in itertools.product(range(3), repeat=5))
    assert total(fit, cost, found.tolist()) == pytest.approx(best)


def test_a_short_stay_elsewhere_does_not_pay():
    fit = np.array([[1, 0], [1, 0], [0, 1], [1, 0], [1, 0]], dtype=float)
    assert smooth(fit, np.full(5, 0.9)).tolist() == [0, 0, 0, 0, 0]
    assert smooth(fit, np.full(5, 0.4)).tolist() == [0, 0, 1, 0, 0]


def test_no_steps():
    assert smooth(np.zeros((0, 3)), np.zeros(0)).tolist() == []


def test_steps_of_a_kind_share_a_row():
    kinds = np.array([[1.0, 0.0], [0.0, 1.0]])
    which, weight = np.array([0, 1, 0, 1]), np.array([1.0, 0.5, 2.0, 3.0])
    cost = np.full(4, 0.6)
    found = smooth_path(kinds, which, weight, cost)
    assert found.tolist() == smooth(kinds[which] * weight[:, np.newaxis], cost).tolist() == [0, 0, 0, 1]


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float64, (5, 3), elements=st.floats(-10, 10)),
    arrays(np.float64, (3, 3), elements=st.floats(0, 10)),
)
def test_no_path_with_costs_of_its_own_is_better(gain, cost):
    def total_of(path):
        moves = sum(cost[before, after] for before, after in itertools.pairwise(path))
        return sum(gain[step, state] for step, state in enumerate(path)) - moves

    best = max(total_of(path) for path in itertools.product(range(3), repeat=5))
    assert total_of(cheapest_path(gain, cost).tolist()) == pytest.approx(best)


def test_a_path_takes_the_cheap_way():
    gain = np.array([[9, 0, 0], [0, 0, 0], [0, 0, 9]], dtype=float)
    cost = np.array([[0, 1, 8], [1, 0, 1], [8, 1, 0]], dtype=float)
    assert cheapest_path(gain, cost).tolist() == [0, 1, 2]


def test_no_steps_with_costs():
    assert cheapest_path(np.zeros((0, 3)), np.zeros((3, 3))).tolist() == []
