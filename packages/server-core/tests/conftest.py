"""Fixtures: an app in memory, a server process, and clients for both wires."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastmcp import FastMCP
from pydantic_settings import SettingsConfigDict

from server_core import PlainTool, ServedApp, ServerSettings, create_app

ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
BASE_HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class QuietSettings(ServerSettings):
    """Settings that ignore the environment and `.env`, for apps in memory."""

    model_config = SettingsConfigDict(env_prefix="NOBODY_SETS_THIS_", env_file=None)


@dataclass
class Wires:
    """A client for both wires of one endpoint; headers can be overridden, or left out by None."""

    http: httpx2.AsyncClient
    path: str = "/mcp"

    async def stateless(
        self, method: str, params: dict[str, Any] | None = None, headers: dict[str, str | None] | None = None
    ) -> httpx2.Response:
        params = {**(params or {}), "_meta": ENVELOPE}
        own: dict[str, str | None] = {"mcp-protocol-version": "2026-07-28", "mcp-method": method}
        if "name" in params:
            own["mcp-name"] = params["name"]
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return await self.post(json.dumps(body), {**own, **(headers or {})})

    async def call(self, tool: str, arguments: dict[str, Any], **headers: str | None) -> httpx2.Response:
        return await self.stateless("tools/call", {"name": tool, "arguments": arguments}, headers or None)

    async def post(
        self, content: Any, headers: dict[str, str | None] | Sequence[tuple[str, str]] | None = None
    ) -> httpx2.Response:
        if isinstance(headers, dict) or headers is None:
            merged = {**BASE_HEADERS, **(headers or {})}
            sent = [(name, value) for name, value in merged.items() if value is not None]
        else:
            sent = list(headers)
        return await self.http.post(self.path, content=content, headers=sent)

    async def initialize(self) -> httpx2.Response:
        params = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        }
        return await self.post(
            json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
        )

    async def open_session(self) -> str:
        answer = await self.initialize()
        assert answer.status_code == 200, answer.text
        session = answer.headers["mcp-session-id"]
        done = await self.post(
            json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            self.session_headers(session),
        )
        assert done.status_code == 202
        return str(session)

    def session_headers(self, session: str) -> dict[str, str | None]:
        return {"mcp-session-id": session, "mcp-protocol-version": "2025-11-25"}

    async def in_session(
        self, session: str, method: str, params: dict[str, Any] | None = None, request_id: int = 1
    ) -> httpx2.Response:
        body = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}
        return await self.post(json.dumps(body), self.session_headers(session))

    async def call_in_session(self, session: str, tool: str, arguments: dict[str, Any]) -> httpx2.Response:
        return await self.in_session(session, "tools/call", {"name": tool, "arguments": arguments})

    async def delete(self, session: str) -> httpx2.Response:
        headers = {name: value for name, value in self.session_headers(session).items() if value}
        return await self.http.delete(self.path, headers=headers)


@pytest.fixture
def wires_with() -> type[Wires]:
    """Returns the class of clients for both wires, for HTTP clients of a test's own."""
    return Wires


@pytest.fixture
def make_app() -> Callable[..., ServedApp]:
    """Returns a function that makes an app from settings; by default with `echo`, `forever` and `fail`."""

    def make(
        mcp: FastMCP[Any] | None = None, *, middleware: Any = (), routes: Any = (), **settings: Any
    ) -> ServedApp:
        return create_app(
            mcp if mcp is not None else sample_server(),
            QuietSettings(**settings),
            middleware=middleware,
            routes=routes,
        )

    return make


@pytest.fixture
def server() -> FastMCP[Any]:
    return sample_server()


def sample_server() -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("sample", version="9.9", dereference_schemas=False)

    async def echo(text: str) -> str:
        """Return the text."""
        return text

    async def forever() -> str:
        """Never return."""
        await asyncio.Event().wait()
        return "unreachable"

    async def fail() -> str:
        """Fail."""
        raise LookupError("an error in the tool")

    for tool in (echo, forever, fail):
        mcp.add_tool(PlainTool.from_function(tool))

    @mcp.resource("sample://forever")
    async def endless() -> str:
        await asyncio.Event().wait()
        return "unreachable"

    return mcp


