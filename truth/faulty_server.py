"""An MCP server of known behaviour, with faults on demand; it needs only the standard library.

    python truth/faulty_server.py (--port N | --ready-file PATH) [--truth-file PATH] [NAME=VALUE ...]

It speaks both wires: sessions (revision 2025-11-25) and the stateless one (2026-07-28). Tools: ``add`` (a,
b), ``echo`` (text) and ``fail``, which answers with ``isError``. :mod:`modes` lists the faults, which can be
combined: ``latency_ms=20 wrong_every=50``. The server keeps its own account of what it did: ``GET /truth``
returns it, and with ``--truth-file`` it is appended to that file when the server ends.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import itertools
import json
import os
import random
import signal
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accounts import Account
from modes import Modes, parse_modes

SESSION_REVISION = "2025-11-25"
STATELESS_REVISION = "2026-07-28"
PREFIX = "io.modelcontextprotocol/"
TICK_S = 0.1
_PIECE_MB = 0.2
"""Larger than the allocator's threshold for memory that goes back to the system when it is freed (128 kB)."""
TOOLS = [
    {
        "name": "add",
        "description": "Add two numbers.",
        "inputSchema": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
    },
    {
        "name": "echo",
        "description": "Return the text.",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
    },
    {"name": "fail", "description": "Return a tool error.", "inputSchema": {"type": "object"}},
]
TRACEBACK = (
    'Traceback (most recent call last):\n  File "/srv/app/server.py", line 41, in call_tool\n'
    "    return self.tools[name](**arguments)\nKeyError: 'connection'\n"
)
REASONS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

Send = Callable[[bytes], None]


class Behaviour:
    """Decides when and how each tool call is answered."""

    def __init__(self, modes: Modes, account: Account) -> None:
        self.modes = modes
        self.account = account
        self._random = random.Random(modes.seed)  # noqa: S311 - draws of latencies, not secrets
        self._free_at = 0.0
        self._in_service = 0
        self._queue: deque[Callable[[], None]] = deque()
        self._spiking = False
        self._spikes = 0
        usl = modes.usl.split(",") if modes.usl else []
        self._usl = tuple(map(float, usl)) if usl else None

    def elapsed_s(self) -> float:
        """Return the time since the first tool call."""
        first = self.account.first_call_at
        return time.monotonic() - first if first else 0.0

    def hangs(self) -> bool:
        """Return whether the server has stopped answering."""
        return 0 < self.modes.hang_after_s <= self.elapsed_s()

    def outcome(self, number: int) -> str:
        """Return the fault of the n-th call, or ``right``."""
        modes = self.modes
        if self.elapsed_s() < modes.fails_from_s:
            return "right"
        if modes.fails_above and self.account.in_flight <= modes.fails_above:
            return "right"
        for fault, every in self._periods:
            if number % every == 0:
                return fault
        return "right"

    @functools.cached_property
    def _periods(self) -> list[tuple[str, int]]:
        faults = (
            *("hang", "elicit", "reset", "http_500", "http_503", "http_429", "rpc_error", "is_error"),
            *("soft_error", "wrong", "prefix", "truncate", "garbage", "meta_only", "wrong_id"),
        )
        periods = [(fault, int(getattr(self.modes, f"{fault}_every"))) for fault in faults]
        return [(fault, every) for fault, every in periods if every]

    def serve(self, answer: Callable[[], None]) -> None:
        """Call ``answer`` when the call is due."""
        modes = self.modes
        if modes.cpu_us:
            burn(modes.cpu_us)
        if modes.fork_cpu_us:
            self._fork(modes.fork_cpu_us)
        if modes.slots:
            self._queue.append(answer)
            self._fill_slots()
            return
        self._later(self._delay_s(), answer)

    def _fill_slots(self) -> None:
        while self._queue and self._in_service < self.modes.slots:
            self._in_service += 1
            self._later(self._delay_s(), functools.partial(self._leave_slot, self._queue.popleft()))

    def _leave_slot(self, answer: Callable[[], None]) -> None:
        self._in_service -= 1
        answer()
        self._fill_slots()

    @staticmethod
    def _later(delay_s: float, answer: Callable[[], None]) -> None:
        if delay_s <= 0:
            answer()
        else:
            asyncio.get_running_loop().call_later(delay_s, answer)

    def _delay_s(self) -> float:
        modes, at_once = self.modes, self.account.in_flight
        delay_ms = self._drawn_ms()
        if modes.slow_first_s and self.elapsed_s() < modes.slow_first_s:
            delay_ms += modes.slow_first_ms
        if modes.grows_until_s:
            share = min(1.0, self.elapsed_s() / modes.grows_until_s)
            delay_ms += share * (modes.grows_to_ms - modes.latency_ms)
        if modes.ratchet_above:
            delay_ms += self._ratchet_ms(at_once)
        if self._usl is not None:
            rate_per_s, sigma, kappa = self._usl
            factor = 1 + sigma * (at_once - 1) + kappa * at_once * (at_once - 1)
            delay_ms += 1000 * factor / rate_per_s
        if modes.collapse_above and at_once > modes.collapse_above:
            delay_ms += modes.collapse_s * 1000
        delay_s = delay_ms / 1000
        if modes.capacity_per_s:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + 1 / modes.capacity_per_s
            delay_s += self._free_at - now
        return delay_s

    def _drawn_ms(self) -> float:
        modes = self.modes
        if modes.latency == "exponential":
            return self._random.expovariate(1 / modes.latency_ms)
        if modes.latency == "bimodal" and self._random.random() < modes.slow_share:
            return modes.slow_ms
        return modes.latency_ms

    def _ratchet_ms(self, at_once: int) -> float:
        if not self._spiking and at_once > self.modes.ratchet_above:
            self._spiking = True
        elif self._spiking and at_once <= self.modes.ratchet_above // 2:
            self._spiking = False
            self._spikes += 1
        return self._spikes * self.modes.ratchet_ms

    def _fork(self, cpu_us: float) -> None:
        child = os.fork()
        if child == 0:
            burn(cpu_us)
            os._exit(0)
        self.account.forks += 1
        os.waitpid(child, 0)


