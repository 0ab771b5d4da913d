"""One client over a socket that costs as little as possible: bytes out, bytes in.

An HTTP library would take longer for a request than many servers. The client knows as much of HTTP/1.1 as the
answers of MCP servers need: a length, chunks, or the end of the connection.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from perf_core.errors import TargetError
from perf_core.runs.ladder.app_side.asgi import call_parts, initialize_message

_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
_SESSION: Final = re.compile(rb"\r\nmcp-session-id:[ \t]*([^\r\n]+?)[ \t]*\r\n", re.IGNORECASE)
_END_OF_HEAD: Final = b"\r\n\r\n"
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
_READ_BYTES: Final = 262_144
_DATA: Final = re.compile(rb"(?:^|[\r\n])data:[ \t]*([^\r\n]*)")


class HttpCaller:
    """Calls one tool over one connection, one call after another; use it as a context manager.

    Entering it opens a session.

    Args:
        port: Port on this machine.
        path: Path of the MCP endpoint.
        limit_s: Longest time for an answer.
    """

    def __init__(
        self, port: int, path: str, tool: str, arguments: Mapping[str, Any], *, limit_s: float = 60.0
    ) -> None:
        self._port = port
        self._path = path
        self._limit_s = limit_s
        self._head, self._tail = call_parts(tool, dict(arguments))
        self._fields = b""
        self._number = 0
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        try:
            self._socket = socket.create_connection(("127.0.0.1", self._port), self._limit_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head, body = self._post(json.dumps(initialize_message()).encode())
        except OSError as error:
            self.__exit__(None, None, None)
            raise TargetError(f"the app does not answer over HTTP: {error}") from error
        revision = _message(body).get("result", {}).get("protocolVersion", "")
        session = _SESSION.search(head)
        self._fields = b"mcp-protocol-version: %b\r\n" % str(revision).encode()
        if session is not None:
            self._fields += b"mcp-session-id: %b\r\n" % session.group(1)
        self._post(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def call(self) -> bytes:
        """Make one call and return the body of its answer.

        Raises:
            OSError: There was no whole answer in time.
        """
        self._number += 1
        return self._post(b"%b%d%b" % (self._head, self._number, self._tail))[1]

    def expect_right(self) -> None:
        """Make one call and raise TargetError unless it has a result without an error."""
        message = _message(self.call())
        error, result = message.get("error"), message.get("result")
        if error is not None or not isinstance(result, dict) or result.get("isError"):
            got = error if error is not None else message
            if isinstance(result, dict):
                got = result.get("content", result)
            raise TargetError(f"expected a right answer over HTTP, got {json.dumps(got)[:200]}")

    def _post(self, body: bytes) -> tuple[bytes, bytes]:
        connection = self._socket
        assert connection is not None, "not entered"  # noqa: S101 - for the type checker
        connection.sendall(
            b"POST %b HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
            b"accept: application/json, text/event-stream\r\n%bcontent-length: %d\r\n\r\n%b"
            % (self._path.encode(), self._port, self._fields, len(body), body)
        )
        data = connection.recv(_READ_BYTES)
        while _END_OF_HEAD not in data:
            data += self._more(connection)
        head, _, rest = data.partition(_END_OF_HEAD)
        head += b"\r\n"
        if length := _LENGTH.search(head):
            while len(rest) < int(length.group(1)):
                rest += self._more(connection)
        elif _CHUNKED.search(head):
            # The end of the last chunk may also stand in a body, but not at its end without being one.
            while not (b"\r\n" + rest).endswith(_LAST_CHUNK):
                rest += self._more(connection)
        return b"\r\n" + head, rest

    @staticmethod
    def _more(connection: socket.socket) -> bytes:
        data = connection.recv(_READ_BYTES)
        if not data:
            raise OSError("the server closed the connection")
        return data


def _message(body: bytes) -> dict[str, Any]:
    """Return the message in a body of JSON or in the last event of a stream; empty if there is none."""
    events = _DATA.findall(body)
    try:
        message = json.loads(events[-1] if events else body)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
