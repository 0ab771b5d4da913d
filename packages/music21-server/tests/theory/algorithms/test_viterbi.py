"""Both searches against an exhaustive search over all paths."""

from __future__ import annotations

from itertools import pairwise, product, repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from music21_server.theory.algorithms.viterbi import cheapest_path, steadiest_path


def steadiest(fit, change_cost):
    return steadiest_path(fit, np.arange(len(fit)), np.ones(len(fit)), change_cost)


def steadiness(fit, change_cost, path):
    changes = sum(change_cost[step] for step in range(1, len(path)) if path[step] != path[step - 1])
    return sum(fit[step, state] for step, state in enumerate(path)) - changes


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float64, (5, 3), elements=st.floats(-10, 10)),
    arrays(np.float64, 5, elements=st.floats(0, 10)),
)
def test_no_path_is_steadier(fit, change_cost):
    path = steadiest(fit, change_cost)
    best = max(steadiness(fit, change_cost, each) for each in product(range(3), repeat=5))
    assert steadiness(fit, change_cost, path.tolist()) == pytest.approx(best)


def test_a_state_that_fits_one_step_better_is_passed_over_if_changes_cost_more():
    fit = np.array([[1, 0], [1, 0], [0, 1], [1, 0], [1, 0]], dtype=float)
    assert steadiest(fit, np.full(5, 0.9)).tolist() == [0, 0, 0, 0, 0]
    assert steadiest(fit, np.full(5, 0.4)).tolist() == [0, 0, 1, 0, 0]


def test_no_steps_have_an_empty_steadiest_path():
    assert steadiest(np.zeros((0, 3)), np.zeros(0)).tolist() == []


def test_steps_of_one_kind_share_a_row_of_fits():
    fit = np.array([[1.0, 0.0], [0.0, 1.0]])
    kind, weight = np.array([0, 1, 0, 1]), np.array([1.0, 0.5, 2.0, 3.0])
    cost = np.full(4, 0.6)
    path = steadiest_path(fit, kind, weight, cost)
    assert path.tolist() == steadiest(fit[kind] * weight[:, np.newaxis], cost).tolist() == [0, 0, 0, 1]


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float64, (5, 3), elements=st.floats(-10, 10)),
    arrays(np.float64, (4, 3, 3), elements=st.floats(0, 10)),
)
def test_no_path_is_cheaper(costs, transitions):
    def cost_of(path):
        changes = sum(transitions[step][before, after] for step, (before, after) in enumerate(pairwise(path)))
        return sum(costs[step, state] for step, state in enumerate(path)) + changes

    path, totals = cheapest_path(costs, transitions)
    best = min(cost_of(each) for each in product(range(3), repeat=5))
    assert cost_of(path) == pytest.approx(best)
    assert totals[-1].min() == pytest.approx(best)


def test_a_path_goes_through_a_third_state_if_that_is_cheaper():
    costs = np.array([[0, 9, 9], [9, 9, 9], [9, 9, 0]], dtype=float)
    transition = np.array([[0, 1, 8], [1, 0, 1], [8, 1, 0]], dtype=float)
    assert cheapest_path(costs, repeat(transition))[0] == [0, 1, 2]


def test_steps_may_differ_in_their_number_of_states():
    costs = [np.array([5.0, 0.0]), np.array([1.0, 2.0, 0.0]), np.array([3.0])]
    transitions = [np.array([[0.0, 0.0, 0.0], [9.0, 1.0, 9.0]]), np.zeros((3, 1))]
    path, totals = cheapest_path(costs, transitions)
    assert path == [1, 1, 0]
    assert [total.tolist() for total in totals] == [[5.0, 0.0], [6.0, 3.0, 5.0], [6.0]]


def test_no_steps_have_an_empty_cheapest_path():
    assert cheapest_path([], []) == ([], [])