def burn(cpu_us: float) -> None:
    """Use this much CPU time."""
    until = time.thread_time() + cpu_us / 1e6
    while time.thread_time() < until:
        pass


class Losses:
    """Memory, file descriptors and threads that the server never gives back."""

    def __init__(self, modes: Modes, account: Account) -> None:
        self._modes = modes
        self._account = account
        self._memory: list[bytes] = []
        self._tooth: list[bytes] = []
        self._owed_mb = self._owed_fds = self._owed_threads = 0.0
        self._never = threading.Event()
        self._began = time.monotonic()

    def tick(self, elapsed_s: float) -> None:
        """Lose what is due after another ``elapsed_s``."""
        modes = self._modes
        minutes = elapsed_s / 60
        self._owed_mb += modes.leak_mb_per_min * minutes
        if self._owed_mb >= 0.1:
            self.lose_memory(self._owed_mb)
            self._owed_mb = 0.0
        self._owed_fds += modes.leak_fds_per_min * minutes
        self._owed_threads += modes.leak_threads_per_min * minutes
        while self._owed_fds >= 1:
            self._owed_fds -= 1
            self.lose_fd()
        while self._owed_threads >= 1:
            self._owed_threads -= 1
            self.lose_thread()
        if modes.sawtooth_s:
            self._saw()

    def after_call(self, number: int) -> None:
        """Lose what the n-th call loses."""
        modes = self._modes
        if modes.leak_kb_per_call:
            self.lose_memory(modes.leak_kb_per_call / 1000)
        if modes.leak_fd_every and number % modes.leak_fd_every == 0:
            self.lose_fd()
        if modes.leak_thread_every and number % modes.leak_thread_every == 0:
            self.lose_thread()

    def lose_memory(self, mb: float) -> None:
        """Keep memory, all of it written to, so that it is resident."""
        self._memory.append(b"x" * int(mb * 1e6))
        self._account.leaked["mb"] += mb  # type: ignore[assignment] # a float count

    def lose_fd(self) -> None:
        """Open a file and forget it."""
        os.open(os.devnull, os.O_RDONLY)
        self._account.leaked["fds"] += 1

    def lose_thread(self) -> None:
        """Start a thread that waits for ever."""
        threading.Thread(target=self._never.wait, daemon=True).start()
        self._account.leaked["threads"] += 1

    def _saw(self) -> None:
        modes = self._modes
        into_s = (time.monotonic() - self._began) % modes.sawtooth_s
        pieces = int(modes.sawtooth_mb * into_s / modes.sawtooth_s / _PIECE_MB)
        if pieces < len(self._tooth):
            self._tooth.clear()
        self._tooth += [b"x" * int(_PIECE_MB * 1e6) for _ in range(pieces - len(self._tooth))]


