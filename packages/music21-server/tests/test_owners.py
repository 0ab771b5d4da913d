"""Owners of scores over HTTP: nobody invents one, and what a session stored is freed with it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any, ClassVar

import httpx2
import pytest
from pydantic_settings import SettingsConfigDict

from music21_server import server
from music21_server.server import create_server
from music21_server.settings import Music21Settings
from music21_server.store.limits import StoreLimits
from music21_server.store.local import LocalStore
from music21_server.workers.fair_queue import EVERYBODY
from server_core import ServedApp, create_app

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("fast_lane", [True, False])]

VERSION = "2025-11-25"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
TYPES = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


class QuietSettings(Music21Settings):
    """Settings that read neither the environment nor `.env`."""

    model_config = SettingsConfigDict(env_prefix="UNUSED_PREFIX_", env_file=None)


class InlinePool:
    """A pool that calls the functions in the test process, and records owner and client of each call."""

    callers: ClassVar[list[tuple[str, str | None]]] = []

    def __init__(self, *_: Any, **__: Any) -> None:
        self.callers.clear()

    async def __aenter__(self) -> InlinePool:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def run(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        owner: str,
        client: str | None,
        **_: Any,
    ) -> Any:
        self.callers.append((owner, client))
        return function(*arguments)


class Server:
    """A server in memory, with a client for both wires."""

    def __init__(self, app: ServedApp, store: LocalStore, http: httpx2.AsyncClient) -> None:
        self.app = app
        self.store = store
        self._http = http

    async def post(self, message: dict[str, Any], headers: dict[str, str]) -> httpx2.Response:
        body = json.dumps({"jsonrpc": "2.0", **message})
        return await self._http.post("/mcp", content=body, headers={**TYPES, **headers})

    async def open_session(self) -> str:
        info = {"name": "test", "version": "1"}
        params = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": info}
        answer = await self.post({"id": 0, "method": "initialize", "params": params}, {})
        return str(answer.headers["mcp-session-id"])

    async def close(self, session: str) -> None:
        await self._http.delete("/mcp", headers={"mcp-session-id": session, "mcp-protocol-version": VERSION})

    async def in_session(self, session: str, tool: str, **arguments: Any) -> dict[str, Any]:
        headers = {"mcp-session-id": session, "mcp-protocol-version": VERSION}
        params = {"name": tool, "arguments": arguments}
        return _result(await self.post({"id": 1, "method": "tools/call", "params": params}, headers))

    async def stateless(self, tool: str, named_session: str, **arguments: Any) -> dict[str, Any]:
        headers = {
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": tool,
            "mcp-session-id": named_session,
        }
        params = {"name": tool, "arguments": arguments, "_meta": META}
        return _result(await self.post({"id": 1, "method": "tools/call", "params": params}, headers))


def _result(answer: httpx2.Response) -> dict[str, Any]:
    result: dict[str, Any] = answer.json()["result"]
    return result


def names_in(listed: dict[str, Any]) -> set[str]:
    return {score["score_id"] for score in listed["structuredContent"]["scores"]}


def tune(number: int) -> str:
    """Return a source that no other number has."""
    return "tinyNotation: 4/4 " + " ".join(f"{'cdefgab'[number // 7**place % 7]}4" for place in range(4))


@pytest.fixture
def serve(
    monkeypatch: pytest.MonkeyPatch, *, fast_lane: bool
) -> Callable[..., contextlib.AbstractAsyncContextManager[Server]]:
    """Return a context manager that serves the app, with limits of the store and settings."""

    @contextlib.asynccontextmanager
    async def serving(limits: StoreLimits | None = None, **settings: Any) -> AsyncIterator[Server]:
        limits = limits or StoreLimits()
        store = LocalStore(limits)
        monkeypatch.setattr(server, "Pool", InlinePool)
        monkeypatch.setattr(server, "_open_store", lambda _: store)
        own = QuietSettings(fast_lane=fast_lane, **asdict(limits), **settings)
        app = create_app(create_server(own), own)
        transport = httpx2.ASGITransport(app)
        async with (
            app.lifespan(),
            httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
        ):
            yield Server(app, store, http)

    return serving


Serve = Callable[..., contextlib.AbstractAsyncContextManager[Server]]


async def test_invented_sessions_are_one_owner(serve: Serve) -> None:
    async with serve(StoreLimits(max_scores_per_owner=3)) as served:
        for number in range(3):
            stored = await served.stateless("import_score", f"invented-{number}", source=tune(number))
            assert not stored.get("isError"), stored
        refused = await served.stateless("import_score", "invented-3", source=tune(3))
        assert refused["isError"]
        assert "scores of this client" in refused["content"][0]["text"]
        assert served.store.figures().owners == 1
        assert len(names_in(await served.stateless("list_scores", "invented-9"))) == 3


async def test_the_scores_of_a_session_are_its_own(serve: Serve) -> None:
    async with serve() as served:
        session, other = await served.open_session(), await served.open_session()
        await served.in_session(session, "import_score", source=tune(1), score_id="mine")
        assert names_in(await served.in_session(session, "list_scores")) == {"mine"}
        assert names_in(await served.in_session(other, "list_scores")) == set()
        for named in (session, other, "invented"):
            assert names_in(await served.stateless("list_scores", named)) == set()
            assert (await served.stateless("score_info", named, score_id="mine"))["isError"]


async def test_the_scores_of_a_closed_session_are_gone(serve: Serve) -> None:
    async with serve() as served:
        session = await served.open_session()
        await served.in_session(session, "import_score", source=tune(1), score_id="mine")
        await served.close(session)
        await served.app._session_ends.settled()
        assert (await served.stateless("score_info", session, score_id="mine"))["isError"]
        assert served.store.figures().names == 0


async def test_sessions_that_come_and_go_do_not_fill_the_store(serve: Serve) -> None:
    async with serve(StoreLimits(max_scores=3)) as served:
        for number in range(8):
            session = await served.open_session()
            stored = await served.in_session(session, "import_score", source=tune(number))
            assert not stored.get("isError"), stored
            await served.close(session)
            await served.app._session_ends.settled()


async def test_scores_are_freed_with_a_session_that_gave_way(serve: Serve) -> None:
    async with serve(max_sessions_per_client=1) as served:
        for number in range(4):
            session = await served.open_session()
            await served.in_session(session, "import_score", source=tune(number))
        await served.app._session_ends.settled()
        assert served.store.figures().names == 1


async def test_scores_of_a_token_outlive_its_sessions(serve: Serve) -> None:
    token = "ann-" + "a" * 20
    async with serve(auth_tokens=[token]) as served:
        served._http.headers["authorization"] = f"Bearer {token}"
        session = await served.open_session()
        await served.in_session(session, "import_score", source=tune(1), score_id="mine")
        await served.close(session)
        await served.app._session_ends.settled()
        assert names_in(await served.stateless("list_scores", "invented")) == {"mine"}


async def test_the_sessions_of_one_client_do_not_fill_the_store(serve: Serve) -> None:
    limits = StoreLimits(max_scores=6, max_scores_per_owner=2)
    async with serve(limits) as served:
        answers = [
            await served.in_session(await served.open_session(), "import_score", source=tune(number))
            for number in range(6)
        ]
        assert [answer.get("isError", False) for answer in answers] == [False] * 3 + [True] * 3
        assert "all sessions of one client" in answers[-1]["content"][0]["text"]
        transport = httpx2.ASGITransport(served.app, client=("10.0.0.9", 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            other = Server(served.app, served.store, http)
            session = await other.open_session()
            for number in range(2):
                stored = await other.in_session(session, "import_score", source=tune(10 + number))
                assert not stored.get("isError"), stored


async def test_all_sessions_of_a_client_are_one_client_for_the_worker_processes(serve: Serve) -> None:
    async with serve() as served:
        sessions = [await served.open_session() for _ in range(2)]
        for number, session in enumerate(sessions):
            await served.in_session(session, "import_score", source=tune(number))
        await served.stateless("import_score", sessions[0], source=tune(2))
        transport = httpx2.ASGITransport(served.app, client=("10.0.0.9", 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            other = Server(served.app, served.store, http)
            await other.in_session(await other.open_session(), "import_score", source=tune(3))
        (first, one), (second, two), (nobody, no_client), (_, three) = InlinePool.callers
        assert (first, second) == (f"session {sessions[0]}", f"session {sessions[1]}")
        assert one == two != three
        assert one
        assert three
        assert (nobody, no_client) == (EVERYBODY, None)
