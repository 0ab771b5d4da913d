"""The layer around FastMCP that bounds what sessions cost.

The SDK opens a session for any request without a session's id on the session wire, and keeps it if the
response has status 200, even if that is an error. It keeps the client's ``initialize`` as long as the session
lives, FastMCP the request that opened it, and its loops the last request and response.
"""

from __future__ import annotations

from typing import Final

from pydantic_core import from_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.layers.body_limit import replay
from server_core.layers.paths import route_path
from server_core.layers.refusals import refuse
from server_core.sdk.counted_sessions import CountedSessions, Opener, session_opener
from server_core.sdk.handshake_params import (
    MAX_HANDSHAKE_BYTES,
    LargeHandshakeError,
    with_remembered_params,
)
from server_core.sdk.requestors import client_of
from server_core.sdk.session_ids import is_of_session_wire, session_id_of
from server_core.sdk.session_state import SessionState, request_without_session

_SESSION_HEADER: Final = b"mcp-session-id"
_LAST_EVENT_HEADER: Final = b"last-event-id"
_INVALID_PARAMS: Final = -32602
_EVENT: Final = b"data: {"


class SessionOpening:
    """Tell `app` who opens a session, end those whose handshake failed, and keep small what they remember.

    Requests to `path` that belong to no session reach `app` without a session's id, which the SDK ignores and
    FastMCP would believe. If nothing is resumable, a request for the rest of a stream gets a new stream: the
    SDK would not answer it. A body must be in one message.
    """

    def __init__(
        self,
        app: ASGIApp,
        path: str,
        sessions: CountedSessions,
        state: SessionState,
        *,
        is_resumable: bool,
    ) -> None:
        self._app = app
        self._path = path
        self._sessions = sessions
        self._state = state
        self._is_resumable = is_resumable

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or route_path(scope) != self._path:
            await self._app(scope, receive, send)
        elif not is_of_session_wire(scope):
            with request_without_session() as keys:
                try:
                    await self._app(_without(_SESSION_HEADER, scope), receive, send)
                finally:
                    if keys:
                        await self._state.free(keys)
        elif scope["method"] != "POST":
            await self._app(
                scope if self._is_resumable else _without(_LAST_EVENT_HEADER, scope), receive, send
            )
        else:
            await self._serve_message(scope, receive, send)

    async def _serve_message(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = await receive()
        body = received.get("body", b"")
        size_bytes = _head_bytes(scope) + len(body)
        if received["type"] == "http.request" and not received.get("more_body", False):
            try:
                kept = with_remembered_params(body)
            except LargeHandshakeError as error:
                await refuse(send, 413, str(error), code=_INVALID_PARAMS)
                return
            if kept is not body:
                received = {**received, "body": kept}
                scope = _with_length(scope, len(kept))
        response = _Response(send)
        named = session_id_of(scope)
        try:
            if named is None:
                await self._open(scope, replay(received, receive), response)
            else:
                await self._app(scope, replay(received, receive), response.send)
        finally:
            session_id = response.opened if named is None else named.decode("latin-1")
            if session_id is not None and size_bytes + response.size_bytes > MAX_HANDSHAKE_BYTES:
                await self._sessions.let_go_of_messages(session_id)

    async def _open(self, scope: Scope, receive: Receive, response: _Response) -> None:
        response.may_open = True
        own = dict(scope)  # FastMCP keeps this object as long as the session lives
        opener = session_opener.get() or Opener(client_of(scope))
        token = session_opener.set(opener)
        try:
            await self._app(own, receive, response.send)
        finally:
            session_opener.reset(token)
            _trim(own)
            if response.opened is not None:
                if response.has_failed:
                    self._sessions.end(response.opened)
                elif opener.needs_room:
                    self._sessions.settle(response.opened)


class _Response:
    """Watches a response, and what becomes of the session that it may open.

    The head of an answer in JSON that may open one waits for the body, so that a failed handshake names none.

    Attributes:
        may_open: Whether the request belongs to no session yet.
        opened: Id of the session that the response names.
        has_failed: Whether the handshake has failed.
    """

    def __init__(self, send: Send) -> None:
        self.size_bytes = 0
        self.may_open = False
        self.opened: str | None = None
        self.has_failed = False
        self._send = send
        self._head: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        """Pass on a message of the response."""
        if message["type"] == "http.response.start":
            if self.may_open and message["status"] == 200 and self._is_held(message):
                return
        else:
            body = message.get("body", b"")
            self.size_bytes += len(body)
            if self.opened is not None:
                self._body += body
                if not message.get("more_body", False):
                    self.has_failed = b'"error"' in self._body and any(map(_is_error, _messages(self._body)))
                    self._body = b""
            if self._head is not None:
                head, self._head = self._head, None
                await self._send(_without(_SESSION_HEADER, head) if self.has_failed else head)
        await self._send(message)

    def _is_held(self, head: Message) -> bool:
        headers = dict(head.get("headers", ()))
        session_id = headers.get(_SESSION_HEADER)
        if session_id is None:
            return False
        self.opened = session_id.decode("latin-1")
        if headers.get(b"content-type", b"").startswith(b"application/json"):
            self._head = head
            return True
        return False


def _messages(body: bytes) -> list[bytes]:
    """Return the JSON-RPC messages in a response, which is one of them or a stream of events."""
    if body.startswith(b"{"):
        return [body]
    return [line.removeprefix(b"data: ") for line in body.splitlines() if line.startswith(_EVENT)]


def _is_error(text: bytes) -> bool:
    try:
        message = from_json(text)
    except ValueError:
        return False
    return type(message) is dict and "error" in message and "method" not in message


def _without(name: bytes, message: Scope | Message) -> Scope | Message:
    """Return a request or the head of a response without one header."""
    headers = message["headers"]
    if not any(header[0] == name for header in headers):
        return message
    return {**message, "headers": [header for header in headers if header[0] != name]}


def _trim(scope: Scope) -> None:
    """Drop what a client chose of a request, beyond what a session may remember."""
    if _head_bytes(scope) > MAX_HANDSHAKE_BYTES:
        scope["headers"] = []
    for name in ("query_string", "raw_path"):
        if len(scope.get(name) or b"") > MAX_HANDSHAKE_BYTES:
            scope[name] = b""


def _head_bytes(scope: Scope) -> int:
    return sum(len(name) + len(value) for name, value in scope["headers"])


def _with_length(scope: Scope, length: int) -> Scope:
    others = [header for header in scope["headers"] if header[0] != b"content-length"]
    return {**scope, "headers": [*others, (b"content-length", b"%d" % length)]}
