"""The ASGI layer of the fast lane: answers the requests that it recognises and passes on all others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastmcp import FastMCP
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.callers import Caller, caller_of
from server_core.fastlane.app_eligibility import AppRules
from server_core.fastlane.call_variables import CallRequest, CallVariables
from server_core.fastlane.calls_in_progress import CANCELLATION, CallsInProgress, Response
from server_core.fastlane.direct_calls import DirectCalls, ReadyCall
from server_core.fastlane.handshake import VERSIONS, Handshake
from server_core.fastlane.light_sessions import LightSession, LightSessions
from server_core.fastlane.listed_components import LISTS
from server_core.fastlane.quiet_handshake import allow_quiet_handshakes
from server_core.fastlane.request_recognition import (
    STATELESS_VERSION,
    Headers,
    Recogniser,
    RpcMessage,
    has_plain_params,
    is_in_session,
    is_stateless,
    leading_tool_name,
    may_open_session,
    named_session,
    parse_message,
    probable_tool_name,
)
from server_core.fastlane.response_encoding import ResponseEncoder
from server_core.fastlane.response_streams import (
    SESSION_STREAM,
    STATELESS_STREAM,
    cancelled_by_disconnect,
    send_json,
    send_when_ready,
)
from server_core.fastlane.run_synchronously import run_synchronously
from server_core.fastlane.sdk_sessions import SessionVisibility, hold_session
from server_core.fastlane.session_promotion import SessionPromotion
from server_core.layers.body_limit import replay
from server_core.layers.paths import route_path
from server_core.layers.refusals import refuse
from server_core.observability.metrics import ServerMetrics
from server_core.sdk.handshake_params import LargeHandshakeError, remembered
from server_core.sdk.internals import lifespan_state, low_level_server, open_sessions
from server_core.sdk.requestors import Requestor, client_of, requestor_of
from server_core.sdk.session_ids import SessionIds, session_of
from server_core.sdk.session_shares import SessionShares
from server_core.settings import ServerSettings


@dataclass(slots=True)  # not frozen, which would cost each call a microsecond
class Answer:
    """An HTTP response with a JSON body."""

    status: int
    body: bytes
    session: bytes | None
    """Value of the header `Mcp-Session-Id`; None without a session."""
    timing: bytes = b""
    """Value of the header `Server-Timing`; empty for none."""


@dataclass(frozen=True, slots=True)
class CallHead:
    """The head of a request that may be a plain call; its `requestor` is the `caller` as the SDK sees it."""

    scope: Scope
    headers: Headers
    session_id: bytes | None
    requestor: Requestor | None
    caller: Caller


class FastLane:
    """Answers plain tool calls, and the requests a client needs to make them.

    `app`, the ASGI app of `mcp`, gets every other request unchanged. Where clients can resume streams
    (`resumable`), it gets all of a session: FastMCP stores what it sends.
    """

    def __init__(
        self,
        app: ASGIApp,
        mcp: FastMCP[Any],
        metrics: ServerMetrics,
        settings: ServerSettings,
        session_ids: SessionIds,
        *,
        rules: AppRules,
        shares: SessionShares,
        session_ended: Callable[[str], None],
        resumable: bool = False,
    ) -> None:
        self._app = app
        self._resumable = resumable
        self._json_response = settings.json_response
        self._path = settings.path
        self._rules = rules
        variables = CallVariables(mcp, json_response=settings.json_response)
        self._calls = DirectCalls(mcp, metrics, settings.request_timeout_s, rules, variables)
        self._in_progress = CallsInProgress()
        self._recogniser = Recogniser(json_response=settings.json_response)
        self._visibility = SessionVisibility(mcp)
        self._stateless = ResponseEncoder(mcp, STATELESS_VERSION)
        self._in_session = {version: ResponseEncoder(mcp, version) for version in VERSIONS}
        self._handshake = Handshake(mcp, self._calls.components)
        self._manager: StreamableHTTPSessionManager | None = None
        self._ended_task: asyncio.Task[None] | None = None
        self._shares = shares
        self._light_sessions = LightSessions(
            shares, settings.session_idle_timeout_s, session_ids, session_ended
        )
        self._promotion = SessionPromotion(app, self._light_sessions)
        allow_quiet_handshakes(low_level_server(mcp))
        trace.get_tracer_provider()  # sets the one that the environment names, as FastMCP's first span would

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

    def _is_open(self, session_id: bytes) -> bool:
        """Return whether an SDK session is open."""
        return self._manager is not None and session_id.decode("latin-1") in open_sessions(self._manager)

    def attach(self, manager: StreamableHTTPSessionManager, http_app: ASGIApp) -> None:
        """Begin to serve sessions, with the manager that holds the SDK sessions and the app it belongs to."""
        self._manager = manager
        self._rules.examine_again()  # for what was done to the app since it was created
        self._calls.begin(http_app, lifespan_state(manager))
        self._ended_task = asyncio.ensure_future(asyncio.sleep(0))
        self._promotion.attach(manager)

    def detach(self) -> None:
        """Stop serving sessions and close the light ones, at the end of the app's lifespan."""
        self._manager = self._ended_task = None
        self._light_sessions.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        is_begun = self._manager is not None  # before, FastMCP explains that its lifespan is missing
        if scope["type"] != "http" or route_path(scope) != self._path or not is_begun:
            await self._app(scope, receive, send)
            return
        headers = self._recogniser.relevant_headers(scope["headers"]) if scope["method"] == "POST" else None
        session_id = named_session(headers) if headers is not None else session_of(scope)
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
            if scope["method"] == "DELETE" and session_id is not None and not self._is_open(session_id):
                self._in_progress.end(session_id)
            return
        received = await receive()
        message = self._parse(headers, received)
        if message is None or not await self._answer(headers, message, scope, receive, send):
            if message is not None and message.method == "initialize" and may_open_session(headers):
                send = self._promotion.noting_version(send)
            await self._app(scope, replay(received, receive), send)

    def head(self, scope: Scope) -> CallHead | None:
        """Return the head of a POST, None if it cannot be a plain call."""
        headers = self._recogniser.relevant_headers(scope["headers"])
        if headers is None or not (is_stateless(headers) or is_in_session(headers)):
            return None
        return _head(scope, headers)

    def prepare_context(self) -> None:
        """Set the variables of a context for answers outside of any task."""
        self._calls.variables.set_for_calls_in_progress()

    def answer_immediately(
        self, head: CallHead, body: bytes, admits: Callable[[], bool] | None = None
    ) -> Answer | None:
        """Answer a plain call that never waits; return None, with nothing done, for any other request.

        Must be called outside of any task, in a context of its own, a copy of one that `prepare_context` has
        been called in. `admits` is the last check before the call.
        """
        task, calls, session_id = self._ended_task, self._calls, head.session_id
        if task is None or not calls.may_never_wait(probable_tool_name(head.headers, body)):
            return None
        session = None if session_id is None else self._light_sessions.get(session_id)
        if session is None and session_id is not None and self._manager is not None:
            # Before any code of the app runs: validators of arguments may ask who calls.
            with hold_session(self._manager, session_id, head.requestor) as is_own:
                return self._call_now(head, body, None, task, admits) if is_own else None
        return self._call_now(head, body, session, task, admits)

    def _call_now(
        self,
        head: CallHead,
        body: bytes,
        session: LightSession | None,
        task: asyncio.Task[None],
        admits: Callable[[], bool] | None,
    ) -> Answer | None:
        encoder = self._encoder(head, session)
        message = None if encoder is None else parse_message(body)
        ready = self._ready(head, message, encoder, session)
        if encoder is None or ready is None or not ready.direct.never_waits:
            return None
        try:
            if admits is not None and not admits():
                return None
            status, response = run_synchronously(self._calls.make(ready, encoder, is_immediate=True), task)
            return Answer(status, response, head.session_id)
        finally:
            if session is not None:
                self._light_sessions.touch(session)

    def _encoder(self, head: CallHead, session: LightSession | None) -> ResponseEncoder | None:
        """Return what encodes the responses to calls with a head, None if FastMCP has to serve them.

        `session` is the light session that the head names, if there is one.
        """
        session_id, requestor = head.session_id, head.requestor
        reasons = self._rules.current()
        if session_id is not None and self._resumable:
            return None
        if session_id is None:
            # On this wire FastMCP keeps by token what is hidden from a caller.
            hides = requestor is not None and self._visibility.may_differ
            return None if reasons.stateless_calls or hides else self._stateless
        if session is not None:
            version = session.version if session.owner == requestor else None
        else:
            version = None if self._visibility.may_differ else self._promotion.version(session_id)
        return None if reasons.calls or version is None else self._in_session[version]

    def _parse(self, headers: Headers, received: Message) -> RpcMessage | None:
        """Return the JSON-RPC message in an ASGI message, None if FastMCP has to read it."""
        if received["type"] != "http.request" or received.get("more_body", False):
            return None
        body = received.get("body", b"")
        if self._calls.needs_fastmcp(leading_tool_name(headers, body)):
            return None
        return parse_message(body)

    async def _answer(
        self, headers: Headers, message: RpcMessage, scope: Scope, receive: Receive, send: Send
    ) -> bool:
        """Answer a message outside light sessions; return False, with nothing done, if it needs FastMCP."""
        if is_stateless(headers):
            return await self._answer_call(None, headers, message, scope, send, receive=receive)
        if is_in_session(headers):
            return await self._answer_in_sdk_session(headers, message, scope, send)
        if message.method == "initialize" and message.id_json is not None and may_open_session(headers):
            return await self._open_session(message, scope, send)
        return False

    def _ready(
        self,
        head: CallHead,
        message: RpcMessage | None,
        encoder: ResponseEncoder | None,
        session: LightSession | None,
    ) -> ReadyCall | None:
        """Return the plain call in a message, ready to be made, None if there is none."""
        call = None if message is None else self._recogniser.tool_call(head.headers, message)
        if message is None or call is None or encoder is None:
            return None
        params = None if session is None else session.initialize_params
        request = CallRequest(head.scope, message.body, message.params, encoder.version, head.caller, params)
        return self._calls.ready(call, request)

    async def _answer_call(
        self,
        session: LightSession | None,
        headers: Headers,
        message: RpcMessage,
        scope: Scope,
        send: Send,
        *,
        receive: Receive | None = None,
    ) -> bool:
        """Answer a plain call; return False, with nothing done, if there is none.

        `receive` is that of a call outside sessions, which its client cancels by closing the stream.
        """
        head = _head(scope, headers)
        session_id, encoder = head.session_id, self._encoder(head, session)
        ready = self._ready(head, message, encoder, session)
        if ready is None or encoder is None:
            return False
        work: Awaitable[Response] = self._calls.make(ready, encoder)
        if session_id is not None and not ready.direct.never_waits:
            work = self._in_progress.finish(session_id, ready.call.id_json, work)
        if self._json_response or ready.direct.never_waits:
            await send_json(send, await work, session_id)
        elif receive is None:
            await send_when_ready(work, SESSION_STREAM, session_id, send)
        else:
            async with cancelled_by_disconnect(receive):
                await send_when_ready(work, STATELESS_STREAM, session_id, send)
        return True

    async def _answer_in_sdk_session(
        self, headers: Headers, message: RpcMessage, scope: Scope, send: Send
    ) -> bool:
        session_id = headers[b"mcp-session-id"]
        is_cancellation = message.method == CANCELLATION and message.id_json is None
        if self._manager is None:
            return False
        if not is_cancellation and self._encoder(_head(scope, headers), None) is None:
            return False
        with hold_session(self._manager, session_id, requestor_of(scope)) as is_own:
            if is_own and is_cancellation:
                self._in_progress.cancel(session_id, message.params)
                return False  # FastMCP acknowledges it; it knows of its own calls only
            return is_own and await self._answer_call(None, headers, message, scope, send)

    async def _open_session(self, message: RpcMessage, scope: Scope, send: Send) -> bool:
        """Open a light session; return False, with nothing done, if FastMCP has to open one."""
        # A session whose calls need FastMCP would only be opened twice.
        if self._manager is None or self._resumable:
            return False
        if self._rules.reason("initialize") or self._rules.current().calls:
            return False
        initialized = self._handshake.initialize(message.params)
        if initialized is None or message.id_json is None:
            return False
        result, version = initialized
        try:
            params = remembered(message.params)
        except LargeHandshakeError:
            return False  # the layer around FastMCP refuses it
        client = client_of(scope)
        if not self._shares.make_room(client):
            await refuse(send, 503, "Too many open sessions", code=-32603)  # as the SDK does
            return True
        session = self._light_sessions.open(version, params, requestor_of(scope), client)
        await send_json(send, (200, _response(message.id_json, result)), session.session_id)
        return True

    async def _serve_light_session(
        self, session: LightSession, headers: Headers | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["method"] == "DELETE" and not session.promotion_lock.locked():
            self._light_sessions.close(session)
            self._in_progress.end(session.session_id)
            await send_json(send, (200, b""), session.session_id)
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
        if message.method == CANCELLATION and message.id_json is None:
            self._in_progress.cancel(session.session_id, message.params)
        if self._rules.reason(message.method):
            return False
        if message.method == "tools/call":
            return await self._answer_call(session, headers, message, scope, send)
        if message.id_json is None:
            is_handled = _handle_notification(session, message)
            if is_handled:
                await send_json(send, (202, b""), session.session_id)
            return is_handled
        if not has_plain_params(message.params):
            return False
        result = b"{}" if message.method == "ping" else await self._list(session, message.method)
        if result is not None:
            await send_json(send, (200, _response(message.id_json, result)), session.session_id)
        return result is not None

    async def _list(self, session: LightSession, method: str) -> bytes | None:
        """Return the result of a list request without parameters, None if it needs FastMCP."""
        if method not in LISTS or self._manager is None:
            return None
        state = lifespan_state(self._manager)
        return await self._handshake.list_components(method, session.version, state)


def _head(scope: Scope, headers: Headers) -> CallHead:
    session_id = headers.get(b"mcp-session-id")
    return CallHead(scope, headers, session_id, requestor_of(scope), caller_of(scope, session_id))


def _handle_notification(session: LightSession, message: RpcMessage) -> bool:
    """Return whether a notification in a light session needs no more than an acknowledgement."""
    if message.method == CANCELLATION:
        return message.params is None or type(message.params) is dict
    if message.method != "notifications/initialized" or not has_plain_params(message.params):
        return False
    session.initialized = True
    return True


def _response(id_json: bytes, result: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":' + id_json + b',"result":' + result + b"}"
