"""Pace of the probe: so slow that it does not disturb the load beside it; pure functions."""

from __future__ import annotations

from dataclasses import dataclass

MOST_SHARE = 0.05
"""Largest share of the load's calls that the probe may add."""

SHORTEST_INTERVAL_S = 1.0

MOST_CALLS = 300
"""Calls in a load of any length: enough for a p95 with fifteen calls beyond it."""

_IDLE_SHARE = 0.1
_SHORTEST_IDLE_S = 0.5
_LONGEST_IDLE_S = 5.0


@dataclass(frozen=True)
class Pace:
    """The load beside which the probe works.

    Attributes:
        load_s: Length of the load.
        users: Fewest virtual users in a stage of the load.
        rate_per_s: Lowest arrival rate in a stage of the load; None for a load of busy users.
        think_time_s: Pause of each user after a journey.
        shortest_interval_s: Shortest time between two calls.
    """

    load_s: float
    users: int = 1
    rate_per_s: float | None = None
    think_time_s: float = 0.0
    shortest_interval_s: float = SHORTEST_INTERVAL_S

    def interval_s(self, call_s: float) -> float:
        """Return the time from the start of a call to that of the next.

        Args:
            call_s: Time that the probe's last call took: users that wait for answers call as often as these
                come.
        """
        shortest_s = max(self.shortest_interval_s, self.load_s / MOST_CALLS)
        if self.rate_per_s is not None:
            return max(shortest_s, 1 / (MOST_SHARE * self.rate_per_s)) if self.rate_per_s > 0 else self.load_s
        return max(shortest_s, (call_s + self.think_time_s) / (MOST_SHARE * max(self.users, 1)))

    @property
    def idle_s(self) -> float:
        """Longest time before the load in which the probe looks for calls that stream."""
        return min(_LONGEST_IDLE_S, max(_SHORTEST_IDLE_S, _IDLE_SHARE * self.load_s))
