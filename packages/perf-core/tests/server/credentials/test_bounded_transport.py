"""Servers that send too much, too slowly, or what is no text, over a real socket."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from perf_core.errors import NoAnswer, RequestRefused, TargetError
from perf_core.server.client import connection, endpoints, replies
from perf_core.server.client.connection import connect
from perf_core.server.client.handshake import shake_hands
from perf_core.server.credentials import bounded_transport
from perf_core.server.credentials.access import OPEN
from perf_core.server.credentials.bounded_transport import TooLong
from perf_core.server.credentials.http_client import async_http_client, http_client

Send = Callable[[socket.socket], None]

MOST_BYTES = 2**20
LIMIT_S = 0.4
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n\r\n"
BOMB = gzip.compress(b"a" * 20 * MOST_BYTES)


@pytest.fixture(autouse=True)
def smaller_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (bounded_transport, replies, connection):
        monkeypatch.setattr(module, "LARGEST_ANSWER_BYTES", MOST_BYTES)


@pytest.fixture
def serve() -> Iterator[Callable[[Send], str]]:
    """Return a function that starts a server, which answers each connection with bytes of its own."""
    listeners: list[socket.socket] = []
    has_ended = threading.Event()

    def start(send: Send) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def answer(client: socket.socket) -> None:
            with client:
                client.recv(65_536)
                while not has_ended.is_set():
                    try:
                        send(client)
                    except OSError:
                        return

        def run() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(client,), daemon=True).start()

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"

    yield start
    has_ended.set()
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def after(head: bytes, piece: bytes, pause_s: float = 0.0) -> Send:
    """Return what sends a head and then the same piece for ever."""
    seen: set[socket.socket] = set()

    def send(client: socket.socket) -> None:
        if client not in seen:
            seen.add(client)
            client.sendall(head)
        client.sendall(piece)
        threading.Event().wait(pause_s)

    return send


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (HEAD % b"application/json", b"a" * 100_000),
        (HEAD % b"text/event-stream" + b"data: ", b"a" * 100_000),
        (HEAD % b"text/event-stream", b"data: aaaaaaaa\n" * 10_000),
        ((HEAD % b"application/json")[:-2] + b"Content-Encoding: gzip\r\n\r\n", BOMB),
        ((HEAD % b"application/json")[:-2] + b"Content-Encoding: gzip, gzip\r\n\r\n", gzip.compress(BOMB)),
    ],
)
def test_answer_that_is_too_long_ends_the_attempt(
    head: bytes, piece: bytes, serve: Callable[[Send], str]
) -> None:
    with pytest.raises(NoAnswer, match="got an answer of more than 1 MiB") as caught:
        shake_hands(serve(after(head, piece)), "session", 20.0)
    assert not caught.value.is_temporary


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX-A: ",
        HEAD % b"application/json",
        HEAD % b"text/event-stream" + b"data: ",
        HEAD % b"text/plain",
    ],
)
def test_answer_that_trickles_is_none_in_time(head: bytes, serve: Callable[[Send], str]) -> None:
    began = time.monotonic()
    with pytest.raises(NoAnswer) as caught:
        shake_hands(serve(after(head, b"a", 0.02)), "session", LIMIT_S)
    assert caught.value.timed_out
    # A thread may be late on a busy machine; without a limit it would go on until the test is ended.
    assert time.monotonic() - began < 15


def test_pages_that_are_too_long_are_unknown(serve: Callable[[Send], str]) -> None:
    endless = serve(after(HEAD % b"text/plain", b"mcp_sessions_open 3\n" * 5_000))
    assert endpoints.open_sessions(endless) is None
    assert endpoints.uptime_s(serve(after(HEAD % b"application/json", b"[" * 100_000))) is None


@pytest.mark.parametrize("name", [b"hex", b"zlib", b"undefined", b"punycode", b"idna", b"unicode_escape"])
def test_encoding_that_is_none_for_texts_is_not_used(name: bytes, serve: Callable[[Send], str]) -> None:
    def send(client: socket.socket) -> None:
        head = (HEAD % (b"application/json; charset=" + name))[:-2]
        client.sendall(head + b"Content-Length: 4\r\nConnection: close\r\n\r\nzz\xff\\")
        client.shutdown(socket.SHUT_WR)

    url = serve(send)
    with pytest.raises(RequestRefused, match="status 200 and 'zz"):
        shake_hands(url, "session", 5.0)
    with http_client(OPEN, 5.0) as http:
        assert http.get(url).text.startswith("zz")


def test_probe_is_limited_too(serve: Callable[[Send], str]) -> None:
    url = serve(after(HEAD % b"application/json", b"a" * 100_000))

    async def get() -> None:
        async with async_http_client(OPEN, httpx2.Timeout(5.0)) as http:
            await http.get(url)

    with pytest.raises(TooLong):
        asyncio.run(get())


def test_list_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = itertools.count(2)

    def answer(request: httpx2.Request) -> httpx2.Response:
        tools = {"tools": [{"name": "a" * 400_000}], "nextCursor": f"page {next(pages)}"}
        return httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": tools})

    def mocked(*_: object) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(answer))

    monkeypatch.setattr(connection, "http_client", mocked)
    with (
        pytest.raises(TargetError, match="expected a list of at most 1 MiB, got a longer one"),
        connect("http://h/mcp", "stateless") as client,
    ):
        client.tools()
