"""The server's memory and counts during a ladder, read from its processes or from its own ``/metrics``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from perf_core.results.session_costs import Step
from perf_core.sampling.kept_memory import KeptMemory, KeptMemoryMeter
from perf_core.server.client import endpoints
from perf_core.server.live import LiveServer

RESIDENT = "process_resident_memory_bytes"
"""Name that Prometheus' client libraries give to the resident memory of a process."""

IDLE_TIMEOUT = "mcp_session_idle_timeout_seconds"
"""Gauge with the time after which an idle session expires, for a server that tells it."""

WATCHED_GAUGES = (
    "mcp_sessions_open",
    "process_open_fds",
    "process_threads",
    # What takes the place of tasks in other languages: the Go collector, and Node's prom-client.
    "asyncio_tasks",
    "go_goroutines",
    "nodejs_active_handles_total",
    "nodejs_active_requests_total",
)
"""Gauges whose growth per session says something, of those that a server may have."""

_SETTLING_S = 0.02
"""Pause before a reading: connections are closed and tasks end a moment after the last answer."""


class Watch:
    """Reads what is visible of a server.

    Attributes:
        source: What its memory is; see :class:`.session_costs.SessionCosts`. Empty if it is not visible.
    """

    def __init__(self, live: LiveServer) -> None:
        self._live = live
        self._meter: KeptMemoryMeter | None = None
        if live.pid is not None:
            self._meter = KeptMemoryMeter(live.pid, root_apart=live.pid == live.bridge_pid)
        self._reports_memory = False
        self._pids: frozenset[int] | None = None
        self._first_swapped_kb: float | None = None
        self.has_swapped = False
        self.has_new_processes = False

    def expect_same_processes(self) -> None:
        """Begin to look for new processes: those that serve are all there."""
        self.has_new_processes = False

    @property
    def processes(self) -> int:
        """Number of processes at the last reading."""
        return len(self._pids or ())

    @property
    def source(self) -> str:
        """Kind of the memory; see the attributes."""
        if self._meter is not None:
            return self._meter.source
        return "metrics" if self._reports_memory else ""

    async def start(self) -> Mapping[str, float]:
        """Find out what the server reports itself; return its gauges."""
        gauges = await self.gauges()
        self._reports_memory = self._meter is None and RESIDENT in gauges
        return gauges

    async def gauges(self) -> dict[str, float]:
        """Return the watched gauges that the server has, with its resident memory and its idle timeout."""
        names = (*WATCHED_GAUGES, RESIDENT, IDLE_TIMEOUT)
        values = await asyncio.to_thread(endpoints.gauges, self._live.url, names, access=self._live.access)
        return {name: value for name, value in values.items() if value is not None}

    async def step(self, units: int, unit_ms: float | None = None) -> Step:
        """Return the server after a number of units, once it had a moment to settle."""
        await asyncio.sleep(_SETTLING_S)
        if self._meter is not None:
            reading = self._meter.read()
            if reading is None:
                self._pids = frozenset()
                return Step(units, None, unit_ms=unit_ms)
            self._note(reading)
            return Step(units, reading.kb, reading.fds, reading.threads, unit_ms)
        if self._reports_memory:
            gauges = await self.gauges()
            resident = gauges.get(RESIDENT)
            fds = gauges.get("process_open_fds")
            return Step(
                units,
                None if resident is None else resident / 1000,
                None if fds is None else round(fds),
                None,
                unit_ms,
            )
        return Step(units, None, unit_ms=unit_ms)

    async def kb(self) -> float | None:
        """Return the memory now."""
        return (await self.step(0)).kb

    def _note(self, reading: KeptMemory) -> None:
        if self._first_swapped_kb is None:
            self._first_swapped_kb = reading.swapped_kb
        self.has_swapped = self.has_swapped or reading.swapped_kb > self._first_swapped_kb
        # On stdio each session is a new process.
        if self._pids is not None and not self._live.transport.startswith("stdio"):
            self.has_new_processes = self.has_new_processes or bool(reading.pids - self._pids)
        self._pids = reading.pids
