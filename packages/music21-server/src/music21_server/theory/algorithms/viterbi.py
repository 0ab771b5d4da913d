"""The best path through states that seldom change (Viterbi).

Staying costs nothing. Changing costs the same from any state to any other, which keeps a step as cheap as a
maximum over the states. Of two equal paths the one that changes later is taken.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from music21_server.score.table import Integers

Scores = npt.NDArray[np.float64]


def smooth_path(fit: Scores, which: Integers, weight: Scores, change_cost: Scores) -> Integers:
    """Return the state at each step on the path with the greatest sum of fits less costs.

    Args:
        fit: Of each state to each kind of step, kinds by states.
        which: Kind of each step.
        weight: Of each step, times which its fit counts.
        change_cost: Of a change between the step before and each step; the first has no meaning.
    """
    steps = len(which)
    if not steps:
        return np.zeros(0, dtype=np.int64)
    changed = np.zeros((steps, fit.shape[1]), dtype=np.bool_)
    source = np.zeros(steps, dtype=np.int64)
    total = fit[which[0]] * weight[0]
    for step in range(1, steps):
        best = int(total.argmax())
        source[step] = best
        moved = total[best] - change_cost[step]
        np.less(total, moved, out=changed[step])
        np.maximum(total, moved, out=total)
        total += fit[which[step]] * weight[step]
    path = np.empty(steps, dtype=np.int64)
    state = int(total.argmax())
    for step in range(steps - 1, -1, -1):
        path[step] = state
        if changed[step, state]:
            state = int(source[step])
    return path


def cheapest_path(gain: Scores, cost: Scores) -> Integers:
    """Return the state at each step on the path with the greatest sum of gains less costs.

    Args:
        gain: Of each state at each step, steps by states.
        cost: Of going from each state to each other one, at any step.
    """
    steps, states = gain.shape
    source = np.zeros((steps, states), dtype=np.int64)
    every = np.arange(states)
    total = gain[0] if steps else np.zeros(states)
    for step in range(1, steps):
        offers = total[:, np.newaxis] - cost
        source[step] = offers.argmax(axis=0)
        total = offers[source[step], every] + gain[step]
    path = np.empty(steps, dtype=np.int64)
    state = int(total.argmax())
    for step in range(steps - 1, -1, -1):
        path[step] = state
        state = int(source[step, state])
    return path
