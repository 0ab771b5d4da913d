"""An MCP server that keeps an exact amount of memory for each session; it needs only the standard library.

    python truth/session_keeper.py (--port N | --ready-file PATH) [NAME=VALUE ...]

It speaks the session wire (revision 2025-11-25): ``initialize``, ``ping``, ``tools/list``, DELETE, streams.
All tables are as long as they will ever be from the start, ids are made of their places, and what a session
keeps is written to pages that are used for nothing else: resident memory grows by ``session_kb`` and not a
byte more. Beside that, requests allocate and free memory of random sizes, as those of real servers do. On the
heap between such pieces (``on_heap``) the same session takes more, since holes of the wrong size remain.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import json
import mmap
import os
import random
import signal
import socket
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

REVISION = "2025-11-25"
MOST_SESSIONS = 20_000
_HEADER_BYTES = 49
"""Bytes of a ``bytes`` object beside its content, and of the allocator's chunk around it."""

_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}


@dataclass(frozen=True)
class KeeperModes:
    """Behaviour of the server; the defaults keep nothing at all.

    Attributes:
        session_kb: Memory of a session, in 10^3 bytes, from ``initialize`` until it ends.
        on_heap: Whether that is on the heap, between the pieces of ``noise_kb``.
        stream_kb: Memory of a held GET stream, on the heap.
        request_kb: Memory that each request leaves for ever.
        deleted_kb: Memory that each deleted session leaves for ever.
        refused_kb: Memory that each refused request leaves for ever.
        noise_kb: Largest of the pieces that requests allocate; each is freed some dozens of requests later.
        holes_mb: Memory in small pieces that is freed before the server listens.
        cap: Most sessions; 0 for no limit.
        cap_mode: ``refuse`` further ones, or ``replace`` the oldest.
        cap_status: Status of a refused one.
        ttl_s: Time after which an idle session expires; 0 for never.
        serves_deleted: Whether requests in deleted sessions are answered all the same.
        sessions: Whether ``initialize`` gives an id.
        deletes: Whether clients may delete sessions.
        streams: Whether GET streams are held.
        gauges: Whether ``/metrics`` reports open sessions, resident memory and the idle timeout.
    """

    session_kb: float = 0.0
    on_heap: bool = False
    stream_kb: float = 0.0
    request_kb: float = 0.0
    deleted_kb: float = 0.0
    refused_kb: float = 0.0
    noise_kb: float = 20.0
    holes_mb: float = 0.0
    cap: int = 0
    cap_mode: str = "refuse"
    cap_status: int = 503
    ttl_s: float = 0.0
    serves_deleted: bool = False
    sessions: bool = True
    deletes: bool = True
    streams: bool = True
    gauges: bool = False


def parse_modes(words: Sequence[str]) -> KeeperModes:
    """Return the modes that ``NAME=VALUE`` arguments set.

    Raises:
        ValueError: A name is unknown or a value does not fit.
    """
    types = {each.name: type(each.default) for each in fields(KeeperModes)}
    values: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in types:
            raise ValueError(f"expected a mode such as {', '.join(types)}, got {name!r}")
        kind = types[name]
        values[name] = value.lower() in {"1", "true", "yes"} if kind is bool else kind(value)
    return KeeperModes(**values)


def piece(kb: float) -> bytes:
    """Return memory of this size, all of it written to, so that it is resident."""
    return b"x" * max(1, round(kb * 1000) - _HEADER_BYTES)


