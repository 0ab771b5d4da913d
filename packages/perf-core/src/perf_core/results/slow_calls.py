"""The slowest calls in a record: which they were, and what server and k6 did meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from perf_core.load.k6_events import TimedCall


@dataclass(frozen=True)
class ServerMeanwhile:
    """Activity of server and k6 while a slow call waited, between the samples around the call.

    Attributes:
        window_s: Time between these samples.
        cpu_cores: Mean number of cores that the server used; None where its processes are not visible.
        rss_mb: Its resident memory afterwards.
        rss_change_mb: Growth of it meanwhile.
        waiting_threads: Mean number of its threads that were ready to run and waited for a CPU; None where
            the system does not count it.
        pauses_window_s: Time between the readings of its metrics around the call; None if it exports no
            pauses.
        gc_pause_s: Time in garbage collections between these readings.
        loop_lag_s: Time by which its event loop was late between them, in total.
        generator_stop_s: Part of the call in which k6 stood still: so long the call may have taken less.
        generator_waiting_threads: Mean number of threads of k6 that waited for a CPU.
    """

    window_s: float
    cpu_cores: float | None = None
    rss_mb: float | None = None
    rss_change_mb: float | None = None
    waiting_threads: float | None = None
    pauses_window_s: float | None = None
    gc_pause_s: float | None = None
    loop_lag_s: float | None = None
    generator_stop_s: float = 0.0
    generator_waiting_threads: float | None = None


@dataclass(frozen=True)
class SlowCall(TimedCall):
    """One of the slowest calls of a run.

    Attributes:
        server: Activity meanwhile; None where neither the server nor k6 was sampled.
    """

    server: ServerMeanwhile | None = None

    @property
    def end_s(self) -> float:
        """Its end, in seconds from the start of the load."""
        return self.at_s + self.duration_s
