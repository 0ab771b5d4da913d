"""The ASGI layer of the fast lane: answers the requests that it recognises and passes on all others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastmcp import FastMCP
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.callers import Caller, as_caller, caller_of, set_caller
from server_core.fastlane.direct_calls import DirectCalls
from server_core.fastlane.handshake import LISTS, VERSIONS, Handshake
from server_core.fastlane.light_sessions import LightSession, LightSessions
from server_core.fastlane.request_recognition import (
    STATELESS_VERSION,
    Headers,
    Recogniser,
    RpcMessage,
    is_in_session,
    is_stateless,
    may_open_session,
    parse_message,
    probable_tool_name,
)
from server_core.fastlane.response_encoding import ResponseEncoder
from server_core.fastlane.run_synchronously import run_synchronously
from server_core.fastlane.sdk_sessions import SessionVisibility, hold_session
from server_core.fastlane.session_promotion import SessionPromotion
from server_core.layers.body_limit import replay
from server_core.layers.refusals import refuse
from server_core.observability.metrics import ServerMetrics
from server_core.sdk.internals import lifespan_state, open_sessions
from server_core.sdk.requestors import Requestor, requestor_of
from server_core.sdk.session_ids import SessionIds, session_id_of
from server_core.settings import ServerSettings


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response with a JSON body."""

    status: int
    body: bytes
    session: bytes | None
    """Value of the header `Mcp-Session-Id`; None without a session."""


@dataclass(frozen=True, slots=True)
class CallHead:
    """The head of a request that may be a plain call; its `requestor` is the `caller` as the SDK sees it."""

    headers: Headers
    session_id: bytes | None
    requestor: Requestor | None
    caller: Caller