class Keeper:
    """Sessions by their place in tables that never grow."""

    def __init__(self, modes: KeeperModes) -> None:
        self.modes = modes
        self.open = 0
        self._payloads: list[bytes | None] = [None] * MOST_SESSIONS
        self._size = round(modes.session_kb * 1000)
        # Pages become resident when they are written to.
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._ground = mmap.mmap(-1, max(1, self._size * MOST_SESSIONS), flags)
        self._fresh = itertools.count()
        self._free: list[int] = []
        self._places_of_ground = array("l", bytes(8 * MOST_SESSIONS))
        self._used_at_s = array("d", bytes(8 * MOST_SESSIONS))
        self._deleted = bytearray(MOST_SESSIONS)
        self._next = 0
        self._oldest = 0
        self._lost: list[bytes] = []
        self._random = random.Random(1)  # noqa: S311 - sizes of noise, no secret
        self._noise: list[bytes] = [b""] * 64
        # Written to, so that the tables are resident from the start.
        self._used_at_s[:] = array("d", [0.0] * MOST_SESSIONS)
        self._places_of_ground[:] = array("l", range(MOST_SESSIONS))
        holes = [piece(1 + place % 7) for place in range(round(modes.holes_mb * 1000 / 4))]
        keepers = holes[::50]
        del holes
        self._lost += keepers

    def make_noise(self) -> None:
        """Allocate something that lives for some requests, as buffers and parsed messages do."""
        if self.modes.noise_kb:
            size_kb = self._random.random() * self.modes.noise_kb
            self._noise[self._random.randrange(len(self._noise))] = piece(size_kb)

    def lose(self, kb: float) -> None:
        """Keep memory for ever."""
        if kb:
            self._lost.append(piece(kb))

    def start(self) -> str | None:
        """Return the id of a new session; None at the cap."""
        modes = self.modes
        self._expire()
        if modes.cap and self.open >= modes.cap:
            if modes.cap_mode == "refuse":
                return None
            self._end(self._first_open())
        place = self._next
        self._next += 1
        self._used_at_s[place] = time.monotonic()
        self.open += 1
        if modes.on_heap:
            self._payloads[place] = piece(modes.session_kb)
        elif self._size:
            ground = self._free.pop() if self._free else next(self._fresh)
            self._places_of_ground[place] = ground
            self._ground[ground * self._size : (ground + 1) * self._size] = b"x" * self._size
        return f"{place}-{_check(place)}"

    def uses(self, session_id: str) -> bool:
        """Return whether there is such a session, and take note that it is used."""
        self._expire()
        place = _place(session_id)
        if place is None or place >= self._next:
            return False
        if self._used_at_s[place] <= 0:
            return self.modes.serves_deleted and bool(self._deleted[place])
        self._used_at_s[place] = time.monotonic()
        return True

    def delete(self, session_id: str) -> bool:
        """End a session; return whether there was one."""
        place = _place(session_id)
        if place is None or place >= self._next or self._used_at_s[place] <= 0:
            return False
        self._end(place)
        self._deleted[place] = 1
        self.lose(self.modes.deleted_kb)
        return True

    def _end(self, place: int) -> None:
        self._payloads[place] = None
        self._free.append(self._places_of_ground[place])
        self._used_at_s[place] = 0.0
        self.open -= 1

    def _first_open(self) -> int:
        while self._used_at_s[self._oldest] <= 0:
            self._oldest += 1
        return self._oldest

    def _expire(self) -> None:
        if not self.modes.ttl_s:
            return
        before_s = time.monotonic() - self.modes.ttl_s
        # Sessions are used rarely: the order of opening is nearly that of expiry.
        for place in range(self._oldest, self._next):
            if 0 < self._used_at_s[place] < before_s:
                self._end(place)
        while self._oldest < self._next and self._used_at_s[self._oldest] <= 0:
            self._oldest += 1


def _check(place: int) -> str:
    return hashlib.sha256(f"session {place}".encode()).hexdigest()[:16]


