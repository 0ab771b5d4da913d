"""The work of the probe: a call of each kind on the idle server, then those that show more; held streams."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2

from perf_core.adapter import Journey, Pools, Step, Wire
from perf_core.errors import TargetError
from perf_core.load.placeholders import filled, saved_values
from perf_core.load.probe.choice import Group, groups_of, streaming_groups
from perf_core.load.probe.connection import Connection
from perf_core.load.probe.observations import Observations, ProbedCall, SlowRead
from perf_core.load.probe.pace import Pace
from perf_core.server.credentials.access import Access
from perf_core.server.credentials.http_client import async_http_client
from perf_core.server.listeners import is_local

HELD_STREAMS = 3
"""GET streams that are held, each in a session of its own, since servers allow one for each session."""

LONG_ANSWER_BYTES = 256_000
LONG_LOCAL_ANSWER_BYTES = 4_000_000
"""Shortest answers that are read slowly: shorter ones fit into the buffers of the system, so that no server
notices. On the loopback interface of Linux they hold 2.6 MB."""

_HELD_UP_SHARE = 0.2
"""Share of the time of a slow reader by which another call is longer if it waits for it. A call that begins
after a quarter of that time waits until the rest fits into buffers."""

_SLOW_READ_S = 5.0
_MOST_CALLS_WITHOUT_STREAM = 3
_CLOSING_S = 2.0
_RECEIVE_BUFFER_BYTES = 16_384


@dataclass(frozen=True)
class ProbedServer:
    """The server that is probed, and how it is called.

    Attributes:
        pools: Journeys of the load.
        timeout_s: Longest time that an answer may take.
    """

    url: str
    wire: Wire
    access: Access
    pools: Pools
    timeout_s: float


class Rounds:
    """Calls and streams of the probe, and what it has observed so far."""

    def __init__(self, server: ProbedServer, pace: Pace) -> None:
        self.problem = ""
        self._server = server
        self._pace = pace
        self._groups = groups_of(server.pools)
        self._connections: list[Connection] = []
        self._further_clients: list[httpx2.AsyncClient] = []
        self._idle_calls: list[ProbedCall] = []
        self._begun_at_s: list[float] = []
        self._calls: list[ProbedCall] = []
        self._slow_read: SlowRead | None = None

    def observations(self) -> Observations:
        """Return what was observed so far."""
        return Observations(
            tuple(self._idle_calls),
            tuple(self._begun_at_s),
            tuple(self._calls),
            tuple(stream for connection in self._connections for stream in connection.held),
            self._slow_read,
            self.problem,
        )

    async def run(self, http: httpx2.AsyncClient, on_ready: Callable[[], None]) -> None:
        """Work until the task is cancelled.

        Args:
            on_ready: Called when each kind of call was tried, so that the load can begin.

        Raises:
            ExceptionGroup: The server gave no answer to the handshake, or the lab got no token for it.
        """
        async with asyncio.TaskGroup() as tasks:
            connection = self._connection(http)
            async with asyncio.timeout(self._pace.idle_s):
                await connection.open()
            self._connections.append(connection)
            if self._server.wire == "session":
                tasks.create_task(self._hold(connection, tasks))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.idle_s):
                    for group in self._groups:
                        async for call in _follow(connection, group[0], lambda: None):
                            self._idle_calls.append(call)
            on_ready()
            await self._beside_the_load(connection)

    async def close(self) -> None:
        """Delete the sessions."""
        closing = (connection.close() for connection in self._connections)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                await asyncio.gather(*closing, return_exceptions=True)
        for client in self._further_clients:
            await client.aclose()

    def client(self, *, receive_buffer_bytes: int | None = None) -> httpx2.AsyncClient:
        """Return an HTTP client for the server, with a small buffer for a slow reader."""
        access = self._server.access
        # Streams may be silent for long; each call has a limit of its own.
        timeout = httpx2.Timeout(self._server.timeout_s, read=None)
        if receive_buffer_bytes is None:
            return async_http_client(access, timeout)
        options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)]
        return async_http_client(access, timeout, socket_options=options)

    def _connection(self, http: httpx2.AsyncClient) -> Connection:
        server = self._server
        return Connection(http, server.url, server.wire, server.access, server.timeout_s)

    async def _beside_the_load(self, connection: Connection) -> None:
        last_s = max((call.total_s or 0.0 for call in self._idle_calls), default=0.0)
        long_answer = max(self._single_calls(), key=lambda call: call.size_bytes, default=None)
        least_bytes = LONG_LOCAL_ANSWER_BYTES if is_local(self._server.url) else LONG_ANSWER_BYTES
        if long_answer is not None and long_answer.size_bytes >= least_bytes:
            await asyncio.sleep(min(self._pace.interval_s(last_s), self._pace.load_s / 4))
            self._slow_read = await self._read_slowly(connection, long_answer)
        groups = deque(self._worth_repeating())
        number = 0
        while groups:
            group = groups.popleft()
            steps = len(group[0].steps)
            await asyncio.sleep(max(0.0, steps * self._pace.interval_s(last_s) - steps * last_s))
            calls = [call async for call in self._counted(connection, group[number % len(group)])]
            last_s = sum(call.total_s or 0.0 for call in calls) / steps
            number += 1
            if not self._has_shown_no_stream(group):
                groups.append(group)
        await asyncio.Event().wait()  # held streams go on

    async def _counted(self, connection: Connection, journey: Journey) -> AsyncGenerator[ProbedCall, None]:
        async for call in _follow(connection, journey, lambda: self._begun_at_s.append(time.time())):
            self._calls.append(call)
            yield call

    def _worth_repeating(self) -> Sequence[Group]:
        """Return the journeys that stream or tell their times, and those that had no time to show it."""
        streaming = {call.tool for call in self._idle_calls if call.is_streamed or call.tells_times}
        answered = {call.tool for call in self._idle_calls}
        called = {step.tool for group in self._groups for step in group[0].steps}
        return streaming_groups(self._groups, streaming | (called - answered))

    def _has_shown_no_stream(self, group: Group) -> bool:
        tools = {step.tool for step in group[0].steps}
        calls = [call for call in (*self._idle_calls, *self._calls) if call.tool in tools]
        is_worth_more = any(call.is_streamed or call.tells_times for call in calls)
        return not is_worth_more and len(calls) >= _MOST_CALLS_WITHOUT_STREAM

    async def _hold(self, connection: Connection, tasks: asyncio.TaskGroup) -> None:
        """Hold a GET stream, and more of them once the server has accepted the first."""
        accepted = asyncio.Event()
        first = tasks.create_task(connection.hold(accepted))
        waiting = tasks.create_task(accepted.wait())
        await asyncio.wait({first, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for _ in range(HELD_STREAMS - 1 if accepted.is_set() else 0):
            # With cookies of its own: a load balancer may keep each session to another server.
            client = self.client()
            self._further_clients.append(client)
            further = self._connection(client)
            # A server may limit its sessions: then fewer streams are held.
            with contextlib.suppress(httpx2.HTTPError, TargetError):
                await further.open()
                self._connections.append(further)
                tasks.create_task(further.hold(asyncio.Event()))

    async def _read_slowly(self, connection: Connection, long_answer: ProbedCall) -> SlowRead:
        """Read the longest answer slowly, and make the quickest call before and meanwhile."""
        step = self._step(long_answer.tool)
        quickest = min(self._single_calls(), key=lambda call: call.total_s or float("inf"))
        other = Journey(quickest.tool, (self._step(quickest.tool),))
        read_s = min(_SLOW_READ_S, self._pace.load_s / 3)
        (before,) = [call async for call in self._counted(connection, other)]
        async with self.client(receive_buffer_bytes=_RECEIVE_BUFFER_BYTES) as slow_http:
            at_s = time.time()
            self._begun_at_s.append(at_s)
            bytes_per_s = long_answer.size_bytes / read_s
            reading = asyncio.create_task(
                connection.read_slowly(slow_http, step, bytes_per_s, limit_s=2 * read_s)
            )
            try:
                await asyncio.sleep(read_s / 4)
                (meanwhile,) = [call async for call in self._counted(connection, other)]
                taken_s, size_bytes, is_whole = await reading
            finally:
                reading.cancel()
        return SlowRead(
            tool=step.tool,
            at_s=at_s,
            read_s=taken_s,
            size_bytes=size_bytes,
            is_whole=is_whole,
            before_s=before.total_s,
            meanwhile_s=meanwhile.total_s,
            held_up=_is_held_up(before.total_s, meanwhile.total_s, taken_s),
        )

    def _single_calls(self) -> list[ProbedCall]:
        """Return the calls before the load that need no other call before them."""
        tools = {group[0].steps[0].tool for group in self._groups if len(group[0].steps) == 1}
        return [call for call in self._idle_calls if call.tool in tools]

    def _step(self, tool: str) -> Step:
        """Return a step with this tool that needs no other step before it."""
        steps = (group[0].steps[0] for group in self._groups if len(group[0].steps) == 1)
        step = next(step for step in steps if step.tool == tool)
        return filled(step, {"unique": uuid4().hex[:16]})


def _is_held_up(before_s: float | None, meanwhile_s: float | None, read_s: float) -> bool:
    if before_s is None:
        return False
    return meanwhile_s is None or meanwhile_s - before_s > _HELD_UP_SHARE * read_s


async def _follow(
    connection: Connection, journey: Journey, on_begin: Callable[[], None]
) -> AsyncGenerator[ProbedCall, None]:
    """Follow a journey, with the values that its steps save, and yield each call.

    It ends where a call has no right answer or a value is missing, as under load: later steps build on that.
    """
    values: dict[str, Any] = {"unique": uuid4().hex[:16]}
    for step in journey.steps:
        on_begin()
        filled_step = filled(step, values)
        call, result = await connection.call(filled_step)
        yield call
        saved = saved_values(step, result)
        if call.problem or len(saved) < len(step.save):
            return
        values |= saved