@pytest.fixture
def serving() -> Callable[[ServedApp], contextlib.AbstractAsyncContextManager[Wires]]:
    """Returns a context manager that runs an app's lifespan and yields a client to it, in memory."""
    return _serving


@contextlib.asynccontextmanager
async def _serving(app: ServedApp) -> AsyncIterator[Wires]:
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    started = asyncio.Event()

    async def send(message: Any) -> None:
        assert not message["type"].endswith("failed"), message
        started.set()

    lifespan = asyncio.create_task(app({"type": "lifespan", "state": {}}, events.get, send))  # type: ignore[arg-type]  # a dict is an ASGI message
    await events.put({"type": "lifespan.startup"})
    await started.wait()
    try:
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8000", timeout=30
        ) as http:
            yield Wires(http)
    finally:
        await events.put({"type": "lifespan.shutdown"})
        await lifespan


@dataclass
class ServerProcess:
    """A server process; `log` collects its stderr."""

    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)
    url: str = ""

    def wait_for(self, text: str) -> str:
        """Read the log up to the line that contains `text`, and return this line."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if text in line:
                return line
        raise AssertionError(f"the server ended without {text!r}:\n{''.join(self.log)}")

    def stop(self, *, signal_number: int = signal.SIGTERM, timeout_s: float = 60) -> int:
        """Send a signal, read the rest of the log and return the exit code."""
        self.process.send_signal(signal_number)
        return self.finish(timeout_s)

    def finish(self, timeout_s: float = 60) -> int:
        """Read the rest of the log and return the exit code."""
        assert self.process.stderr is not None
        reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr or ()))
        reader.start()
        code = self.process.wait(timeout_s)
        reader.join(timeout_s)
        return code


StartServer = Callable[..., ServerProcess]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Returns a function that starts `served_app.py` (or another command) and waits until it is ready."""
    with starting_in(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for the tests of a module that leave it as it is; another one costs a second of CPU time."""
    with starting_in(tmp_path_factory.mktemp("server")) as start:
        yield start()


@contextlib.contextmanager
def starting_in(folder: Path) -> Iterator[StartServer]:
    """Yield a function that starts servers in a folder; they end with the block."""
    started: list[ServerProcess] = []

    def start(
        *options: str,
        command: Sequence[str] | None = None,
        environment: dict[str, str] | None = None,
        ready: bool = True,
    ) -> ServerProcess:
        script = Path(__file__).with_name("served_app.py")
        ready_file = folder / f"ready-{len(started)}.json"
        arguments = [*(command or [sys.executable, str(script)]), *options]
        if ready:
            arguments += ["--port", "0", "--ready-file", str(ready_file)]
        process = subprocess.Popen(  # the list is the test's own
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
        server = ServerProcess(process)
        started.append(server)
        if ready:
            server.wait_for("is ready at")
            server.url = json.loads(ready_file.read_text())["url"]
        return server

    try:
        yield start
    finally:
        for server in started:
            if server.process.poll() is None:
                server.process.kill()
            server.process.wait()
            for stream in (server.process.stdout, server.process.stderr):
                if stream is not None:
                    stream.close()


@dataclass
class Held:
    """The test's end of a `hold` call, which sets `arrived` and returns after `release`."""

    port: int
    arrived: asyncio.Event
    writers: list[asyncio.StreamWriter]

    def release(self, text: str) -> None:
        for writer in self.writers:
            writer.write(f"{text}\n".encode())


@pytest.fixture
async def held() -> AsyncIterator[Held]:
    """A port to which the tool `hold` of `served_app.py` connects."""
    arrived = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        arrived.set()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield Held(listener.sockets[0].getsockname()[1], arrived, writers)
    for writer in writers:
        writer.close()
    listener.close()
    await listener.wait_closed()


@pytest.fixture
def wires_to() -> Callable[[str], contextlib.AbstractAsyncContextManager[Wires]]:
    """Returns a context manager that yields a client over a real socket."""

    @contextlib.asynccontextmanager
    async def connect(url: str) -> AsyncIterator[Wires]:
        parts = httpx2.URL(url)
        async with httpx2.AsyncClient(base_url=f"http://{parts.host}:{parts.port}", timeout=30) as http:
            yield Wires(http, parts.path)

    return connect
