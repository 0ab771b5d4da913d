"""Requests of one session with one id at one time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from server_core.layers.request_ids import UniqueRequestIds

pytestmark = pytest.mark.anyio


class Held:
    """An app that holds requests until they are released, and notes their bodies."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.released = asyncio.Event()

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append((await receive())["body"])
        await self.released.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


async def request(
    layer: UniqueRequestIds,
    body: bytes,
    *,
    session: str = "s1",
    method: str = "POST",
    path: str = "/mcp",
    version: str = "2025-11-25",
) -> int:
    """Return the status of the response to a request."""
    statuses: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"mcp-protocol-version", version.encode())]
    if session:
        headers.append((b"mcp-session-id", session.encode()))
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "headers": headers}
    await layer(scope, receive, send)
    return statuses[0]


def message(identity: object, **more: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": identity, "method": "ping", **more}).encode()


FIRST = message(1)


@pytest.mark.parametrize("second", [message(1), message("1"), message(1, method="tools/call")])
async def test_an_id_in_progress_is_refused_and_free_afterwards(second: bytes) -> None:
    held = Held()
    layer = UniqueRequestIds(held, "/mcp")
    first = asyncio.create_task(request(layer, FIRST))
    await asyncio.sleep(0)
    assert await request(layer, second) == 400
    held.released.set()
    assert await first == 200
    assert await request(layer, second) == 200
    assert held.bodies == [FIRST, second]
    assert not layer._in_progress


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (message(2), {}),
        (message(1), {"session": "s2"}),
        (message(1), {"session": ""}),
        (message(1), {"path": "/other"}),
        (b'{"jsonrpc":"2.0","method":"notifications/initialized"}', {}),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', {}),
        (b"no JSON", {}),
        (b"[1]", {}),
    ],
    ids=["id", "session", "no session", "path", "notification", "answer", "no JSON", "list"],
)
async def test_other_requests_are_the_apps(body: bytes, more: dict[str, str]) -> None:
    held = Held()
    layer = UniqueRequestIds(held, "/mcp")
    first = asyncio.create_task(request(layer, FIRST))
    await asyncio.sleep(0)
    second = asyncio.create_task(request(layer, body, **more))
    await asyncio.sleep(0)
    held.released.set()
    assert (await first, await second) == (200, 200)
    assert held.bodies == [FIRST, body]


async def test_a_session_that_a_stateless_request_names_counts_for_nothing() -> None:
    held = Held()
    layer = UniqueRequestIds(held, "/mcp")
    wires = ("2026-07-28", "2026-07-28", "2025-11-25")
    requests = [asyncio.create_task(request(layer, FIRST, version=version)) for version in wires]
    await asyncio.sleep(0)
    held.released.set()
    assert await asyncio.gather(*requests) == [200, 200, 200]


async def test_an_id_is_free_after_a_request_that_was_cancelled() -> None:
    held = Held()
    layer = UniqueRequestIds(held, "/mcp")
    first = asyncio.create_task(request(layer, FIRST))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    held.released.set()
    assert await request(layer, FIRST) == 200


async def test_no_request_of_a_session_hangs(
    make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    async with serving(make_app(session_idle_timeout_s=0.5)) as wires:
        session = await wires.open_session()
        await wires.in_session(session, "prompts/get", {"name": "none"})  # makes it FastMCP's

        async def ask() -> int:
            return (await wires.in_session(session, "prompts/get", {"name": "none"})).status_code

        async with asyncio.timeout(30):
            statuses = await asyncio.gather(*(ask() for _ in range(8)))
        assert set(statuses) == {200, 400}
        assert (await wires.in_session(session, "ping")).status_code == 200
