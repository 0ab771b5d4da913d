"""Sessions of the probe at a server whose load balancer keeps them apart by cookies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from perf_core.load.probe.pace import Pace
from perf_core.load.probe.rounds import HELD_STREAMS, ProbedServer, Rounds
from perf_core.server.credentials.access import OPEN


class Balancer:
    """Gives each session a cookie, and notes requests of sessions without theirs."""

    def __init__(self) -> None:
        self.sessions = 0
        self.all_open = asyncio.Event()
        self.deleted = 0
        self.wrong: list[str] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        session = request.headers.get("mcp-session-id")
        if session is not None and request.headers.get("cookie") != f"node={session}":
            self.wrong.append(f"{request.method} {session} {request.headers.get('cookie')}")
        if request.method == "DELETE":
            self.deleted += 1
            return httpx2.Response(200)
        if request.method == "GET":
            return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=_endless())
        message = json.loads(request.content)
        if "id" not in message:
            return httpx2.Response(202)
        self.sessions += 1
        if self.sessions == HELD_STREAMS:
            self.all_open.set()
        headers = {"Mcp-Session-Id": str(self.sessions), "Set-Cookie": f"node={self.sessions}"}
        result = {"protocolVersion": "2025-11-25"}
        return httpx2.Response(200, headers=headers, json={"id": message["id"], "result": result})


async def _endless() -> AsyncIterator[bytes]:
    yield b": open\n\n"
    await asyncio.Event().wait()


def test_each_held_stream_has_the_cookies_of_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    balancer = Balancer()
    rounds = Rounds(ProbedServer("http://h/mcp", "session", OPEN, {}, 5.0), Pace(load_s=1.0, users=1))

    def client() -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(balancer))

    monkeypatch.setattr(rounds, "client", client)

    async def work() -> None:
        async with rounds.client() as http:
            holding = asyncio.create_task(rounds.run(http, lambda: None))
            async with asyncio.timeout(30):
                await balancer.all_open.wait()
            holding.cancel()
            await asyncio.wait({holding})
            await rounds.close()

    asyncio.run(work())
    assert balancer.wrong == []
    assert balancer.deleted >= HELD_STREAMS - 1
