"""Pauses that a server reports of itself during a load: garbage collections, and lag of its event loop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from perf_core.sampling.periodic import PeriodicThread
from perf_core.server.client import endpoints
from perf_core.server.credentials.access import OPEN, Access

INTERVAL_S = 1.0
"""Time between two readings, each of which costs the server about a millisecond."""

PAUSE_METRICS: Mapping[str, tuple[str, ...]] = {
    # Those of servers that come with this lab; of Go's and Node's client libraries; of Java's.
    "gc": ("gc_pause_seconds_sum", "gc_duration_seconds_sum"),
    "lag": ("event_loop_lag_seconds_sum", "eventloop_lag_seconds_sum"),
}
"""Ends of the names of histograms and summaries, whose prefix is the server's own."""


@dataclass(frozen=True)
class PauseReading:
    """Pauses that a server had reported at one moment, in total since its start and over its processes.

    Attributes:
        asked_s: Time of the request, in seconds since the epoch.
        at_s: Time of the answer.
        gc_pause_s: Time in garbage collections; None if it is not reported.
        loop_lag_s: Sum of the times by which its event loop was late.
    """

    asked_s: float
    at_s: float
    gc_pause_s: float | None
    loop_lag_s: float | None


class PauseReader(PeriodicThread):
    """Reads a server's metrics in a thread; use it as a context manager.

    It asks a server that reports no pauses only once.

    Args:
        url: MCP endpoint of the server; its metrics are beside it.
        access: How clients reach the server.
    """

    def __init__(self, url: str, access: Access = OPEN, interval_s: float = INTERVAL_S) -> None:
        super().__init__(self._read, interval_s, "pause reader")
        self._url = url
        self._access = access
        self._is_reported: bool | None = None
        self._readings: list[PauseReading] = []

    @property
    def readings(self) -> tuple[PauseReading, ...]:
        """Readings so far, in order."""
        return tuple(self._readings)

    def finish(self) -> None:
        """Read once more, after the load: what happened since the last reading belongs to it, too."""
        if self._is_reported:
            self._read()

    def _read(self) -> None:
        if self._is_reported is False:
            return
        asked_s = time.time()
        totals = endpoints.totals(self._url, PAUSE_METRICS, access=self._access)
        gc_pause_s, loop_lag_s = totals["gc"], totals["lag"]
        is_answered = gc_pause_s is not None or loop_lag_s is not None
        # A server that hangs later on still reports them when it is back.
        self._is_reported = self._is_reported or is_answered
        if is_answered:
            self._readings.append(PauseReading(asked_s, time.time(), gc_pause_s, loop_lag_s))
