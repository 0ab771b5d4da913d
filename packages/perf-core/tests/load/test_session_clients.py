"""Clients that open, leave and delete sessions at a server whose sessions can be counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx2
import pytest

from perf_core.load.session_clients import Clients, Reply, seconds_of, session_clients
from perf_core.server.client.sessions import OpenSession
from perf_core.server.credentials.access import OPEN, bearer

Result = TypeVar("Result")


def at(
    url: str, use: Callable[[Clients], Awaitable[Result]], *, access: Any = OPEN, timeout_s: float = 5.0
) -> Result:
    """Return what is done with clients of a server."""

    async def whole() -> Result:
        async with session_clients(url, access, at_once=2, most_streams=5, timeout_s=timeout_s) as clients:
            return await use(clients)

    return asyncio.run(whole())


def test_a_client_that_leaves_keeps_its_session_and_closes_its_connection(keeper) -> None:
    server = keeper()

    async def use(clients: Clients) -> list[Reply]:
        return [await clients.places[0].open() for _ in range(3)]

    replies = at(server.url, use)
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert len({reply.session.id for reply in replies if reply.session}) == 3
    assert server.keeper.open == 3


def test_deleted_sessions_are_gone_and_used_ones_are_not(keeper) -> None:
    server = keeper()

    async def use(clients: Clients) -> list[int]:
        place = clients.places[0]
        session = (await place.open()).session
        assert session is not None
        return [
            (await place.ping(session)).status,
            (await place.delete(session)).status,
            (await place.ping(session)).status,
            (await place.delete(session)).status,
            (await place.open_and_delete()).status,
        ]

    assert at(server.url, use) == [200, 200, 404, 404, 200]
    assert server.keeper.open == 0


def test_a_refusal_has_its_status_its_text_and_the_pause_that_was_asked_for(keeper) -> None:
    server = keeper(cap=1, cap_status=429)

    async def use(clients: Clients) -> tuple[Reply, Reply]:
        return await clients.places[0].open(), await clients.places[0].open()

    opened, refused = at(server.url, use)
    assert opened.is_success
    assert (refused.request, refused.status, refused.retry_after) == ("initialize", 429, "0")
    assert "too many sessions" in refused.excerpt
    assert refused.session is None
    assert not refused.is_success


def test_invented_sessions_are_refused(keeper) -> None:
    server = keeper()

    async def use(clients: Clients) -> Reply:
        return await clients.places[0].refused_twice("2025-11-25")

    reply = at(server.url, use)
    assert (reply.request, reply.status) == ("ping in an unknown session", 404)


def test_a_server_without_sessions_is_opened_all_the_same(keeper) -> None:
    server = keeper(sessions=False)

    async def use(clients: Clients) -> Reply:
        return await clients.places[0].open()

    reply = at(server.url, use)
    assert reply.is_success
    assert reply.session is None


def test_streams_are_held_until_they_are_dropped(keeper) -> None:
    server = keeper(stream_kb=1)

    async def use(clients: Clients) -> tuple[list[int], int, int, int]:
        place = clients.places[0]
        statuses = []
        for _ in range(3):
            session = (await place.open()).session
            assert session is not None
            statuses.append((await clients.streams.hold(session)).status)
        held = len(clients.streams)
        await clients.streams.drop()
        return statuses, held, len(clients.streams), clients.streams.ended

    assert at(server.url, use) == ([200, 200, 200], 3, 0, 0)


def test_a_server_without_streams_says_so(keeper) -> None:
    server = keeper(streams=False)

    async def use(clients: Clients) -> Reply:
        session = (await clients.places[0].open()).session
        assert session is not None
        return await clients.streams.hold(session)

    reply = at(server.url, use)
    assert reply.status == 405
    assert not reply.is_success


def test_no_server_is_no_answer_with_a_reason() -> None:
    async def use(clients: Clients) -> Reply:
        return await clients.places[0].open()

    reply = at("http://127.0.0.1:9/mcp", use)
    assert reply.status == 0
    assert reply.excerpt


def test_cookies_of_a_session_go_with_its_requests_and_with_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[str, str | None, str | None]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        method = "DELETE" if request.method == "DELETE" else str(request.read())
        seen.append((method[-60:], request.headers.get("cookie"), request.headers.get("authorization")))
        result = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}}
        headers = {"Mcp-Session-Id": "s-1", "Set-Cookie": "route=a; Path=/"}
        return httpx2.Response(200, json=result, headers=headers)

    monkeypatch.setattr(
        "perf_core.load.session_clients.async_http_client",
        lambda *_, **__: httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
    )

    async def use(clients: Clients) -> OpenSession | None:
        session = (await clients.places[0].open()).session
        assert session is not None
        await clients.places[0].delete(session)
        await clients.places[0].open()
        return session

    session = at("http://127.0.0.1:1/mcp", use, access=bearer(["token-of-the-lab"]))
    assert session == OpenSession("s-1", "http://127.0.0.1:1/mcp", "2025-06-18", cookies="route=a")
    assert [cookie for _, cookie, _ in seen] == [None, "route=a", "route=a", None, "route=a"]
    assert {authorization for _, _, authorization in seen} == {"Bearer token-of-the-lab"}


def test_an_answer_in_a_stream_is_read_and_the_open_stream_left(monkeypatch: pytest.MonkeyPatch) -> None:
    event = 'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25"}}\n\n'

    def answer(_: httpx2.Request) -> httpx2.Response:
        headers = {"Content-Type": "text/event-stream", "Mcp-Session-Id": "s-2"}
        return httpx2.Response(200, content=event.encode(), headers=headers)

    monkeypatch.setattr(
        "perf_core.load.session_clients.async_http_client",
        lambda *_, **__: httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
    )

    async def use(clients: Clients) -> Reply:
        return await clients.places[0].open()

    reply = at("http://127.0.0.1:1/mcp", use)
    assert reply.session is not None
    assert reply.session.id == "s-2"


def test_a_request_that_is_put_off_is_sent_again_and_not_its_whole_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    statuses = iter([200, 429, 429, 202])
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(json.loads(request.read())["method"])
        status = next(statuses)
        result = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-11-25"}}
        return httpx2.Response(
            status,
            json=result if status == 200 else None,
            headers={"Retry-After": "0", "Mcp-Session-Id": "s-3"},
        )

    monkeypatch.setattr(
        "perf_core.load.session_clients.async_http_client",
        lambda *_, **__: httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
    )

    async def use(clients: Clients) -> tuple[Reply, list[Reply]]:
        return await clients.places[0].open(), clients.places[0].taken_put_off()

    reply, put_off = at("http://127.0.0.1:1/mcp", use)
    assert reply.session is not None
    assert reply.is_success
    assert seen == ["initialize", *["notifications/initialized"] * 3]
    assert [(each.request, each.status) for each in put_off] == [
        ("notifications/initialized, put off", 429)
    ] * 2


@pytest.mark.parametrize(
    ("header", "wait_s"), [("2", 2.0), ("600", 5.0), ("-1", 0.0), ("", 1.0), ("Wed, 21 Oct 2026", 1.0)]
)
def test_a_server_may_ask_to_wait_within_reason(header: str, wait_s: float) -> None:
    assert seconds_of(header) == wait_s