class FastLane:
    """Answers plain tool calls, and the requests a client needs to make them.

    `app`, the ASGI app of `mcp`, gets every other request unchanged.
    """

    def __init__(
        self,
        app: ASGIApp,
        mcp: FastMCP[Any],
        metrics: ServerMetrics,
        settings: ServerSettings,
        session_ids: SessionIds,
    ) -> None:
        self._app = app
        self._path = settings.path
        self._calls = DirectCalls(mcp, metrics, settings.request_timeout_s)
        self._recogniser = Recogniser()
        self._visibility = SessionVisibility(mcp)
        self._stateless = ResponseEncoder(mcp, STATELESS_VERSION)
        self._in_session = {version: ResponseEncoder(mcp, version) for version in VERSIONS}
        self._handshake = Handshake(mcp, self._calls.components)
        self._manager: StreamableHTTPSessionManager | None = None
        self._ended_task: asyncio.Task[None] | None = None
        self._light_sessions = LightSessions(
            settings.max_sessions, settings.session_idle_timeout_s, self.sdk_sessions, session_ids
        )
        self._promotion = SessionPromotion(app, self._light_sessions)

    @property
    def answered(self) -> int:
        """Tool calls answered so far."""
        return self._calls.answered

    def reasons(self) -> dict[str, str]:
        """Return, by the names of the app's own tools, why each is not on the lane; empty if it is."""
        return self._calls.reasons()

    def light_sessions(self) -> int:
        """Return the number of open light sessions."""
        return len(self._light_sessions)

    def sdk_sessions(self) -> int:
        """Return the number of open SDK sessions."""
        return len(open_sessions(self._manager)) if self._manager is not None else 0

    def attach(self, manager: StreamableHTTPSessionManager) -> None:
        """Begin to serve sessions, with the manager that holds the SDK sessions."""
        self._manager = manager
        self._ended_task = asyncio.ensure_future(asyncio.sleep(0))
        self._promotion.attach(manager)

    def detach(self) -> None:
        """Stop serving sessions and close the light ones, at the end of the app's lifespan."""
        self._manager = self._ended_task = None
        self._light_sessions.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        headers = self._recogniser.relevant_headers(scope["headers"]) if scope["method"] == "POST" else None
        session_id = headers.get(b"mcp-session-id") if headers is not None else session_id_of(scope)
        session = self._light_sessions.get(session_id) if session_id is not None else None
        if session is not None:
            if session.owner != requestor_of(scope):
                await refuse(send, 404, "Session not found")  # as if it did not exist, in the SDK's words
                return
            self._light_sessions.begin(session)
            try:
                await self._serve_light_session(session, headers, scope, receive, send)
            finally:
                self._light_sessions.end(session)
            return
        if headers is None:
            await self._app(scope, receive, send)
            return
        received = await receive()
        message = self._parse(headers, received)
        if message is None or not await self._answer(headers, message, scope, send):
            await self._app(scope, replay(received, receive), send)

    def head(self, scope: Scope) -> CallHead | None:
        """Return the head of a POST, None if it cannot be a plain call."""
        headers = self._recogniser.relevant_headers(scope["headers"])
        if headers is None or not (is_stateless(headers) or is_in_session(headers)):
            return None
        session_id = headers.get(b"mcp-session-id")
        return CallHead(headers, session_id, requestor_of(scope), caller_of(scope, session_id))

    def answer_immediately(
        self, head: CallHead, body: bytes, admits: Callable[[], bool] | None = None
    ) -> Answer | None:
        """Answer a plain call that never waits; return None, with nothing done, for any other request.

        Calls in SDK sessions are not answered here, because they hold their session while they are served.
        Must be called outside of any task, in its own context. `admits` is the last check before the call.
        """
        task, calls = self._ended_task, self._calls
        if task is None or not calls.never_waits(probable_tool_name(head.headers, body)):
            return None
        encoder, session = self._stateless, None
        if head.session_id is not None:
            session = self._light_sessions.get(head.session_id)
            if session is None or session.owner != head.requestor:
                return None
            encoder = self._in_session[session.version]
        message = parse_message(body)
        call = self._recogniser.tool_call(head.headers, message) if message is not None else None
        ready = calls.ready(call) if call is not None else None
        if ready is None or not ready.direct.never_waits or not (admits is None or admits()):
            return None
        set_caller(head.caller)
        try:
            status, response = run_synchronously(calls.make(ready, encoder), task)
        finally:
            if session is not None:
                self._light_sessions.touch(session)
        return Answer(status, response, head.session_id)

    def _parse(self, headers: Headers, received: Message) -> RpcMessage | None:
        """Return the JSON-RPC message in an ASGI message, None if FastMCP has to read it."""
        if received["type"] != "http.request" or received.get("more_body", False):
            return None
        body = received.get("body", b"")
        if self._calls.needs_fastmcp(probable_tool_name(headers, body)):
            return None
        return parse_message(body)

    async def _answer(self, headers: Headers, message: RpcMessage, scope: Scope, send: Send) -> bool:
        """Answer a message outside light sessions; return False, with nothing done, if it needs FastMCP."""
        if is_stateless(headers):
            return await self._answer_call(headers, message, self._stateless, scope, send)
        if is_in_session(headers):
            return await self._answer_call_in_sdk_session(headers, message, scope, send)
        if message.method == "initialize" and message.id_json is not None and may_open_session(headers):
            return await self._open_session(message, scope, send)
        return False

    async def _answer_call(
        self, headers: Headers, message: RpcMessage, encoder: ResponseEncoder, scope: Scope, send: Send
    ) -> bool:
        call = self._recogniser.tool_call(headers, message)
        ready = self._calls.ready(call) if call is not None else None
        if ready is None:
            return False
        session_id = headers.get(b"mcp-session-id")
        with as_caller(caller_of(scope, session_id)):
            status, body = await self._calls.make(ready, encoder)
        await _send(send, status, body, session_id)
        return True

    async def _answer_call_in_sdk_session(
        self, headers: Headers, message: RpcMessage, scope: Scope, send: Send
    ) -> bool:
        session_id = headers[b"mcp-session-id"]
        version = self._promotion.version(session_id)
        if self._manager is None or version is None or self._visibility.may_differ:
            return False
        with hold_session(self._manager, session_id, requestor_of(scope)) as is_own:
            return is_own and await self._answer_call(
                headers, message, self._in_session[version], scope, send
            )

    async def _open_session(self, message: RpcMessage, scope: Scope, send: Send) -> bool:
        """Open a light session; return False, with nothing done, if FastMCP has to open one."""
        if self._manager is None or self._calls.app_reason():
            return False
        initialized = self._handshake.initialize(message.params)
        if initialized is None or message.id_json is None:
            return False
        result, version = initialized
        if self._light_sessions.is_full:
            await refuse(send, 503, "Too many open sessions", code=-32603)  # as the SDK does
            return True
        session = self._light_sessions.open(version, to_json(message.params), requestor_of(scope))
        await _send(send, 200, _response(message.id_json, result), session.session_id)
        return True

    async def _serve_light_session(
        self, session: LightSession, headers: Headers | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["method"] == "DELETE" and not session.promotion_lock.locked():
            self._light_sessions.close(session)
            await _send(send, 200, b"", session.session_id)
            return
        if headers is not None and is_in_session(headers):
            received = await receive()
            message = self._parse(headers, received)
            if message is not None and await self._answer_in_light_session(
                session, headers, message, scope, send
            ):
                return
            receive = replay(received, receive)
        await self._promotion.promote(session, scope)
        await self._app(scope, receive, send)

    async def _answer_in_light_session(
        self, session: LightSession, headers: Headers, message: RpcMessage, scope: Scope, send: Send
    ) -> bool:
        """Answer a message in a light session; return False, with nothing done, if it needs FastMCP."""
        if self._calls.app_reason():
            return False
        if message.method == "tools/call":
            return await self._answer_call(headers, message, self._in_session[session.version], scope, send)
        if message.params not in (None, {}):
            return False
        if message.id_json is None:
            if message.method != "notifications/initialized":
                return False
            session.initialized = True
            await _send(send, 202, b"", session.session_id)
            return True
        result = b"{}" if message.method == "ping" else await self._list(session, message.method)
        if result is not None:
            await _send(send, 200, _response(message.id_json, result), session.session_id)
        return result is not None

    async def _list(self, session: LightSession, method: str) -> bytes | None:
        """Return the result of a list request without parameters, None if it needs FastMCP."""
        if method in LISTS and self._manager is not None:
            with contextlib.suppress(Exception):  # FastMCP explains what is wrong with a list
                state = lifespan_state(self._manager)
                return await self._handshake.list_components(method, session.version, state)
        return None


def _response(id_json: bytes, result: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":' + id_json + b',"result":' + result + b"}"


async def _send(send: Send, status: int, body: bytes, session_id: bytes | None) -> None:
    session = [] if session_id is None else [(b"mcp-session-id", session_id)]
    headers = [(b"content-type", b"application/json"), *session, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
