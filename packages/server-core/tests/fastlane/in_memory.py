"""An app in memory that is sent raw ASGI requests, with duplicate headers and odd bytes if need be."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic_settings import SettingsConfigDict

from server_core import ServedApp, ServerSettings

PREFIX = "io.modelcontextprotocol/"
META = {f"{PREFIX}protocolVersion": "2026-07-28", f"{PREFIX}clientCapabilities": {}}
TYPES = [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]
COMPARED_HEADERS = ("content-type", "mcp-session-id", "allow", "retry-after")

Headers = list[tuple[bytes, bytes]]


class MemorySettings(ServerSettings):
    model_config = SettingsConfigDict(env_prefix="NOBODY_SETS_THIS_", env_file=None)


@dataclass(frozen=True)
class Request:
    method: str
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


class Served:
    """An app in memory; its sessions have numbers, so that two apps can be sent the same requests.

    Attributes:
        immediate: Number of requests that were answered before ASGI began.
    """

    def __init__(self, app: ServedApp, *, tries_immediate_calls: bool = False) -> None:
        self.app = app
        self.immediate = 0
        self._tries_immediate_calls = tries_immediate_calls
        self.sessions: list[bytes] = []
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()
        self._outbox: asyncio.Queue[Any] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def lane_calls(self) -> int:
        """Return the number of calls that the lane has answered."""
        lane = self.app._lane
        assert lane is not None
        return lane.answered

    async def start(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._task = asyncio.create_task(self.app(scope, self._inbox.get, self._outbox.put))
        await self._inbox.put({"type": "lifespan.startup"})
        assert (await self._outbox.get())["type"] == "lifespan.startup.complete"

    async def stop(self) -> None:
        await self._inbox.put({"type": "lifespan.shutdown"})
        assert (await self._outbox.get())["type"] == "lifespan.shutdown.complete"
        assert self._task is not None
        await self._task

    async def listen(self, opened: asyncio.Event) -> None:
        """Open the event stream of the first session, until the server ends it."""
        headers = [
            (b"host", b"127.0.0.1:8000"),
            (b"accept", b"text/event-stream"),
            (b"mcp-session-id", self.sessions[0]),
        ]

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                assert message["status"] == 200
                opened.set()

        await asyncio.wait_for(self.app(_scope("GET", headers), _receiving(b""), send), 30)

    async def send(self, request: Request) -> Answer:
        headers = [
            (b"host", b"127.0.0.1:8000"),
            *((name, self._own(value)) for name, value in request.headers),
        ]
        scope = _scope(request.method, headers)
        if self._tries_immediate_calls and request.method == "POST":
            sent_immediately = await self._send_immediately(scope, request.body)
            if sent_immediately is not None:
                self.immediate += 1
                return self._answer(sent_immediately)
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await asyncio.wait_for(self.app(scope, _receiving(request.body), send), 30)
        return self._answer(sent)

    async def _send_immediately(self, scope: dict[str, Any], body: bytes) -> list[Any] | None:
        """Return the messages that ASGI would send, if the request is answered outside of any task."""
        calls = self.app.immediate_calls
        assert calls is not None
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def send() -> None:
            head = calls.admit(scope)
            result.set_result(None if head is None else calls.answer(head, body))

        asyncio.get_running_loop().call_soon(send, context=calls.context())
        answer = await result
        if answer is None:
            return None
        session = [] if answer.session is None else [(b"mcp-session-id", answer.session)]
        headers = [(b"content-type", b"application/json"), *session]
        return [{"status": answer.status, "headers": headers}, {"body": answer.body}]

    def _own(self, value: bytes) -> bytes:
        def named(match: re.Match[bytes]) -> bytes:
            number = int(match[1])
            return self.sessions[number] if number < len(self.sessions) else b"no-such-session"

        return re.sub(rb"session (\d+)", named, value)

    def _answer(self, sent: list[Any]) -> Answer:
        start, *chunks = sent
        headers = {
            name.decode(): value for name, value in start["headers"] if name.decode() in COMPARED_HEADERS
        }
        body = b"".join(chunk.get("body", b"") for chunk in chunks)
        session = headers.get("mcp-session-id")
        if session is not None and session not in self.sessions:
            self.sessions.append(session)
        shown = {
            name: f"session {self.sessions.index(value)}" if name == "mcp-session-id" else value.decode()
            for name, value in headers.items()
        }
        return Answer(int(start["status"]), shown, _comparable(body))


def _receiving(body: bytes) -> Callable[[], Awaitable[Any]]:
    """Return a `receive` that returns the whole body and then waits for ever for the client to disconnect."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        for message in messages:
            return message
        return await asyncio.Event().wait()

    return receive


def _scope(method: str, headers: Headers) -> dict[str, Any]:
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": "/mcp", "raw_path": b"/mcp", "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "state": {},
    }  # fmt: skip


def _comparable(body: bytes) -> Any:
    if body.startswith(b"event: message"):
        # One message is compared as JSON, several as text.
        messages = [line[6:] for line in body.splitlines() if line.startswith(b"data: ")]
        body = messages[0] if len(messages) == 1 else b"\n".join(messages)
        return _comparable(body) if len(messages) == 1 else body.decode()
    try:
        # As text, because not every client takes 1 for 1.0, and NaN is not equal to itself.
        return json.dumps(json.loads(body), sort_keys=True)
    except ValueError:
        return body


def initialize(version: str = "2025-11-25", changes: dict[str, Any] | None = None) -> Request:
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {**params, **(changes or {})}}
    return Request("POST", list(TYPES), json.dumps(body).encode())


def stateless_call(tool: str, arguments: dict[str, Any], **params: Any) -> Request:
    own = [
        (b"mcp-protocol-version", b"2026-07-28"),
        (b"mcp-method", b"tools/call"),
        (b"mcp-name", tool.encode()),
    ]
    body = {"name": tool, "arguments": arguments, "_meta": META, **params}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": body}
    return Request("POST", [*TYPES, *own], json.dumps(message).encode())


def session_call(tool: str, arguments: dict[str, Any], session: int = 0, identity: int = 1) -> Request:
    return request("tools/call", {"name": tool, "arguments": arguments}, session=session, identity=identity)


def request(
    method: str, params: Any = None, session: int = 0, identity: Any = 1, version: str = "2025-11-25"
) -> Request:
    message = {"jsonrpc": "2.0", "id": identity, "method": method}
    return _in_session(message if params is None else {**message, "params": params}, session, version)


def notification(method: str, params: Any = None, session: int = 0, version: str = "2025-11-25") -> Request:
    message = {"jsonrpc": "2.0", "method": method}
    return _in_session(message if params is None else {**message, "params": params}, session, version)


def delete(session: int = 0) -> Request:
    return Request("DELETE", _in_session({}, session, "2025-11-25").headers, b"")


def _in_session(message: dict[str, Any], session: int, version: str) -> Request:
    own = [(b"mcp-protocol-version", version.encode()), (b"mcp-session-id", b"session %d" % session)]
    return Request("POST", [*TYPES, *own], json.dumps(message).encode())
