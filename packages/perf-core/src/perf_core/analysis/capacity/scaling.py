"""Growth of throughput with the calls in flight: the universal scalability law; pure functions.

With an arrival rate nobody sets the number of calls in flight. It follows from Little's law: throughput times
mean latency. Source: Gunther, "Guerrilla Capacity Planning" (2007), chapters 4 to 6.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perf_core.analysis.capacity.model import Scaling, Step

MIN_STEPS = 5
"""Fewest steps to which the three parameters are fitted."""

_FALLS = 0.98
"""Share of the highest throughput below which it must fall within the steps for a peak to be told."""


def scaling(steps: Sequence[Step]) -> Scaling | None:
    """Return the law over the steps; None with too few different numbers of calls in flight."""
    points = [
        (step.answered_per_s * step.waits_ms.avg / 1000, step.answered_per_s)
        for step in steps
        if step.waits_ms is not None and step.answered_per_s > 0 and not step.saturated
    ]
    points = [(users, rate) for users, rate in points if users > 0]
    if len({round(users, 3) for users, _ in points}) < MIN_STEPS:
        return None
    # Takes a second to load, and few commands need it.
    from scipy.optimize import least_squares

    users, rates = (np.array(column) for column in zip(*points, strict=True))
    # Below one call at a time the law has no meaning: such a server waits for calls.
    n = np.maximum(users, 1.0)

    def model(p: np.ndarray) -> np.ndarray:
        result: np.ndarray = np.exp(p[0]) * n / (1 + p[1] * (n - 1) + p[2] * n * (n - 1))
        return result

    inside = users >= 1
    if inside.sum() < 3:
        return None

    def residuals(p: np.ndarray) -> np.ndarray:
        # Below one call in flight throughput is what was offered, whatever the server could do.
        deviations: np.ndarray = np.where(inside, np.log(model(p) / rates), 0.0)
        return deviations

    start = float(np.log(max(np.max(rates / n), 1e-6)))
    fits = [
        least_squares(
            residuals, (start, s, k), bounds=([-np.inf, 0, 0], [np.inf, 1, 1]), loss="soft_l1", f_scale=0.1
        )
        for s, k in ((0.05, 1e-4), (0.5, 1e-3), (0.95, 1e-5))
    ]
    gain, contention, coherency = min(fits, key=lambda fit: fit.cost).x
    per_s = float(np.exp(gain))
    peak_users: float | None = None
    peak_per_s: float | None = None
    most = float(users.max())
    if coherency > 0 and contention < 1:
        at = float(np.sqrt((1 - contention) / coherency))
        highest = per_s * at / (1 + contention * (at - 1) + coherency * at * (at - 1))
        at_most = per_s * most / (1 + contention * (most - 1) + coherency * most * (most - 1))
        if at < most and at_most < _FALLS * highest:
            peak_users, peak_per_s = at, highest
    if peak_per_s is None and contention > 0:
        peak_per_s = per_s / contention
    return Scaling(per_s, float(contention), float(coherency), peak_users, peak_per_s, int(inside.sum()))
