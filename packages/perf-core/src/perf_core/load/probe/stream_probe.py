"""The probe in its thread, beside the load.

A probe in the lab's process costs no process of its own: it makes one call a second at most, and only to
tools that stream or whose server tells its own time (``Server-Timing``).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from types import TracebackType
from typing import Self

import httpx2

from perf_core.errors import TargetError
from perf_core.interruption import Interruption
from perf_core.load.probe.observations import Observations
from perf_core.load.probe.pace import Pace
from perf_core.load.probe.rounds import ProbedServer, Rounds

_POLL_S = 0.05
_MARGIN_S = 2.0
_JOIN_S = 10.0


class StreamProbe:
    """Observes what streams in calls to a server, in a thread; use it as a context manager.

    Entering it makes one call of each kind on the idle server, for a short time at most. Until
    :meth:`finish`, it repeats the calls that streamed or told the server's own time, and holds GET streams. A
    server that has none of these is asked nothing more, so that its load is undisturbed.

    Example::

        with StreamProbe(server, Pace(load_s=30, users=10), interruption) as probe:
            apply_load()
            observations = probe.finish()
    """

    def __init__(self, server: ProbedServer, pace: Pace, interruption: Interruption) -> None:
        self._rounds = Rounds(server, pace)
        self._longest_wait_s = 2 * pace.idle_s + _MARGIN_S
        self._interruption = interruption
        self._is_ready = threading.Event()
        self._is_ending = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="stream probe", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + self._longest_wait_s
        while not self._is_ready.wait(_POLL_S):
            if self._interruption.requested or time.monotonic() > deadline:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if self._error is not None and error is None:
            raise self._error

    def observations(self) -> Observations:
        """Return what was observed so far."""
        return self._rounds.observations()

    def finish(self) -> Observations:
        """End the probe with its connections, and return what it observed."""
        self._end()
        if self._error is not None:
            raise self._error
        return self.observations()

    def _end(self) -> None:
        self._is_ending.set()
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except* (httpx2.HTTPError, TargetError, TimeoutError, UnicodeError) as group:
            self._rounds.problem = f"the probe ended early: {_first_text(group)}"
        except* BaseException as error:  # noqa: BLE001 - handed to the thread that leaves the context
            self._error = error
        finally:
            self._is_ready.set()

    async def _work(self) -> None:
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._is_ending.is_set():
            return
        async with self._rounds.client() as http:
            work = asyncio.create_task(self._rounds.run(http, self._is_ready.set))
            stop = asyncio.create_task(self._stop.wait())
            try:
                await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stop.cancel()
                work.cancel()
                await asyncio.wait({work})
                await self._rounds.close()
            if not work.cancelled():
                work.result()


def _first_text(group: BaseExceptionGroup[BaseException]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "no answer to its handshake in time"
    return str(error) or type(error).__name__
