from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server_core.layers.traffic import Traffic

pytestmark = pytest.mark.anyio


def _scope(method: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": "/mcp", "headers": list(headers)}


async def _never() -> Any:
    await asyncio.Event().wait()


async def _stream_until_disconnect(_scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


LISTEN = (b"mcp-method", b"subscriptions/listen")


@pytest.mark.parametrize("scope", [_scope("GET"), _scope("POST", LISTEN)], ids=["GET", "listen"])
async def test_a_drain_ends_streams_with_a_complete_body(scope: dict[str, Any]) -> None:
    traffic = Traffic(_stream_until_disconnect)
    sent: list[Any] = []
    streaming = asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message)
        if message.get("body"):
            streaming.set()

    serving = asyncio.create_task(traffic(scope, _never, send))
    await streaming.wait()
    assert traffic.in_flight == 1
    traffic.drain()
    await asyncio.wait_for(serving, 30)
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert traffic.in_flight == 0
    await asyncio.wait_for(traffic(scope, _never, send), 30)


async def test_a_drain_lets_requests_finish() -> None:
    finish = asyncio.Event()

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        await finish.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    traffic = Traffic(app)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    serving = asyncio.create_task(traffic(_scope("POST"), receive, send))
    traffic.drain()
    finish.set()
    await serving
    assert sent[-1]["body"] == b"done"
    assert traffic.responses == {200: 1}


async def test_messages_from_the_client_reach_the_app() -> None:
    received: list[Any] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        received.extend([await receive(), await receive()])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    messages = [{"type": "http.request", "body": b"x"}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(_message: Any) -> None: ...

    await Traffic(app)(_scope("GET"), receive, send)
    assert [message["type"] for message in received] == ["http.request", "http.disconnect"]


async def test_a_crash_is_not_counted_as_in_flight() -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise LookupError

    traffic = Traffic(app)
    with pytest.raises(LookupError):
        await traffic(_scope("POST"), _never, _never)  # type: ignore[arg-type]  # neither is used
    assert traffic.in_flight == 0
