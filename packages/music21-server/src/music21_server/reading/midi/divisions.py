"""Divisions of a quarter note, and which times lie on them."""

from __future__ import annotations

import numpy as np

from music21_server.score.table import Booleans, Integers


def fits(ticks: Integers, divisor: int, ticks_per_quarter: int) -> Booleans:
    """Return which positions in a quarter note are on a division, rounded to a tick either way.

    Args:
        ticks: Positions in ticks.
        divisor: Number of equal parts of a quarter note.
        ticks_per_quarter: Ticks of a quarter note.
    """
    exact = ticks * divisor / ticks_per_quarter
    deviation = np.abs(exact - np.rint(exact)) * ticks_per_quarter / divisor
    return deviation < (1e-6 if ticks_per_quarter % divisor == 0 else 1.0 - 1e-6)


def fits_any(ticks: Integers, divisors: tuple[int, ...], ticks_per_quarter: int) -> Booleans:
    """Return which positions are on at least one of several divisions."""
    on_any = np.zeros(len(ticks), dtype=np.bool_)
    for divisor in possible(divisors, ticks_per_quarter):
        on_any |= fits(ticks, divisor, ticks_per_quarter)
    return on_any


def possible(divisors: tuple[int, ...], ticks_per_quarter: int) -> tuple[int, ...]:
    """Return the divisors whose steps have at least two ticks, or exactly one: others fit anything."""
    return tuple(each for each in divisors if 2 * each <= ticks_per_quarter or ticks_per_quarter % each == 0)
