"""Pauses that stop all calls of a process: a busy event loop, and garbage collections.

Both are counted in plain numbers. The client library's metrics take a lock, and a garbage collection may
begin while the same thread holds it.
"""

from __future__ import annotations

import asyncio
import gc
import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from time import monotonic, perf_counter
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

_PROBE_INTERVAL_S: Final = 0.1
"""Time between two looks at the event loop, of 20 µs each; uvicorn's own timer is as frequent."""

_RECENT_S: Final = 10.0
"""A maximum is one of the last 10 to 20 s: one since the start would stay at its first, slow requests."""

# A timer of an idle event loop is up to a millisecond late.
_LAG_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# From a collection of young objects to a full one of a hundred thousand objects.
_PAUSE_BOUNDS_S: Final = (
    2.5e-05,
    1e-04,
    2.5e-04,
    1e-03,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
)

_GENERATIONS: Final = 3


class Durations:
    """Counts of durations by bucket, with the largest recent one.

    Args:
        bounds_s: Upper bounds of the buckets; one more, without a bound, follows.
        clock: Returns the time in seconds.

    Example:
        >>> durations = Durations((0.001, 0.1))
        >>> durations.observe(0.02)
        >>> durations.up_to(), durations.largest_s()
        ([0, 1, 1], 0.02)
    """

    def __init__(self, bounds_s: Sequence[float], clock: Callable[[], float] = monotonic) -> None:
        self.bounds_s = bounds_s
        self.total_s = 0.0
        self._counts = [0] * (len(bounds_s) + 1)
        self._clock = clock
        self._began_s = clock()
        self._before_s = self._largest_s = 0.0

    def observe(self, duration_s: float) -> None:
        """Count a duration in seconds."""
        self._counts[bisect_left(self.bounds_s, duration_s)] += 1
        self.total_s += duration_s
        self._forget_old()
        self._largest_s = max(self._largest_s, duration_s)

    def up_to(self) -> list[int]:
        """Return how many durations were at most as long as each bound; the last number is of all."""
        return list(accumulate(self._counts))

    def largest_s(self) -> float:
        """Return the longest duration of the last 10 to 20 s; 0 if there was none."""
        self._forget_old()
        return max(self._before_s, self._largest_s)

    def _forget_old(self) -> None:
        age_s = self._clock() - self._began_s
        if age_s >= _RECENT_S:
            self._before_s = self._largest_s if age_s < 2 * _RECENT_S else 0.0
            self._largest_s = 0.0
            self._began_s += age_s


class Pauses:
    """Watches the event loop and the garbage collector from `start` to `stop`.

    How late the loop runs a timer is how long a request waits until its worker looks at it. A stall that is
    shorter than the interval of the timer is seen with a probability of its share of the interval; a longer
    one is always seen, and counts once.
    """

    def __init__(self) -> None:
        self.lag = Durations(_LAG_BOUNDS_S)
        self.collections = tuple(Durations(_PAUSE_BOUNDS_S) for _ in range(_GENERATIONS))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._collection_began_s: float | None = None

    def start(self) -> None:
        """Begin to watch the running event loop and the process."""
        self._loop = asyncio.get_running_loop()
        self._wait()
        gc.callbacks.append(self._note_collection)

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop = None
            gc.callbacks.remove(self._note_collection)

    def _wait(self) -> None:
        if self._loop is not None:
            self._due_s = self._loop.time() + _PROBE_INTERVAL_S
            self._timer = self._loop.call_at(self._due_s, self._look)

    def _look(self) -> None:
        if self._loop is not None:
            self.lag.observe(max(0.0, self._loop.time() - self._due_s))
            self._wait()

    def _note_collection(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self._collection_began_s = perf_counter()
        elif self._collection_began_s is not None:
            pause_s = perf_counter() - self._collection_began_s
            self._collection_began_s = None
            self.collections[min(info["generation"], _GENERATIONS - 1)].observe(pause_s)

    def metrics(self) -> Iterator[Metric]:
        """Yield both histograms, and the largest recent values."""
        lag = HistogramMetricFamily(
            "mcp_event_loop_lag_seconds", "How late the event loop runs a timer, ten times a second."
        )
        lag.add_metric([], _buckets(self.lag), self.lag.total_s)
        yield lag
        yield GaugeMetricFamily(
            "mcp_event_loop_lag_max_seconds",
            "Largest lag of the event loop in the last 10 to 20 seconds.",
            value=self.lag.largest_s(),
        )
        pauses = HistogramMetricFamily(
            "mcp_gc_pause_seconds", "Duration of garbage collections by generation.", labels=["generation"]
        )
        longest = GaugeMetricFamily(
            "mcp_gc_pause_max_seconds",
            "Longest garbage collection in the last 10 to 20 seconds, by generation.",
            labels=["generation"],
        )
        for generation, durations in enumerate(self.collections):
            pauses.add_metric([str(generation)], _buckets(durations), durations.total_s)
            longest.add_metric([str(generation)], durations.largest_s())
        yield pauses
        yield longest


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    bounds = (*durations.bounds_s, math.inf)
    names = [floatToGoString(bound) for bound in bounds]  # type: ignore[no-untyped-call]  # untyped there
    return list(zip(names, durations.up_to(), strict=True))
