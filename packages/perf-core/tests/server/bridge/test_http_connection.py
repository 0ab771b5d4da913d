"""Requests are read from a connection however they arrive, and answered one after another."""

import asyncio
import json
from collections.abc import Callable

import pytest

from perf_core.server.bridge.http_connection import Connection, Head, head_and_body


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        self.closed = True


class Handler:
    """Keeps requests, and answers each with its body unless it is told to wait."""

    def __init__(self, *, waits: bool = False) -> None:
        self.requests: list[tuple[bytes, bytes, bytes]] = []
        self.heads: list[Head] = []
        self.left = 0
        self.waits = waits

    def handle(self, connection: Connection, head: Head, body: bytes) -> None:
        self.requests.append((head.method, head.path, body))
        self.heads.append(head)
        if not self.waits:
            connection.answer(body)

    def disconnected(self, _connection: Connection) -> None:
        self.left += 1


def request(body: bytes = b"{}", *headers: str, path: str = "/mcp") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def talk(*data: bytes, waits: bool = False, then: Callable[[Connection], None] | None = None) -> tuple:
    """Return what a handler got and a transport wrote when data arrived in these parts."""
    handler, transport = Handler(waits=waits), Transport()

    async def run() -> None:
        connection = Connection(handler)
        connection.connection_made(transport)
        for part in data:
            connection.data_received(part)
            await asyncio.sleep(0)
        if then is not None:
            then(connection)
        await asyncio.sleep(0)

    asyncio.run(run())
    return handler, transport


def responses(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        found.append((int(head.split(b" ")[1]), data[:length]))
        data = data[length:]
    return found


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_requests_do_not_depend_on_the_parts_in_which_they_arrive(size: int) -> None:
    bodies = [b'{"n":%d}' % number for number in (1, 22, 333)]
    data = b"".join(request(body, "Mcp-Session-Id: s1") for body in bodies)
    handler, transport = talk(*(data[at : at + size] for at in range(0, len(data), size)))
    assert handler.requests == [(b"POST", b"/mcp", body) for body in bodies]
    assert {head.session_id for head in handler.heads} == {b"s1"}
    assert responses(transport.data) == [(200, body) for body in bodies]


def test_repeated_head_is_recognised_and_another_session_is_not_taken_for_it() -> None:
    parts = [request(b"{}", f"Mcp-Session-Id: {session}") for session in ("a", "a", "b", "a")]
    handler, _ = talk(*parts)
    assert [head.session_id for head in handler.heads] == [b"a", b"a", b"b", b"a"]
    assert handler.heads[1] is handler.heads[0], "the second head was parsed again"


def test_chunked_body_and_query() -> None:
    head = b"POST /mcp?x=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    handler, _ = talk(head + b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n", request(b"next"))
    assert handler.requests == [(b"POST", b"/mcp", b"abcde"), (b"POST", b"/mcp", b"next")]


@pytest.mark.parametrize(
    "parts",
    [
        [request(b"1"), request(b"2"), request(b"3")],
        [request(b"1"), request(b"2") + request(b"3")],
        [request(b"1") + request(b"2"), request(b"3")],
        [request(b"1"), request(b"2")[:10], request(b"2")[10:] + request(b"3")],
    ],
)
def test_client_that_does_not_wait_is_answered_in_order(parts: list[bytes]) -> None:
    handler, transport = Handler(waits=True), Transport()

    async def run() -> None:
        connection = Connection(handler)
        connection.connection_made(transport)
        for part in parts:
            connection.data_received(part)
        for number in (1, 2, 3):
            assert len(handler.requests) == number, "the next request must wait for this answer"
            connection.answer(b"answer %d" % number)
            await asyncio.sleep(0.001)

    asyncio.run(run())
    assert [body for _, _, body in handler.requests] == [b"1", b"2", b"3"]
    assert responses(transport.data) == [(200, b"answer 1"), (200, b"answer 2"), (200, b"answer 3")]


def test_client_that_asks_first_is_told_to_send_its_body() -> None:
    whole = request(b"{}", "Expect: 100-continue")
    _, transport = talk(whole[:-2], whole[-2:])
    assert transport.data.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_connection_is_closed_if_the_client_wants_it() -> None:
    _, transport = talk(request(b"{}", "Connection: close"))
    assert transport.closed
    assert b"connection: close" in transport.data


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"POST /mcp HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_is_refused_and_closed(data: bytes) -> None:
    handler, transport = talk(data)
    assert handler.requests == []
    assert transport.data.startswith(b"HTTP/1.1 400 ")
    assert transport.closed


def test_body_over_the_limit_is_refused_before_it_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perf_core.server.bridge.http_connection.MAX_BODY_BYTES", 1000)
    handler, transport = talk(request(b"x" * 5000)[:2000])
    assert handler.requests == []
    assert transport.data.startswith(b"HTTP/1.1 413 ")
    assert transport.closed


def test_messages_before_the_answer_make_a_stream() -> None:
    def stream(connection: Connection) -> None:
        connection.event(b'{"p":1}')
        connection.event(b'{"p":2}')
        connection.answer(b'{"r":3}')

    _, transport = talk(request(), waits=True, then=stream)
    head, _, body = transport.data.partition(b"\r\n\r\n")
    assert b"content-type: text/event-stream" in head
    events = b""
    while body != b"0\r\n\r\n":
        size, _, body = body.partition(b"\r\n")
        events, body = events + body[: int(size, 16)], body[int(size, 16) + 2 :]
    assert [line for line in events.split(b"\n") if line.startswith(b"data")] == [
        b'data: {"p":1}',
        b'data: {"p":2}',
        b'data: {"r":3}',
    ]


def test_error_after_the_begin_of_a_stream_is_its_last_event() -> None:
    def stream(connection: Connection) -> None:
        connection.event(b'{"p":1}')
        connection.fail(500, b'{"error":1}')

    _, transport = talk(request(), waits=True, then=stream)
    assert transport.data.count(b"HTTP/1.1") == 1
    assert transport.data.endswith(b'data: {"error":1}\n\n\r\n0\r\n\r\n')


def test_request_of_a_client_that_has_left_is_given_up() -> None:
    given_up: list[bytes] = []

    class Channel:
        def give_up(self, key: bytes) -> None:
            given_up.append(key)

    def leave(connection: Connection) -> None:
        connection.waiting_on = Channel(), b"7"  # type: ignore[assignment]
        connection.connection_lost(None)
        connection.answer(b"too late")

    handler, transport = talk(request(), waits=True, then=leave)
    assert given_up == [b"7"]
    assert handler.left == 1
    assert transport.data == b""


@pytest.mark.parametrize(
    "data",
    [
        request(b"{}") + b"x",
        request(b"{}")[:-1],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length:  2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nContent-Length: 12345678\r\n\r\n{}",
    ],
)
def test_data_that_is_not_exactly_one_request_is_parsed(data: bytes) -> None:
    assert head_and_body(data) is None


def test_head_does_not_depend_on_the_length_of_the_body() -> None:
    short, long = head_and_body(request(b"{}")), head_and_body(request(json.dumps([0] * 100).encode()))
    assert short is not None
    assert long is not None
    assert short[0] == long[0]
