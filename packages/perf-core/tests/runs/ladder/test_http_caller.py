"""The client of the HTTP rung, with a server of raw bytes."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from perf_core.errors import TargetError
from perf_core.runs.ladder.http_caller import HttpCaller

RIGHT = {"jsonrpc": "2.0", "id": 1, "result": {"content": [], "isError": False}}


def as_json(message: object) -> bytes:
    body = json.dumps(message).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: s-1\r\n" + (
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )


def as_chunks(message: object) -> bytes:
    event = b"event: message\r\ndata: " + json.dumps(message).encode() + b"\r\n\r\n"
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(event), event)
    )


class Server:
    """Answers the requests of one connection with one text after another, each in pieces."""

    def __init__(self, answers: list[bytes], piece_bytes: int) -> None:
        self.requests: list[bytes] = []
        self._answers = answers
        self._piece_bytes = piece_bytes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            for answer in self._answers:
                request = connection.recv(65536)
                if not request:
                    return
                self.requests.append(request)
                for start in range(0, len(answer), self._piece_bytes):
                    connection.sendall(answer[start : start + self._piece_bytes])

    def end(self) -> None:
        self._thread.join()
        self._listener.close()


@contextmanager
def served(*answers: bytes, piece_bytes: int = 65536) -> Iterator[tuple[Server, HttpCaller]]:
    opening = as_json({"jsonrpc": "2.0", "id": 0, "result": {"protocolVersion": "2025-06-18"}})
    accepted = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
    server = Server([opening, accepted, *answers], piece_bytes)
    try:
        with HttpCaller(server.port, "/mcp", "add", {"a": 1}, limit_s=10) as caller:
            yield server, caller
    finally:
        server.end()


@pytest.mark.parametrize("answer", [as_json, as_chunks])
@pytest.mark.parametrize("piece_bytes", [1, 7, 65536])
def test_answers_are_read_whole_whatever_their_form(
    answer: Callable[[object], bytes], piece_bytes: int
) -> None:
    with served(answer(RIGHT), answer(RIGHT), piece_bytes=piece_bytes) as (server, caller):
        caller.expect_right()
        assert b'"isError": false' in caller.call()
    calls = server.requests[2:]
    assert [b"mcp-session-id: s-1\r\n" in each for each in calls] == [True, True]
    assert all(b"mcp-protocol-version: 2025-06-18\r\n" in each for each in calls)
    assert [json.loads(each.partition(b"\r\n\r\n")[2])["id"] for each in calls] == [1, 2]


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "no"}},
        {"jsonrpc": "2.0", "id": 1, "result": {"isError": True, "content": [{"text": "no"}]}},
        {"jsonrpc": "2.0", "id": 1, "result": 7},
    ],
)
def test_a_wrong_answer_is_an_error(message: object) -> None:
    with served(as_json(message)) as (_, caller), pytest.raises(TargetError, match="expected a right answer"):
        caller.expect_right()


def test_a_closed_connection_is_an_error() -> None:
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\nhalf"
    with served(half) as (_, caller), pytest.raises(OSError, match="closed the connection"):
        caller.call()


def test_a_port_without_a_server_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(TargetError, match="does not answer"), HttpCaller(port, "/mcp", "add", {}):
        pytest.fail("it connected")
