"""Division of the time of a measurement: what needs less leaves the rest to what comes after it."""

from __future__ import annotations

import time
from collections.abc import Sequence

_SHARES = {
    "warm_up": 10.0,
    "control": 18.0,
    "refused": 6.0,
    "deleted": 10.0,
    "abandoned": 30.0,
    "refused_open": 4.0,
    "dropped": 10.0,
    "streams": 12.0,
    "request": 30.0,
    "delete": 8.0,
}
"""Shares of the parts; the most for sessions that are left, and for what is subtracted from all others."""


class Budget:
    """Time of the parts that are still to come.

    Args:
        limit_s: Time for all parts together, with the starts of servers.
        parts: Parts in their order; a name may come twice.
    """

    def __init__(self, limit_s: float, parts: Sequence[str]) -> None:
        self.until_s = time.monotonic() + limit_s
        self._parts = list(parts)

    @property
    def left_s(self) -> float:
        """Time that is left."""
        return max(0.0, self.until_s - time.monotonic())

    def take(self, part: str) -> float:
        """Begin a part; return when it must end, on the monotonic clock. Parts before it are skipped."""
        while self._parts and self._parts[0] != part:
            self._parts.pop(0)
        later = sum(_SHARES[each] for each in self._parts[1:])
        if self._parts:
            self._parts.pop(0)
        share = _SHARES[part] / (_SHARES[part] + later)
        return time.monotonic() + share * self.left_s