class Sessions:
    """Open sessions by id, each with the calls it has made and its memory."""

    def __init__(self, modes: Modes, account: Account) -> None:
        self._modes = modes
        self._account = account
        self._calls: dict[str, int] = {}
        self._memory: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, session: str) -> bool:
        return session in self._calls

    def open(self) -> str:
        """Return the id of a new session."""
        session = uuid.uuid4().hex
        self._calls[session] = 0
        self._account.sessions_opened += 1
        if self._modes.session_mb:
            self._memory[session] = b"x" * int(self._modes.session_mb * 1e6)
        return session

    def delete(self, session: str) -> None:
        """Delete a session, unless the server keeps them."""
        self._account.sessions_deleted += 1
        if not self._modes.keep_sessions:
            self._forget(session)

    def use(self, session: str) -> None:
        """Count a call in a session, which may be its last."""
        self._calls[session] += 1
        if 0 < self._modes.lose_session_after <= self._calls[session]:
            self._account.sessions_lost += 1
            self._forget(session)

    def _forget(self, session: str) -> None:
        self._calls.pop(session, None)
        self._memory.pop(session, None)


class App:
    """State of the server, shared by its connections."""

    def __init__(self, modes: Modes, truth_file: Path | None) -> None:
        self.modes = modes
        self.account = Account()
        self.uncounted = Account()
        self.behaviour = Behaviour(modes, self.account)
        self.losses = Losses(modes, self.account)
        self.sessions = Sessions(modes, self.account)
        self.asked = itertools.count(1)
        self._truth_file = truth_file

    def server_info(self) -> dict[str, str]:
        """Return name and version, which may have changed."""
        renamed = 0 < self.modes.rename_after <= self.account.received
        return {"name": "renamed" if renamed else "faulty", "version": "1"}

    def write_truth(self) -> None:
        """Append the account to the file, if there is one."""
        self.account.write(self._truth_file)


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, kept alive; requests are answered in order, one at a time."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._waiting: set[float] = set()
        self._account = app.account

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        self._app.account.connections += 1
        self._transport = transport  # type: ignore[assignment] # a TCP transport

    def connection_lost(self, _error: Exception | None) -> None:
        """Give up the calls that still wait."""
        self._transport = None
        for _ in self._waiting:
            self._account.abandon()
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Answer each whole request in the buffer."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            request_line, _, rest = self._buffer[:end].decode("latin-1").partition("\r\n")
            headers = {}
            for line in rest.split("\r\n"):
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            whole = end + 4 + int(headers.get("content-length", "0"))
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            method, path, _ = request_line.split(" ", 2)
            self._handle(method, path, headers, body)

    def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        app = self._app
        # The lab makes calls of its own, for instance to see what hung a call.
        counted = app.modes.counted_agent in headers.get("user-agent", "")
        self._account = app.account if counted else app.uncounted
        if path == "/truth":
            self._send_json(200, app.account.document())
        elif path == "/metrics" and app.modes.gauges:
            self._send(200, f"mcp_sessions_open {len(app.sessions)}\n".encode(), "text/plain")
        elif path != "/mcp":
            self._send(404, b"")
        elif app.modes.hang_everything and app.behaviour.hangs() and b'"tools/call"' not in body:
            return  # a call is counted first
        elif method == "POST":
            self._post(headers, body)
        elif method == "DELETE" and headers.get("mcp-session-id", "") in app.sessions:
            app.sessions.delete(headers["mcp-session-id"])
            self._send(200, b"")
        else:
            self._send(404 if method == "DELETE" else 405, b"")

    def _post(self, headers: dict[str, str], body: bytes) -> None:
        try:
            message = json.loads(body)
            method = message["method"]
        except (ValueError, KeyError, TypeError):
            self._send_json(400, _error(None, -32700, "expected a JSON-RPC message"))
            return
        wire = "stateless" if headers.get("mcp-protocol-version") == STATELESS_REVISION else "session"
        if self._app.modes.wire not in {"", wire}:
            self._send_json(400, _error(message.get("id"), -32022, f"the {wire} wire is not offered"))
            return
        session = headers.get("mcp-session-id", "")
        if wire == "session" and method != "initialize" and session not in self._app.sessions:
            if method == "tools/call":
                self._account.end(self._account.begin(), "session_lost")
            self._send_json(404 if session else 400, _error(message.get("id"), -32001, "no such session"))
            return
        if "id" not in message:
            self._send(202, b"")
        elif method == "tools/call":
            self._call(message, session)
        else:
            self._answer_other(message, method)

    def _answer_other(self, message: dict[str, Any], method: str) -> None:
        app, extra = self._app, {}
        if method == "initialize":
            result: dict[str, Any] = {
                "protocolVersion": SESSION_REVISION,
                "capabilities": {"tools": {}},
                "serverInfo": app.server_info(),
            }
            extra = {"Mcp-Session-Id": app.sessions.open()}
        elif method == "server/discover":
            result = {
                "resultType": "complete",
                "supportedVersions": [STATELESS_REVISION],
                "capabilities": {"tools": {}},
                "ttlMs": 0,
                "cacheScope": "private",
                "_meta": {f"{PREFIX}serverInfo": app.server_info()},
            }
        elif method == "tools/list":
            result = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "tools": TOOLS}
        elif method == "ping":
            result = {}
        else:
            self._send_json(200, _error(message["id"], -32601, f"there is no method {method}"))
            return
        self._send_json(200, {"jsonrpc": "2.0", "id": message["id"], "result": result}, extra)

    def _call(self, message: dict[str, Any], session: str) -> None:
        app = self._app
        began = self._account.begin()
        while began in self._waiting:
            began += 1e-9
        self._waiting.add(began)
        number = app.account.received + app.uncounted.received
        outcome = "hang" if app.behaviour.hangs() else app.behaviour.outcome(number)
        if outcome == "hang":
            return
        if outcome == "elicit":
            self._ask_client()
            return

        def answer() -> None:
            # A process that stands still or hangs answers nothing that it has begun, either.
            if self._transport is None or app.behaviour.hangs():
                return
            self._waiting.discard(began)
            if session:
                app.sessions.use(session)
            self._answer_call(message, outcome)
            self._account.end(began, outcome)
            app.losses.after_call(number)

        app.behaviour.serve(answer)

    def _ask_client(self) -> None:
        request = {
            "jsonrpc": "2.0",
            "id": f"ask-{next(self._app.asked)}",
            "method": "elicitation/create",
            "params": {
                "message": "Which unit?",
                "requestedSchema": {"type": "object", "properties": {"unit": {"type": "string"}}},
            },
        }
        event = f"event: message\ndata: {json.dumps(request)}\n\n".encode()
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        self._write(head.encode() + f"{len(event):x}\r\n".encode() + event + b"\r\n")

    def _answer_call(self, message: dict[str, Any], outcome: str) -> None:
        if outcome == "reset":
            if self._transport is not None:
                self._transport.abort()
            return
        if outcome == "http_500":
            self._send(500, TRACEBACK.encode(), "text/plain")
            return
        if outcome in {"http_503", "http_429"}:
            self._send(int(outcome[-3:]), b"busy", "text/plain", {"Retry-After": "1"})
            return
        body = call_body(message, outcome)
        if self._app.modes.sse:
            self._send(200, b"event: message\ndata: " + body + b"\n\n", "text/event-stream")
        else:
            self._send(200, body, "application/json")

    def _send_json(self, status: int, document: Any, extra: dict[str, str] | None = None) -> None:
        self._send(status, _dumps(document), "application/json", extra)

    def _send(
        self, status: int, body: bytes, kind: str = "text/plain", extra: dict[str, str] | None = None
    ) -> None:
        closes = self._app.modes.close_connections
        lines = [
            f"HTTP/1.1 {status} {REASONS[status]}",
            f"Content-Length: {len(body)}",
            f"Content-Type: {kind}",
        ]
        lines += [f"{name}: {value}" for name, value in (extra or {}).items()]
        if closes:
            lines.append("Connection: close")
        self._write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        if closes and self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def call_body(message: dict[str, Any], outcome: str) -> bytes:
    """Return the body of an answer to ``tools/call``, with the fault of that name."""
    params, identifier = message["params"], message["id"]
    tool, arguments = params.get("name"), params.get("arguments") or {}
    if outcome == "rpc_error":
        error = {"code": -32603, "message": "internal error", "data": {"result": {}}}
        return _dumps({"jsonrpc": "2.0", "id": identifier, "error": error})
    if outcome == "wrong_id":
        identifier += 1
    result = _result(tool, arguments, outcome)
    if outcome == "meta_only":
        hidden = {"content": [{"type": "text", "text": ""}], "isError": False}
        result = {"_meta": result, **hidden}
    body = _dumps({"jsonrpc": "2.0", "id": identifier, "result": {"resultType": "complete", **result}})
    if outcome == "truncate":
        return body[:-2]
    if outcome == "garbage":
        return body + b"]}<html>"
    return body


