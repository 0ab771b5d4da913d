"""Requests to workers that are gone, silent or slow, over real Unix sockets."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import h11
import httpcore2
import pytest

from server_core.http import server as http_server
from server_core.layers import forwarding
from server_core.layers.forwarding import Peers, WorkerPlace

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="workers need Unix sockets"),
]


@pytest.fixture
async def peers(tmp_path: Path) -> AsyncIterator[Peers]:
    """The peers of worker 0 of 2."""
    peers = Peers(WorkerPlace(0, 2, tmp_path, b"k" * 32))
    yield peers
    await peers.close()


@asynccontextmanager
async def worker(folder: Path, *answers: bytes) -> AsyncIterator[list[bytes]]:
    """Worker 1: answers each connection with the next text and closes it; without a text it stays silent.

    Yields the heads that it gets.
    """
    texts = iter(answers)
    heads: list[bytes] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.IncompleteReadError:  # connected, and nothing sent
            writer.close()
            return
        text = next(texts, None)
        if text is None:
            await reader.read()  # until the client gives up
        else:
            writer.write(text)
        writer.close()

    async with await asyncio.start_unix_server(accept, folder / "worker-1.sock"):
        yield heads


async def forward(peers: Peers, *headers: tuple[bytes, bytes], body: bytes = b"{}") -> list[Any]:
    sent: list[Any] = []
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        for message in messages:
            return message
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "method": "POST",
        "raw_path": b"/mcp",
        "query_string": b"",
        "headers": [(b"host", b"worker"), *headers],
    }
    await asyncio.wait_for(peers.forward(1, scope, receive, send), 30)
    return sent


async def test_a_worker_that_is_gone_has_no_sessions(peers: Peers) -> None:
    start, body = await forward(peers)
    assert (start["status"], b"Session not found" in body["body"]) == (404, True)


async def test_a_worker_that_ends_before_it_answers_is_reported(peers: Peers, tmp_path: Path) -> None:
    async with worker(tmp_path, b""):
        start, body = await forward(peers)
    assert (start["status"], b"open a new session" in body["body"]) == (502, True)


@pytest.mark.parametrize(
    "part",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    ],
)
async def test_a_response_breaks_off_with_its_worker_and_without_a_traceback(
    peers: Peers, tmp_path: Path, part: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with worker(tmp_path, part):
        start, *chunks = await forward(peers)
    assert start["status"] == 200
    assert all(chunk["more_body"] for chunk in chunks)
    (record,) = caplog.records
    assert "worker 1 ended in the middle of a response" in record.message
    assert record.exc_info is None


async def test_the_answer_is_relayed_without_hop_headers(peers: Peers, tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\nX-Own: 1\r\n\r\nhi"
    async with worker(tmp_path, answer):
        start, *chunks = await forward(peers)
    assert start["status"] == 200
    assert start["headers"] == [(b"content-length", b"2"), (b"x-own", b"1")]
    assert b"".join(chunk["body"] for chunk in chunks) == b"hi"


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"


async def test_a_request_is_passed_on_without_hop_headers_and_with_its_true_length(
    peers: Peers, tmp_path: Path
) -> None:
    async with worker(tmp_path, OK) as heads:
        start, *_ = await forward(
            peers,
            (b"connection", b"Upgrade, HTTP2-Settings"),
            (b"upgrade", b"h2c"),
            (b"http2-settings", b"AAE"),
            (b"content-length", b"999"),
            (b"x-own", b"1"),
        )
    assert start["status"] == 200
    assert heads == [b"POST /mcp HTTP/1.1\r\nhost: worker\r\nx-own: 1\r\ncontent-length: 2\r\n\r\n"]


async def test_a_request_without_a_body_gets_no_further_field(peers: Peers, tmp_path: Path) -> None:
    """The worker refuses a request with more fields than the limit, which this one may just keep."""
    async with worker(tmp_path, OK) as heads:
        start, *_ = await forward(peers, (b"x-own", b"1"), body=b"")
    assert start["status"] == 200
    assert heads == [b"POST /mcp HTTP/1.1\r\nhost: worker\r\nx-own: 1\r\n\r\n"]


@pytest.mark.parametrize(
    "header",
    [(b"bad name", b"x"), (b"x", b"a\x00b"), (b"host", b"second")],
    ids=["name", "value", "two hosts"],
)
async def test_a_request_that_cannot_be_passed_on_is_400(
    peers: Peers, tmp_path: Path, header: tuple[bytes, bytes]
) -> None:
    async with worker(tmp_path, OK):
        start, body = await forward(peers, header)
    assert (start["status"], b"passed on" in body["body"]) == (400, True)


async def test_an_error_of_h11_itself_is_400(peers: Peers) -> None:
    class BrokenPool:
        async def handle_async_request(self, _request: httpcore2.Request) -> Any:
            raise h11.LocalProtocolError("Too little data for declared Content-Length")

        async def aclose(self) -> None: ...

    peers._pools[1] = BrokenPool()  # type: ignore[assignment]
    start, _ = await forward(peers)
    assert start["status"] == 400


async def test_metrics_of_a_silent_worker_are_left_out(
    peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "_METRICS_S", 0.1)
    async with worker(tmp_path):
        assert await asyncio.wait_for(peers.metrics(), 30) == []
    async with worker(tmp_path, b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na 1\n"):
        monkeypatch.setattr(forwarding, "_METRICS_S", 30.0)
        assert await peers.metrics() == ["a 1\n"]


async def test_connecting_has_a_time_limit(peers: Peers) -> None:
    requests: list[httpcore2.Request] = []

    class SlowPool:
        async def handle_async_request(self, request: httpcore2.Request) -> Any:
            requests.append(request)
            raise httpcore2.ConnectTimeout

        async def aclose(self) -> None: ...

    peers._pools[1] = SlowPool()  # type: ignore[assignment]
    start, _ = await forward(peers)
    assert start["status"] == 404
    assert requests[0].extensions["timeout"] == {"connect": forwarding._CONNECT_S}


def test_idle_connections_end_before_the_owner_closes_them() -> None:
    assert forwarding._IDLE_S < http_server._KEEP_ALIVE_S
