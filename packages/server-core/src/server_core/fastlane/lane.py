"""The ASGI layer: what it recognises it answers, everything else goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from fastmcp import FastMCP
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.callers import Caller, calling, now_serving
from server_core.fastlane import request_recognition
from server_core.fastlane.calls import DirectCalls
from server_core.fastlane.coroutines import done_at_once
from server_core.fastlane.handshake import LISTS, VERSIONS, Handshake
from server_core.fastlane.light_sessions import LightSession, LightSessions
from server_core.fastlane.request_recognition import (
    Headers,
    Recogniser,
    is_in_session,
    is_stateless,
    may_open_session,
)
from server_core.fastlane.results import Answers
from server_core.fastlane.sdk_sessions import Requestor, SessionViews, hold_session, requestor_of
from server_core.fastlane.session_promotion import Adoption
from server_core.layers.refusals import refuse
from server_core.observability.metrics import ServerMetrics
from server_core.sdk.session_ids import SessionNames, session_in
from server_core.settings import ServerSettings

_JSON: Final = (b"content-type", b"application/json")
_TOO_MANY: Final = -32603
"""The SDK's code for too many sessions."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response with a JSON body.

    Attributes:
        status: HTTP status.
        body: The JSON.
        session: Value of the header `Mcp-Session-Id`; None without a session.
    """

    status: int
    body: bytes
    session: bytes | None


@dataclass(frozen=True, slots=True)
class CallHead:
    """What the headers of a request say that may be a plain call.

    Attributes:
        headers: Those that matter.
        session: The session that it is in; None on the stateless wire.
        owner: Who sent it, None where nobody has to say who they are.
        who: The same for tools.
    """

    headers: Headers
    session: bytes | None
    owner: Requestor | None
    who: Caller


class FastLane:
    """Answers plain tool calls, and what a client needs to make them; `app` answers the rest.

    Args:
        app: FastMCP's app, which gets every other request unchanged.
        mcp: The FastMCP app behind it.
        metrics: Where calls are counted.
        settings: Path and limits.
        names: Makes the ids of sessions.
    """

    def __init__(
        self,
        app: ASGIApp,
        mcp: FastMCP[Any],
        metrics: ServerMetrics,
        settings: ServerSettings,
        names: SessionNames,
    ) -> None:
        self._app = app
        self._path = settings.path
        self._calls = DirectCalls(mcp, metrics, settings.request_timeout_s)
        self._recogniser = Recogniser()
        self._views = SessionViews(mcp)
        self._stateless = Answers(mcp, request_recognition.STATELESS_VERSION)
        self._in_session = {version: Answers(mcp, version) for version in VERSIONS}
        self._handshake = Handshake(mcp, self._calls.components)
        self._manager: StreamableHTTPSessionManager | None = None
        self._done_task: asyncio.Task[None] | None = None
        self._light = LightSessions(
            settings.max_sessions, settings.session_idle_timeout_s, self._sessions_of_fastmcp, names
        )
        self._adoption = Adoption(app, self._light)

    @property
    def answered(self) -> int:
        """Tool calls answered so far."""
        return self._calls.answered

    def reasons(self) -> dict[str, str]:
        """Return each of the app's own tools with why it is not on the lane; empty when it is."""
        return self._calls.reasons()

    def light_sessions(self) -> int:
        """Return how many sessions are open that FastMCP does not know."""
        return len(self._light)

    def attach(self, manager: StreamableHTTPSessionManager) -> None:
        """Learn which manager keeps FastMCP's sessions; until then none are served here."""
        self._manager = manager
        self._done_task = asyncio.ensure_future(_nothing())
        self._adoption.attach(manager)

    def detach(self) -> None:
        """End with the manager: no session outlives the app's lifespan."""
        self._manager = self._done_task = None
        self._light.clear()

    def _sessions_of_fastmcp(self) -> int:
        return len(self._manager._server_instances) if self._manager is not None else 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        headers = self._recogniser.read(scope["headers"]) if scope["method"] == "POST" else None
        identity = headers.get(b"mcp-session-id") if headers is not None else session_in(scope)
        light = self._light.get(identity) if identity is not None else None
        if light is not None:
            if light.owner != requestor_of(scope):
                await refuse(send, 404, "Session not found")  # as if it did not exist, in the SDK's words
                return
            self._light.begin(light)
            try:
                await self._serve_light(light, headers, scope, receive, send)
            finally:
                self._light.end(light)
            return
        if headers is None:
            await self._app(scope, receive, send)
            return
        taken = await receive()
        message = self._message(headers, taken)
        if message is None or not await self._answered(headers, message, scope, send):
            await self._app(scope, _again(taken, receive), send)

    def head(self, scope: Scope) -> CallHead | None:
        """Return what the headers of a POST say, None when it cannot be a plain call."""
        headers = self._recogniser.read(scope["headers"])
        if headers is None or not (is_stateless(headers) or is_in_session(headers)):
            return None
        session = headers.get(b"mcp-session-id")
        return CallHead(headers, session, requestor_of(scope), _caller(scope, session))

    def answered_at_once(
        self, head: CallHead, body: bytes, admits: Callable[[], bool] | None = None
    ) -> Answer | None:
        """Answer a call that need not wait; None, with nothing done, when it is none or not quite right.

        Calls in sessions of FastMCP are not among them: they hold their session while they are served. To be
        called outside of any task, in a context of its own.

        Args:
            head: Of the request.
            body: All of it.
            admits: Asked when nothing else speaks against the call.
        """
        task, calls = self._done_task, self._calls
        if task is None or not calls.never_waits(request_recognition.first_name(head.headers, body)):
            return None
        answers, session = self._stateless, None
        if head.session is not None:
            session = self._light.get(head.session)
            if session is None or session.owner != head.owner:
                return None
            answers = self._in_session[session.version]
        message = request_recognition.message_in(body)
        call = self._recogniser.call(head.headers, message) if message is not None else None
        ready = calls.ready(call) if call is not None else None
        if ready is None or not ready.direct.never_waits or not (admits is None or admits()):
            return None
        now_serving(head.who)
        try:
            status, answer = done_at_once(calls.make(ready, answers), task)
        finally:
            if session is not None:
                self._light.used(session)
        return Answer(status, answer, head.session)

    def _message(self, headers: Headers, taken: Message) -> request_recognition.Message | None:
        """Return the message that was taken, None when it is FastMCP's to read."""
        if taken["type"] != "http.request" or taken.get("more_body", False):
            return None
        body = taken.get("body", b"")
        if self._calls.needs_fastmcp(request_recognition.first_name(headers, body)):
            return None
        return request_recognition.message_in(body)

    async def _answered(
        self, headers: Headers, message: request_recognition.Message, scope: Scope, send: Send
    ) -> bool:
        """Answer a message outside light sessions; return False, with nothing done, when it is FastMCP's."""
        if is_stateless(headers):
            return await self._called(headers, message, _caller(scope), self._stateless, send)
        if is_in_session(headers):
            return await self._called_in_fastmcps_session(headers, message, scope, send)
        if message.method == "initialize" and message.id_json is not None and may_open_session(headers):
            return await self._opened(message, scope, send)
        return False

    async def _called(
        self,
        headers: Headers,
        message: request_recognition.Message,
        who: Caller,
        answers: Answers,
        send: Send,
        *extra: tuple[bytes, bytes],
    ) -> bool:
        call = self._recogniser.call(headers, message)
        ready = self._calls.ready(call) if call is not None else None
        if ready is None:
            return False
        with calling(who):
            status, body = await self._calls.make(ready, answers)
        await _send(send, status, body, *extra)
        return True

    async def _called_in_fastmcps_session(
        self, headers: Headers, message: request_recognition.Message, scope: Scope, send: Send
    ) -> bool:
        identity = headers[b"mcp-session-id"]
        version = self._adoption.version(identity)
        if self._manager is None or version is None or self._views.differ:
            return False
        with hold_session(self._manager, identity, requestor_of(scope)) as is_own:
            who = _caller(scope, identity)
            own = (b"mcp-session-id", identity)
            return is_own and await self._called(headers, message, who, self._in_session[version], send, own)

    async def _opened(self, message: request_recognition.Message, scope: Scope, send: Send) -> bool:
        """Open a light session."""
        if self._manager is None or self._calls.app_reason():
            return False
        opening = self._handshake.opening(message.params)
        if opening is None or message.id_json is None:
            return False
        result, version = opening
        if self._light.is_full:
            await refuse(send, 503, "Too many open sessions", code=_TOO_MANY)
            return True
        session = self._light.open(version, to_json(message.params), requestor_of(scope))
        await _send(send, 200, _response(message.id_json, result), (b"mcp-session-id", session.identity))
        return True

    async def _serve_light(
        self, session: LightSession, headers: Headers | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        own = (b"mcp-session-id", session.identity)
        if scope["method"] == "DELETE" and not session.becoming.locked():
            self._light.close(session)
            await _send(send, 200, b"", own)
            return
        if headers is not None and is_in_session(headers):
            taken = await receive()
            message = self._message(headers, taken)
            if message is not None and await self._answered_light(session, headers, message, scope, send):
                return
            receive = _again(taken, receive)
        await self._adoption.adopt(session, scope)
        await self._app(scope, receive, send)

    async def _answered_light(
        self,
        session: LightSession,
        headers: Headers,
        message: request_recognition.Message,
        scope: Scope,
        send: Send,
    ) -> bool:
        own = (b"mcp-session-id", session.identity)
        if self._calls.app_reason():
            return False
        if message.method == "tools/call":
            who = _caller(scope, session.identity)
            return await self._called(headers, message, who, self._in_session[session.version], send, own)
        if message.params not in (None, {}):
            return False
        if message.id_json is None:
            session.initialized = session.initialized or message.method == "notifications/initialized"
            if message.method == "notifications/initialized":
                await _send(send, 202, b"", own)
            return message.method == "notifications/initialized"
        result = await self._simple_result(session, message.method)
        if result is not None:
            await _send(send, 200, _response(message.id_json, result), own)
        return result is not None

    async def _simple_result(self, session: LightSession, method: str) -> bytes | None:
        """Return the result of a request without parameters, None when FastMCP has to say it."""
        if method == "ping":
            return b"{}"
        if method in LISTS and self._manager is not None:
            with contextlib.suppress(Exception):  # FastMCP says what is wrong with a list
                return await self._handshake.listing(method, session.version, self._manager._lifespan_state)
        return None


async def _nothing() -> None:
    pass


def _caller(scope: Scope, session: bytes | None = None) -> Caller:
    requestor = requestor_of(scope)
    return Caller(
        session.decode("latin-1") if session is not None else None,
        requestor["client_id"] if requestor is not None else None,
    )


def _response(id_json: bytes, result: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":' + id_json + b',"result":' + result + b"}"


def _again(taken: Message, receive: Receive) -> Receive:
    """Return a `receive` that gives a message that was taken once more, and then goes on."""
    waiting: Iterator[Message] = iter((taken,))

    async def again() -> Message:
        for first in waiting:
            return first
        return await receive()

    return again


async def _send(send: Send, status: int, body: bytes, *extra: tuple[bytes, bytes]) -> None:
    headers = [_JSON, *extra, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