def _result(tool: str, arguments: dict[str, Any], outcome: str) -> dict[str, Any]:
    if outcome == "is_error" or (tool == "fail" and outcome != "soft_error"):
        return {"content": [{"type": "text", "text": "it failed"}], "isError": True}
    if outcome == "soft_error":
        content = {"note": {"isError": True}}
        text = _dumps(content).decode()
        return {"content": [{"type": "text", "text": text}], "structuredContent": content, "isError": False}
    if tool == "echo":
        text = str(arguments.get("text", ""))
        if outcome in {"wrong", "prefix"}:
            text += "!"
        return {"content": [{"type": "text", "text": text}], "isError": False}
    total = arguments["a"] + arguments["b"]
    if outcome == "wrong":
        total += 1
    if outcome == "prefix":
        total = int(f"{total}1")
    return {
        "content": [{"type": "text", "text": str(total)}],
        "structuredContent": {"result": total},
        "isError": False,
    }


def _error(identifier: Any, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": text}}


def _dumps(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


async def serve(listener: socket.socket, modes: Modes, truth_file: Path | None) -> None:
    """Serve until SIGTERM, or until the time of a restart."""
    app = App(modes, truth_file)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(_accept(listener, app)), asyncio.create_task(_pass_time(app))]
    await stop.wait()
    for task in tasks:
        task.cancel()
    app.write_truth()


async def _accept(listener: socket.socket, app: App) -> None:
    """Accept connections, pausing between them if the server is slow at it."""
    loop = asyncio.get_running_loop()
    pause_s = app.modes.accept_pause_ms / 1000
    if not pause_s:
        server = await loop.create_server(lambda: Connection(app), sock=listener, backlog=app.modes.backlog)
        await server.serve_forever()
    while True:
        connection, _ = await loop.sock_accept(listener)
        await loop.connect_accepted_socket(lambda: Connection(app), connection)
        await asyncio.sleep(pause_s)


async def _pass_time(app: App) -> None:
    """Do what depends on time: losses, freezes, and the death of a supervised child."""
    modes = app.modes
    began = time.monotonic()
    next_freeze_s = modes.freeze_every_s
    while True:
        await asyncio.sleep(TICK_S)
        now = time.monotonic()
        app.losses.tick(now - began)
        began = now
        elapsed_s = app.behaviour.elapsed_s()
        if modes.freeze_s and elapsed_s >= next_freeze_s:
            time.sleep(modes.freeze_s)  # noqa: ASYNC251 - the whole process stands still
            next_freeze_s += modes.freeze_every_s
        if 0 < modes.restart_at_s <= elapsed_s:
            app.write_truth()
            os._exit(3)


def supervise(listener: socket.socket, modes: Modes, truth_file: Path | None) -> None:
    """Keep one serving child; a child that dies is replaced by one that lives."""
    child = 0
    stopping = False

    def stop(_number: int, _frame: Any) -> None:
        nonlocal stopping
        stopping = True
        os.kill(child, signal.SIGTERM)

    while not stopping:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            asyncio.run(serve(listener, modes, truth_file))
            os._exit(0)
        signal.signal(signal.SIGTERM, stop)
        os.waitpid(child, 0)
        modes = parse_modes([word for word in modes.words() if not word.startswith("restart_at_s=")])


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("--truth-file", type=Path)
    parser.add_argument("modes", nargs="*", metavar="NAME=VALUE")
    options = parser.parse_args()
    try:
        modes = parse_modes(options.modes)
    except ValueError as error:
        parser.error(str(error))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    listener.listen(modes.backlog)
    listener.setblocking(False)
    url = modes.foreign_url or f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    if options.ready_file:
        partial = options.ready_file.with_suffix(".partial")
        partial.write_text(json.dumps({"url": url}), encoding="utf-8")
        partial.replace(options.ready_file)
    print(url, flush=True)
    if modes.restart_at_s:
        supervise(listener, modes, options.truth_file)
    else:
        asyncio.run(serve(listener, modes, options.truth_file))


if __name__ == "__main__":
    main()
