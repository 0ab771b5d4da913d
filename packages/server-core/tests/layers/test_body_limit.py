from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from server_core.layers.body_limit import BodyLimit

pytestmark = pytest.mark.anyio


async def _echo_length(_scope: Any, receive: Any, send: Any) -> None:
    message = await receive()
    assert not message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % len(message["body"])})


async def _request(limit: BodyLimit, chunks: list[bytes], headers: Any = ()) -> list[Any]:
    sent: list[Any] = []
    messages = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]

    async def receive() -> Any:
        if messages:
            return messages.pop(0)
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    await limit({"type": "http", "method": "POST", "headers": list(headers)}, receive, send)
    return sent


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        ([b"x" * 10], 200),
        ([b"x" * 5, b"x" * 5], 200),
        ([b""], 200),
        ([b"x" * 11], 413),
        ([b"x" * 6] * 2, 413),
    ],
)
async def test_a_body_is_limited_however_it_is_split(chunks: list[bytes], status: int) -> None:
    sent = await _request(BodyLimit(_echo_length, max_bytes=10, timeout_s=5), chunks)
    assert sent[0]["status"] == status
    if status == 200:
        assert sent[1]["body"] == b"%d" % sum(map(len, chunks))
    else:
        assert b"at most 10 bytes" in sent[1]["body"]


async def test_reading_stops_at_the_limit() -> None:
    chunks = [b"x" * 6] * 100
    read = 0

    async def receive() -> Any:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": chunks[read], "more_body": read < 99}

    async def send(_message: Any) -> None: ...

    limit = BodyLimit(_echo_length, max_bytes=10, timeout_s=5)
    await limit({"type": "http", "method": "POST", "headers": []}, receive, send)
    assert read == 2


async def test_a_declared_length_above_the_limit_is_refused_without_reading() -> None:
    sent = await _request(
        BodyLimit(_echo_length, max_bytes=10, timeout_s=5), [b"never read"], [(b"content-length", b"11")]
    )
    assert sent[0]["status"] == 413


async def test_a_body_that_does_not_arrive_in_time_is_answered_408() -> None:
    limit = BodyLimit(_echo_length, max_bytes=10, timeout_s=0.05)
    sent: list[Any] = []

    async def receive() -> Any:
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    await limit({"type": "http", "method": "POST", "headers": []}, receive, send)
    assert sent[0]["status"] == 408


async def test_a_client_that_disconnects_is_not_answered() -> None:
    limit = BodyLimit(_echo_length, max_bytes=10, timeout_s=5)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        raise AssertionError("the client has disconnected")

    await limit({"type": "http", "method": "POST", "headers": []}, receive, send)


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("wire", ["stateless", "session"])
async def test_the_limit_holds_on_both_wires_and_can_exceed_that_of_the_sdk(
    make_app: Callable[..., Any], serving: Callable[..., Any], wire: str, *, fast_lane: bool
) -> None:
    text = "x" * (5 * 1024 * 1024)  # beyond the SDK's own default of 4 MiB
    async with serving(make_app(max_body_bytes=6 * 1024 * 1024, fast_lane=fast_lane)) as wires:
        if wire == "stateless":
            answer = await wires.call("echo", {"text": text})
            refused = await wires.call("echo", {"text": text + text})
        else:
            session = await wires.open_session()
            answer = await wires.call_in_session(session, "echo", {"text": text})
            refused = await wires.call_in_session(session, "echo", {"text": text + text})
        assert answer.status_code == 200
        assert answer.json()["result"]["content"][0]["text"] == text
        assert refused.status_code == 413


async def test_chunked_bodies_are_limited_while_they_stream_in(
    make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    async with serving(make_app(max_body_bytes=5000)) as wires:
        assert (await wires.post(endless())).status_code == 413
        assert (await wires.call("echo", {"text": "still here"})).status_code == 200
