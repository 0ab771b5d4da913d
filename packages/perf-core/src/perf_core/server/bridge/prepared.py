"""Servers that are started and initialized before a client asks for them.

The start of a process takes a thousand times as long as a call. A load that begins with many sessions at once
would measure little else in its first seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass

from perf_core.server.bridge.messages import Request, read_from_server, with_answer_id
from perf_core.server.bridge.upstreams import NoAnswer, Start, Upstream, answer_of, is_result, start_with


@dataclass(frozen=True)
class _Prepared:
    """A server that has answered `initialize`, for a client that offers the same."""

    offer: str
    upstream: Upstream
    answer: bytes


class PreparedUpstreams:
    """Servers in reserve; each is given to one client."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._ready: list[_Prepared] = []

    async def prepare(self, request: Request, count: int, each_s: float) -> list[float]:
        """Start servers, as many at once as there are CPUs, and give each an `initialize`.

        Return the seconds until each had answered; those that did not answer with a result are left out. No
        further ones are started after one that took longer than ``each_s``: several servers may wait for each
        other, such as for a lock.
        """
        free, is_stuck = asyncio.Semaphore(os.cpu_count() or 1), False

        async def one() -> float | None:
            nonlocal is_stuck
            async with free:
                if is_stuck:
                    return None
                began = time.monotonic()
                try:
                    prepared = await self._prepared(request, each_s)
                except NoAnswer:
                    return None
                except TimeoutError:
                    is_stuck = True
                    return None
                if prepared is None:
                    return None
                self._ready.append(prepared)
                return time.monotonic() - began

        started = await asyncio.gather(*(one() for _ in range(count)))
        return [duration_s for duration_s in started if duration_s is not None]

    async def _prepared(self, request: Request, each_s: float) -> _Prepared | None:
        """Return a server that has answered with a result; end one that has not.

        Raises:
            NoAnswer: It did not start, or ended.
            TimeoutError: It took longer than ``each_s``.
        """
        upstream = await start_with(self._start, {})
        prepared: _Prepared | None = None
        try:
            async with asyncio.timeout(each_s):
                answer = await answer_of(upstream, request)
            if is_result(answer):
                prepared = _Prepared(_offer(request), upstream, answer)
        finally:
            if prepared is None:
                await upstream.end()
        return prepared

    def take(self, request: Request) -> tuple[Upstream, bytes] | None:
        """Return a server in reserve and its answer to this `initialize`; None if there is none."""
        if not self._ready:
            return None
        offer = _offer(request)
        for prepared in self._ready:
            message = read_from_server(prepared.answer)
            if prepared.offer == offer and prepared.upstream.runs and message is not None:
                self._ready.remove(prepared)
                return prepared.upstream, with_answer_id(prepared.answer, message, request.raw_id)
        return None

    def all(self) -> list[Upstream]:
        """Return the servers that no client has taken."""
        return [prepared.upstream for prepared in self._ready]


def _offer(request: Request) -> str:
    """Return what decides the answer of a server: the client's name does not."""
    params = json.loads(request.body).get("params") or {}
    return json.dumps([params.get("protocolVersion"), params.get("capabilities")], sort_keys=True)
