"""Load from several connections at once, each of which sends its next call when the last one is answered."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter
from typing import Final, cast
from urllib.parse import urlsplit

import httpx2
from shapes import BOTH_TYPES, INITIALIZE, call, headers, request_bytes

from perf_core.adapter import Wire

PATIENCE_S: Final = 60.0
"""Time for the answers that are still missing at the end of a slice."""

_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


async def run(
    url: str, wire: Wire, shape: str, *, connections: int, slice_s: float, read_cpu_s: Callable[[], float]
) -> tuple[int, float]:
    """Return the calls answered in about `slice_s` seconds, and the server's CPU seconds for them.

    Sessions are opened before and ended after.

    Raises:
        SystemExit: An answer is wrong.
    """
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    numbers = itertools.count(1)
    sessions = [await _session(url) if wire == "session" else "" for _ in range(connections)]
    before_s, deadline_s = read_cpu_s(), perf_counter() + slice_s
    callers = []
    for session in sessions:
        fields = headers(wire, session)
        requests = (
            (number, request_bytes(parts.path, parts.netloc, fields, call(shape, wire, number)))
            for number in numbers
        )
        _, caller = await loop.create_connection(
            partial(_Caller, requests, deadline_s), parts.hostname or "", parts.port or 80
        )
        callers.append(caller)
    async with asyncio.timeout(slice_s + PATIENCE_S):
        calls = sum([await caller.finished for caller in callers])
    cpu_s = read_cpu_s() - before_s
    for caller in callers:
        caller.close()
    if wire == "session":
        await _end(url, sessions)
    return calls, cpu_s


class _Caller(asyncio.Protocol):
    """One connection; `finished` is its number of calls once time is up."""

    def __init__(self, requests: Iterator[tuple[int, bytes]], deadline_s: float) -> None:
        self.finished: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._deadline_s = deadline_s
        self._calls = 0
        self._received = b""
        self._number = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's classes are not asyncio's
        self._send()

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def _send(self) -> None:
        assert self._transport is not None
        self._number, data = next(self._requests)
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return
        self._received = b""
        if b'{"result":%.1f}' % (self._number + 0.5) not in body:
            self.finished.set_exception(SystemExit(f"expected {self._number} + 0.5, got {body[:300]!r}"))
            return
        self._calls += 1
        if perf_counter() < self._deadline_s:
            self._send()
        else:
            self.finished.set_result(self._calls)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(SystemExit(f"expected an answer, got a closed connection: {exc}"))


async def _session(url: str) -> str:
    async with httpx2.AsyncClient(timeout=30) as http:
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE}
        answer = await http.post(url, json=message, headers=BOTH_TYPES)
        if answer.status_code != 200:
            raise SystemExit(f"expected a session, got HTTP {answer.status_code} {answer.text[:300]}")
        session = answer.headers.get("mcp-session-id", "")
        opened = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        await http.post(url, json=opened, headers=headers("session", session))
        return str(session)


async def _end(url: str, sessions: list[str]) -> None:
    async with httpx2.AsyncClient(timeout=30) as http:
        for session in filter(None, sessions):
            await http.delete(url, headers=headers("session", session))
