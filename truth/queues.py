"""Queues of known capacity: workers with service times, pauses of all of them, and limits that refuse.

Times of answers follow from a schedule of their own and not from timers that wait for one another, so that
the capacity is exactly what the settings say, whatever the event loop adds to each answer.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field


@dataclass
class Pauses:
    """Times in which no worker works: the first ``length_s`` of every ``every_s``, from ``every_s`` on.

    Attributes:
        began_s: Time from which they count.
    """

    length_s: float
    every_s: float
    began_s: float = 0.0

    def end_of_work(self, start_s: float, work_s: float) -> float:
        """Return when work that begins at a time is done."""
        if self.length_s <= 0 or self.every_s <= 0:
            return start_s + work_s
        now_s, left_s = start_s - self.began_s, work_s
        while True:
            number, into_s = divmod(now_s, self.every_s)
            if number >= 1 and into_s < self.length_s:
                now_s += self.length_s - into_s
                continue
            until_pause_s = self.every_s - into_s
            if left_s <= until_pause_s:
                return self.began_s + now_s + left_s
            now_s += until_pause_s
            left_s -= until_pause_s


@dataclass
class Workers:
    """Workers that serve calls in the order of their arrival.

    Attributes:
        service_ms: Mean time that one takes for a call.
        is_exponential: Whether that time is drawn anew for each call.
    """

    count: int
    service_ms: float
    is_exponential: bool
    pauses: Pauses
    draw: random.Random
    _free_at_s: list[float] = field(default_factory=list)

    def delay_s(self, now_s: float) -> float:
        """Return how long a call that arrives now waits for its answer."""
        if not self._free_at_s:
            self._free_at_s = [-math.inf] * self.count
            self.pauses.began_s = now_s
        service_s = self.service_ms / 1000
        if self.is_exponential:
            service_s = self.draw.expovariate(1 / service_s)
        start_s = max(now_s, heapq.heappop(self._free_at_s))
        end_s = self.pauses.end_of_work(start_s, service_s)
        heapq.heappush(self._free_at_s, end_s)
        return end_s - now_s


@dataclass
class Limiter:
    """A token bucket: full at first, one token for each call, refused without one."""

    rate_per_s: float
    burst: float
    _tokens: float = math.nan
    _at_s: float = 0.0

    def admits(self, now_s: float) -> bool:
        """Return whether a call that arrives now is let through."""
        if math.isnan(self._tokens):
            self._tokens, self._at_s = self.burst, now_s
        self._tokens = min(self.burst, self._tokens + (now_s - self._at_s) * self.rate_per_s)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