def _place(session_id: str) -> int | None:
    number, _, check = session_id.partition("-")
    return int(number) if number.isdigit() and check == _check(int(number)) else None


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; requests are answered at once and in order."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._stream: bytes | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment] # a TCP transport

    def connection_lost(self, _error: Exception | None) -> None:
        """Free what the stream of this connection kept."""
        self._transport = None
        self._stream = None

    def data_received(self, data: bytes) -> None:
        """Answer each whole request in the buffer."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            request_line, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            whole = end + 4 + int(headers.get("content-length", "0"))
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            method, path, _ = request_line.split(" ", 2)
            self._keeper.make_noise()
            self._handle(method, path, headers, body)

    def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        modes, session = self._keeper.modes, headers.get("mcp-session-id", "")
        closes = headers.get("connection", "").lower() == "close"
        if path == "/metrics" and modes.gauges:
            self._send(200, metrics(self._keeper), closes, kind="text/plain")
        elif path != "/mcp":
            self._send(404, b"", closes)
        elif method == "POST":
            self._post(session, body, closes)
        elif method == "DELETE" and modes.deletes:
            is_done = self._keeper.delete(session)
            self._send(200 if is_done else 404, b"" if is_done else b"no such session", closes)
        elif method == "GET" and modes.streams and self._keeper.uses(session):
            self._stream = piece(modes.stream_kb) if modes.stream_kb else b""
            head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            self._write(head.encode() + b"9\r\n: hello\n\n\r\n")
        else:
            self._send(405, b"", closes)

    def _post(self, session: str, body: bytes, closes: bool) -> None:
        keeper = self._keeper
        try:
            message = json.loads(body)
            method = message["method"]
        except (ValueError, KeyError, TypeError):
            self._refuse(400, None, "expected a JSON-RPC message", closes)
            return
        number = message.get("id")
        if method == "initialize":
            opened = keeper.start()
            if opened is None:
                self._refuse(keeper.modes.cap_status, number, "too many sessions", closes)
                return
            keeper.lose(keeper.modes.request_kb)
            result = {
                "protocolVersion": REVISION,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "session-keeper", "version": "1"},
            }
            extra = {"Mcp-Session-Id": opened} if keeper.modes.sessions else {}
            self._answer(number, result, closes, extra)
            return
        if keeper.modes.sessions and not keeper.uses(session):
            self._refuse(404 if session else 400, number, "no such session", closes)
            return
        keeper.lose(keeper.modes.request_kb)
        if number is None:
            self._send(202, b"", closes)
        elif method in {"ping", "tools/list"}:
            self._answer(number, {} if method == "ping" else {"tools": []}, closes)
        else:
            error = {"code": -32601, "message": f"there is no method {method}"}
            self._send(200, _dumps({"jsonrpc": "2.0", "id": number, "error": error}), closes)

    def _answer(self, number: Any, result: Any, closes: bool, extra: dict[str, str] | None = None) -> None:
        self._send(200, _dumps({"jsonrpc": "2.0", "id": number, "result": result}), closes, extra=extra)

    def _refuse(self, status: int, number: Any, why: str, closes: bool) -> None:
        self._keeper.lose(self._keeper.modes.refused_kb)
        error = {"code": -32001, "message": why}
        extra = {"Retry-After": "0"} if status in {429, 503} else None
        self._send(status, _dumps({"jsonrpc": "2.0", "id": number, "error": error}), closes, extra=extra)

    def _send(
        self,
        status: int,
        body: bytes,
        closes: bool,
        *,
        kind: str = "application/json",
        extra: dict[str, str] | None = None,
    ) -> None:
        lines = [
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Refused')}",
            f"Content-Length: {len(body)}",
            f"Content-Type: {kind}",
        ]
        lines += [f"{name}: {value}" for name, value in (extra or {}).items()]
        lines += ["Connection: close"] if closes else []
        self._write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        if closes and self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def metrics(keeper: Keeper) -> bytes:
    """Return the page ``/metrics``."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    lines = [
        f"mcp_sessions_open {keeper.open}",
        f"process_resident_memory_bytes {pages * os.sysconf('SC_PAGESIZE')}",
    ]
    if keeper.modes.ttl_s:
        lines.append(f"mcp_session_idle_timeout_seconds {keeper.modes.ttl_s}")
    return "".join(f"{line}\n" for line in lines).encode()


def _dumps(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


async def serve(listener: socket.socket, modes: KeeperModes) -> None:
    """Serve until SIGTERM."""
    keeper = Keeper(modes)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: Connection(keeper), sock=listener, backlog=1024)
    await stop.wait()
    server.close()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("modes", nargs="*", metavar="NAME=VALUE")
    options = parser.parse_args()
    try:
        modes = parse_modes(options.modes)
    except ValueError as error:
        parser.error(str(error))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    listener.listen(1024)
    listener.setblocking(False)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    if options.ready_file:
        partial = options.ready_file.with_suffix(".partial")
        partial.write_text(json.dumps({"url": url}), encoding="utf-8")
        partial.replace(options.ready_file)
    print(url, flush=True)
    asyncio.run(serve(listener, modes))


if __name__ == "__main__":
    main()
