"""The likeliest path through states that seldom change (Viterbi), and how sure it is (forward and backward).

Staying costs nothing. Changing costs the same from any state to any other, which keeps a step as cheap as a
maximum over the states. Of two equal paths the one that changes later is taken.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from music21_server.notes import Integers

Scores = npt.NDArray[np.float64]


def smooth_path(fit: Scores, change_cost: Scores) -> Integers:
    """Return the state at each step on the path with the greatest sum of fits less costs.

    Args:
        fit: Of each state at each step, steps by states.
        change_cost: Of a change between the step before and each step; the first has no meaning.
    """
    steps = len(fit)
    if not steps:
        return np.zeros(0, dtype=np.int64)
    changed = np.zeros(fit.shape, dtype=np.bool_)
    source = np.zeros(steps, dtype=np.int64)
    total = fit[0].copy()
    for step in range(1, steps):
        best = int(total.argmax())
        source[step] = best
        moved = total[best] - change_cost[step]
        np.less(total, moved, out=changed[step])
        np.maximum(total, moved, out=total)
        total += fit[step]
    path = np.empty(steps, dtype=np.int64)
    state = int(total.argmax())
    for step in range(steps - 1, -1, -1):
        path[step] = state
        if changed[step, state]:
            state = int(source[step])
    return path


def state_probabilities(log_likelihood: Scores, change_probability: float) -> Scores:
    """Return how probable each state is at each step, given all steps.

    Args:
        log_likelihood: Of what was observed at each step, given each state; steps by states.
        change_probability: Of a change to any other state.
    """
    steps, states = log_likelihood.shape
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    other = change_probability / (states - 1)
    stay = 1 - change_probability - other
    forward = np.empty((steps, states))
    now = np.full(states, 1 / states)
    for step in range(steps):
        now = likelihood[step] * (stay * now + other)
        now /= now.sum()
        forward[step] = now
    backward = np.ones(states)
    for step in range(steps - 2, -1, -1):
        seen = likelihood[step + 1] * backward
        backward = stay * seen + other * seen.sum()
        backward /= backward.sum()
        forward[step] *= backward
    return forward / forward.sum(axis=1, keepdims=True)
