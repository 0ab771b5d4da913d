"""Servers that are started and initialized before a client asks for them.

The start of a process takes a thousand times as long as a call. A load that begins with many sessions at once
would measure little else in its first seconds. A server that takes half a minute to start would keep the lab
waiting for minutes: one whose session was only opened and looked around in is given to the next client.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import psutil

from perf_core.server.bridge.messages import Request, read_from_server, with_answer_id
from perf_core.server.bridge.upstreams import (
    INITIALIZED,
    NoAnswer,
    Start,
    Upstream,
    answer_of,
    is_result,
    start_with,
)

_LOOK_S = 0.5
"""Time between two looks at how busy the CPUs are."""

_IDLE_PERCENT = 75.0
"""Use of the CPUs below which one more server is started at a time: those that start wait for something."""

_WAITING_SHARE = 0.25
"""The same for the use of one CPU by each server that starts, on a machine whose CPUs others use."""

_LEAVES_AS_NEW = frozenset(
    {
        INITIALIZED,
        "ping",
        "tools/list",
        "resources/list",
        "resources/templates/list",
        "prompts/list",
    }
)
"""Messages after which a server is as it was before: they ask what it has."""


def leaves_as_new(method: str) -> bool:
    """Return whether a server that got such a message may be given to another client."""
    return method in _LEAVES_AS_NEW


@dataclass(frozen=True)
class Offer:
    """The part of `initialize` that decides the server's answer; the client's name does not."""

    revision: str
    capabilities: str


@dataclass(frozen=True)
class Prepared:
    """A server that has answered `initialize`, for a client that offers the same.

    Attributes:
        start_s: Time from its start to its answer.
        is_initialized: Whether it has got `notifications/initialized`, which it gets once.
    """

    offer: Offer
    upstream: Upstream
    answer: bytes
    start_s: float
    is_initialized: bool = False

    def suits(self, offer: Offer) -> bool:
        """Return whether it would give a client with this offer the same answer.

        A server answers a revision that it supports with the same one, also the one that it has chosen.
        """
        revisions = {self.offer.revision, _member(self.answer, "result", "protocolVersion")}
        return self.offer.capabilities == offer.capabilities and offer.revision in revisions


class PreparedUpstreams:
    """Servers in reserve; each is given to one client."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._ready: list[Prepared] = []

    async def prepare(self, request: Request, count: int, each_s: float) -> list[float]:
        """Start servers until there are as many in reserve, and give each an `initialize`.

        As many start at once as there are CPUs, and more while they need no CPU. Return the seconds until
        each had answered; those that did not answer with a result are left out. No further ones are started
        after one that took longer than ``each_s``: several servers may wait for each other, for a lock for
        example.
        """
        offer = offer_of(request)
        suitable = [each for each in self._ready if each.upstream.runs and each.suits(offer)]
        others = [each for each in self._ready if each not in suitable]
        self._ready = [*suitable]
        free, is_stuck, starting = asyncio.Semaphore(os.cpu_count() or 1), False, 0

        async def one() -> float | None:
            nonlocal is_stuck, starting
            async with free:
                if is_stuck:
                    return None
                starting += 1
                try:
                    prepared = await self._prepared(request, each_s)
                except NoAnswer:
                    return None
                except TimeoutError:
                    is_stuck = True
                    return None
                finally:
                    starting -= 1
                if prepared is None:
                    return None
                self._ready.append(prepared)
                return prepared.start_s

        async with _more_while_idle(free, lambda: starting):
            missing = max(0, count - len(suitable))
            started = await asyncio.gather(*(one() for _ in range(missing)))
        await asyncio.gather(*(each.upstream.end() for each in others))
        ready_s = [each.start_s for each in suitable[:count]]
        return [*ready_s, *(duration_s for duration_s in started if duration_s is not None)]

    async def _prepared(self, request: Request, each_s: float) -> Prepared | None:
        """Return a server that has answered with a result; end one that has not.

        Raises:
            NoAnswer: It did not start, or ended.
            TimeoutError: It took longer than ``each_s``.
        """
        began = time.monotonic()
        upstream = await start_with(self._start, {})
        prepared: Prepared | None = None
        try:
            async with asyncio.timeout(each_s):
                answer = await answer_of(upstream, request)
            if is_result(answer):
                prepared = Prepared(offer_of(request), upstream, answer, time.monotonic() - began)
        finally:
            if prepared is None:
                await upstream.end()
        return prepared

    def take(self, request: Request) -> tuple[Prepared, bytes] | None:
        """Return a server in reserve and its answer to this `initialize`; None if there is none."""
        if not self._ready:
            return None
        offer = offer_of(request)
        for prepared in self._ready:
            message = read_from_server(prepared.answer)
            if prepared.upstream.runs and message is not None and prepared.suits(offer):
                self._ready.remove(prepared)
                return prepared, with_answer_id(prepared.answer, message, request.raw_id)
        return None

    def put(self, prepared: Prepared) -> None:
        """Take a server back that is as it was after its start."""
        self._ready.append(prepared)

    def all(self) -> list[Upstream]:
        """Return the servers that no client has taken."""
        return [prepared.upstream for prepared in self._ready]


@contextlib.asynccontextmanager
async def _more_while_idle(free: asyncio.Semaphore, starting: Callable[[], int]) -> AsyncIterator[None]:
    """Let one more server start at each look at CPUs that are idle, or at servers that hardly use any.

    Args:
        starting: Returns the number of servers that start.
    """

    async def look() -> None:
        psutil.cpu_percent()
        before_s, began = _children_cpu_s(), time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_S)
            now_s, now = _children_cpu_s(), time.monotonic()
            share = (now_s - before_s) / ((now - began) * max(1, starting()))
            before_s, began = now_s, now
            if psutil.cpu_percent() < _IDLE_PERCENT or share < _WAITING_SHARE:
                free.release()

    looking = asyncio.get_running_loop().create_task(look())
    try:
        yield
    finally:
        looking.cancel()


def _children_cpu_s() -> float:
    """Return the CPU time of all servers and what they have started, as far as they run."""
    used_s = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            used_s += times.user + times.system
    return used_s


def offer_of(request: Request) -> Offer:
    """Return the offer of an `initialize`."""
    params = json.loads(request.body).get("params") or {}
    return Offer(str(params.get("protocolVersion")), json.dumps(params.get("capabilities"), sort_keys=True))


def client_name(request: Request) -> str:
    """Return the name that a client gives itself in its `initialize`; empty without one."""
    return _member(request.body, "params", "clientInfo", "name")


def _member(text: bytes, *path: str) -> str:
    value = json.loads(text)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
