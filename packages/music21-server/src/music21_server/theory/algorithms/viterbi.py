"""Viterbi's algorithm: the best path through a series of states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from music21_server.score.table import Integers

Scores = npt.NDArray[np.float64]


def cheapest_path(
    costs: Sequence[Scores] | Scores, transitions: Iterable[Scores]
) -> tuple[list[int], list[Scores]]:
    """Return the path with the smallest sum of costs: the state at each step, and the running totals.

    Args:
        costs: Cost of each state, one array for each step; steps may differ in their number of states.
        transitions: Cost of each change between two successive steps, states before by states after.

    Returns:
        The path, and for each step the cost of the cheapest path up to each state. The first of equally cheap
        states is taken.
    """
    if not len(costs):
        return [], []
    totals, sources = [costs[0]], []
    for cost, transition in zip(costs[1:], transitions, strict=False):
        sums = totals[-1][:, np.newaxis] + transition
        source = sums.argmin(axis=0)
        sources.append(source)
        totals.append(sums[source, np.arange(len(source))] + cost)
    path = [int(totals[-1].argmin())]
    for source in reversed(sources):
        path.append(int(source[path[-1]]))
    return path[::-1], totals


def steadiest_path(fit: Scores, kind: Integers, weight: Scores, change_cost: Scores) -> Integers:
    """Return the state at each step on the path with the greatest sum of fits less the costs of its changes.

    Staying costs nothing, and a change costs the same between any two states. A step is therefore one maximum
    over the states; `cheapest_path` would compare all pairs of them. Of two equal paths the one that changes
    later is taken.

    Args:
        fit: Fit of each state to each kind of step, kinds by states.
        kind: Kind of each step.
        weight: Factor for the fit at each step.
        change_cost: Cost of a change between each step and the one before it; the first one is not used.
    """
    steps = len(kind)
    if not steps:
        return np.zeros(0, dtype=np.int64)
    changed = np.zeros((steps, fit.shape[1]), dtype=np.bool_)
    source = np.zeros(steps, dtype=np.int64)
    total = fit[kind[0]] * weight[0]
    for step in range(1, steps):
        best = int(total.argmax())
        source[step] = best
        moved = total[best] - change_cost[step]
        np.less(total, moved, out=changed[step])
        np.maximum(total, moved, out=total)
        total += fit[kind[step]] * weight[step]
    path = np.empty(steps, dtype=np.int64)
    state = int(total.argmax())
    for step in range(steps - 1, -1, -1):
        path[step] = state
        if changed[step, state]:
            state = int(source[step])
    return path
