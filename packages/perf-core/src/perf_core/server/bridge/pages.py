"""Paths that the bridge serves, and its counts as the lab reads them."""

from __future__ import annotations

import json
import math
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

MCP_PATH = "/mcp"
ECHO_PATH = "/echo"
"""Sessions whose child is :mod:`perf_core.server.bridge.echo_child`."""

COUNTS_PATH = "/counts"
PREPARE_PATH = "/prepare"
"""Starts servers for later sessions; see :class:`perf_core.server.bridge.prepared.PreparedUpstreams`."""

_TIMEOUT_S = 5.0

_ENDING_S = 30.0
"""Time to end a server that was not ready in time, besides those of the starts."""


@dataclass(frozen=True)
class End:
    """A child that ended by itself: its number, process number, how it ended, and the end of its stderr."""

    child: int
    pid: int
    how: str
    stderr: str


@dataclass(frozen=True)
class BridgeCounts:
    """Counts of a bridge since it started; see :class:`perf_core.server.bridge.counts.Counts`.

    Attributes:
        cpu_s: CPU seconds that the bridge itself has used.
        is_remote: Whether it speaks to a server elsewhere instead of to processes of its own.
    """

    cpu_s: float
    is_remote: bool = False
    requests: int = 0
    answers: int = 0
    late_answers: int = 0
    repeated_answers: int = 0
    started: int = 0
    running: int = 0
    ended: int = 0
    skipped_lines: int = 0
    first_skipped_line: str = ""
    overlong_lines: int = 0
    notifications: Mapping[str, int] = field(default_factory=dict)
    server_requests: Mapping[str, int] = field(default_factory=dict)
    ends: tuple[End, ...] = ()


def read_counts(url: str) -> BridgeCounts | None:
    """Return the counts of the bridge at a URL, or None if it does not answer.

    Args:
        url: MCP endpoint of the bridge.
    """
    try:
        with Exchanges(url) as http:
            document = json.loads(http.get(COUNTS_PATH))
    except (OSError, ValueError):
        return None
    return counts_from(document)


def prepare_servers(url: str, count: int, initialize: Mapping[str, Any], each_s: float) -> tuple[float, ...]:
    """Have the bridge at a URL start servers before sessions are opened; return the seconds that each took.

    Sessions start those themselves that are not ready in time.

    Args:
        url: MCP endpoint of the bridge.
        initialize: Message ``initialize`` of the clients that will open the sessions.
        each_s: Longest time for one server; no further ones are started after one that takes longer.
    """
    timeout_s = each_s * math.ceil(count / (os.cpu_count() or 1)) + _ENDING_S
    body = json.dumps({"count": count, "initialize": initialize, "each_s": each_s}).encode()
    try:
        with Exchanges(url, timeout_s) as http:
            return tuple(json.loads(http.exchange(http.request("POST", PREPARE_PATH, body))[1]))
    except (OSError, ValueError):
        return ()


def counts_from(document: Mapping[str, Any]) -> BridgeCounts:
    """Return the counts in a document of the bridge."""
    ends = tuple(End(**each) for each in document["ends"])
    return BridgeCounts(**{**document, "ends": ends})


class Exchanges:
    """A connection to a bridge with as little work for each exchange as possible; a context manager.

    A blocking socket: an HTTP library would take several times as long as the bridge itself.
    """

    def __init__(self, url: str, timeout_s: float = _TIMEOUT_S) -> None:
        parts = urlsplit(url)
        self._timeout_s = timeout_s
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)

    def __enter__(self) -> Exchanges:
        self._socket = socket.create_connection(self._address, self._timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def get(self, path: str) -> bytes:
        """Return the body of a page."""
        return self.exchange(self.request("GET", path))[1]

    def request(self, method: str, path: str, body: bytes = b"", session_id: str = "") -> bytes:
        """Return a request as bytes, with the headers that k6 sends."""
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self._address[0]}:{self._address[1]}",
            "User-Agent: perf-core",
            "Accept: application/json, text/event-stream",
            "Content-Type: application/json",
            "MCP-Protocol-Version: 2025-11-25",
            f"Content-Length: {len(body)}",
            *([f"Mcp-Session-Id: {session_id}"] if session_id else []),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def exchange(self, request: bytes) -> tuple[bytes, bytes]:
        """Send a request; return head and body of the response.

        Raises:
            OSError: There is no complete response in time.
        """
        self._socket.sendall(request)
        data = self._socket.recv(65536)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head, body = data[:end], data[end + 4 :]
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        while len(body) < length:
            body += self._more()
        return head, body

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the bridge closed the connection")
        return data
