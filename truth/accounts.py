"""The server's own account of what it did: the truth beside which the lab's figures are put."""

from __future__ import annotations

import json
import math
import os
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

_WIDTH = math.log(1.005)
"""Width of a histogram's buckets, as a logarithm: quantiles are right to a quarter of a percent."""


class Account:
    """Counts and times of tool calls; all methods are cheap enough for thousands of calls per second.

    Attributes:
        received: Tool calls received.
        outcomes: Tool calls by what became of them, such as ``right``, ``wrong`` or ``unanswered``.
        in_flight: Calls that wait for their answer now.
        most_in_flight: Largest number of such calls at one time.
    """

    def __init__(self) -> None:
        self.received = 0
        self.outcomes: Counter[str] = Counter()
        self.in_flight = 0
        self.most_in_flight = 0
        self.sessions_opened = 0
        self.sessions_deleted = 0
        self.sessions_lost = 0
        self.connections = 0
        self.forks = 0
        self.leaked: Counter[str] = Counter()
        self.first_call_at = 0.0
        self._last_call_at = 0.0
        self._first_cpu_s = 0.0
        self._last_cpu_s = 0.0
        self._silent_since = 0.0
        self._longest_silence_s = 0.0
        self._durations: Counter[int] = Counter()

    def begin(self) -> float:
        """Count a received tool call and return the time, in seconds of the monotonic clock."""
        now = time.monotonic()
        self.received += 1
        if self.received == 1:
            self.first_call_at = now
            self._first_cpu_s = time.process_time()
        if self.in_flight == 0:
            self._silent_since = now
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return now

    def end(self, began: float, outcome: str) -> None:
        """Count an answered call."""
        now = time.monotonic()
        self.outcomes[outcome] += 1
        self.in_flight -= 1
        self._longest_silence_s = max(self._longest_silence_s, now - self._silent_since)
        self._silent_since = self._last_call_at = now
        self._last_cpu_s = time.process_time()
        self._durations[round(math.log(max(now - began, 1e-6)) / _WIDTH)] += 1

    def abandon(self) -> None:
        """Count a call whose client went away before its answer."""
        now = time.monotonic()
        self.outcomes["unanswered"] += 1
        self.in_flight -= 1
        self._longest_silence_s = max(self._longest_silence_s, now - self._silent_since)
        self._last_call_at = now
        self._last_cpu_s = time.process_time()

    def document(self) -> dict[str, Any]:
        """Return everything as JSON values; calls still in flight count as unanswered."""
        now = time.monotonic()
        silence_s = self._longest_silence_s
        if self.in_flight:
            silence_s = max(silence_s, now - self._silent_since)
        return {
            "pid": os.getpid(),
            "received": self.received,
            "outcomes": {**self.outcomes, "unanswered": self.outcomes["unanswered"] + self.in_flight},
            "most_in_flight": self.most_in_flight,
            "sessions_opened": self.sessions_opened,
            "sessions_deleted": self.sessions_deleted,
            "sessions_lost": self.sessions_lost,
            "connections": self.connections,
            "forks": self.forks,
            "leaked": dict(self.leaked),
            "load_s": (self._last_call_at or now) - self.first_call_at if self.received else 0.0,
            "cpu_s": self._last_cpu_s - self._first_cpu_s + children_cpu_s(),
            "longest_silence_s": silence_s,
            "duration_ms": {name: self._quantile_ms(share) for name, share in _QUANTILES.items()},
            "durations": {str(bucket): count for bucket, count in sorted(self._durations.items())},
        }

    def write(self, path: Path | None) -> None:
        """Append the document to a file of JSON lines, one for each process that served."""
        if path is not None:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self.document()) + "\n")

    def _quantile_ms(self, share: float) -> float | None:
        rank = share * sum(self._durations.values())
        passed = 0
        for bucket, count in sorted(self._durations.items()):
            passed += count
            if passed >= rank:
                return math.exp(bucket * _WIDTH) * 1000
        return None


_QUANTILES = {"med": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}


def children_cpu_s() -> float:
    """Return the CPU time of the children that have ended, user and system."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime
