"""Promotion of light sessions to SDK sessions, under the id that the client already has."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from typing import Final

from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic_core import from_json
from starlette.types import ASGIApp, Message, Scope, Send

from server_core.fastlane.light_sessions import LightSession, LightSessions
from server_core.fastlane.quiet_handshake import quiet_handshake
from server_core.sdk.counted_sessions import Opener, session_opener
from server_core.sdk.internals import Admission, open_sessions, wrap_admission
from server_core.sdk.requestors import Requestor
from server_core.sdk.session_ids import change_session_id

_INITIALIZED: Final = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
_REPLACED_HEADERS: Final = frozenset(
    {
        b"accept",
        b"content-type",
        b"content-length",
        b"mcp-session-id",
        b"mcp-protocol-version",
        b"last-event-id",
    }
)

_promoted_id: ContextVar[str | None] = ContextVar("promoted_id", default=None)
"""Id for the SDK session that is being opened; None lets the manager choose."""

logger = logging.getLogger(__name__)


class SessionPromotion:
    """Opens SDK sessions in place of light ones."""

    def __init__(self, app: ASGIApp, light_sessions: LightSessions) -> None:
        self._app = app
        self._light_sessions = light_sessions
        self._versions: dict[bytes, str] = {}
        self._manager: StreamableHTTPSessionManager | None = None

    def attach(self, manager: StreamableHTTPSessionManager) -> None:
        """Make a manager open sessions under given ids."""
        self._manager = manager

        def wrap(admit: Admission) -> Admission:
            def admit_session(requestor: Requestor | None) -> StreamableHTTPServerTransport | None:
                session_id = _promoted_id.get()
                if session_id is None:
                    return admit(requestor)
                # A promoted session has counted towards the limit since it was opened as a light one.
                limit, manager.max_sessions = manager.max_sessions, None
                try:
                    transport = admit(requestor)
                finally:
                    manager.max_sessions = limit
                if transport is None:
                    raise RuntimeError(
                        "expected a session from the session manager without a limit, got none: "
                        "this SDK release is not supported"
                    )
                change_session_id(manager, transport, session_id)
                return transport

            return admit_session

        wrap_admission(manager, wrap)

    def version(self, session_id: bytes) -> str | None:
        """Return the negotiated version of an SDK session, None for any other session."""
        return self._versions.get(session_id)

    def noting_version(self, send: Send) -> Send:
        """Return a `send` for the response to an `initialize` that FastMCP answers; it notes the version.

        FastMCP opens the sessions that the lane cannot open, such as those of apps whose middleware sees
        `initialize`. Plain calls in them are on the lane, too.
        """
        session_id: bytes | None = None
        body = b""

        async def send_and_note(message: Message) -> None:
            nonlocal session_id, body
            if message["type"] == "http.response.start":
                if message["status"] == 200:
                    session_id = dict(message["headers"]).get(b"mcp-session-id")
            elif session_id is not None:
                body += message.get("body", b"")
                version = _negotiated_version(body)
                if version is not None:
                    self._remember_version(session_id, version)
                    session_id = None
            await send(message)

        return send_and_note

    def _remember_version(self, session_id: bytes, version: str) -> None:
        sessions = open_sessions(self._manager) if self._manager is not None else {}
        # The SDK does not report closed sessions: drop theirs when they may outnumber the open ones.
        if len(self._versions) > 2 * len(sessions) + 100:
            self._versions = {key: v for key, v in self._versions.items() if key.decode() in sessions}
        self._versions[session_id] = version

    async def promote(self, session: LightSession, scope: Scope) -> None:
        """Replace a light session that is still open by an SDK session with the client's ``initialize``.

        The requests that open it carry the headers of `scope`, the request that needs the SDK session.
        """
        async with session.promotion_lock:
            if self._light_sessions.get(session.session_id) is not session:
                return
            params = session.initialize_params
            body = b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":' + params + b"}"
            id_token = _promoted_id.set(session.session_id.decode())
            opener_token = session_opener.set(Opener(session.share.client, needs_room=False))
            try:
                status = await self._exchange(scope, body)
            finally:
                session_opener.reset(opener_token)
                _promoted_id.reset(id_token)
            if status >= 400:
                logger.error("expected FastMCP to open a session, got status %d", status)
            elif session.initialized:
                await self._exchange(scope, _INITIALIZED, (b"mcp-session-id", session.session_id))
            self._remember_version(session.session_id, session.version)
            self._light_sessions.remove(session)

    async def _exchange(self, scope: Scope, body: bytes, *extra: tuple[bytes, bytes]) -> int:
        """Send a request of our own to FastMCP and return the status of its response."""
        headers = [
            *((name, value) for name, value in scope["headers"] if name not in _REPLACED_HEADERS),
            (b"content-type", b"application/json"),
            (b"accept", b"application/json, text/event-stream"),
            (b"content-length", b"%d" % len(body)),
            *extra,
        ]
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])
        status = 500

        async def receive() -> Message:
            for message in messages:
                return message
            return await asyncio.Event().wait()  # type: ignore[return-value] # never

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])

        with quiet_handshake():
            await self._app({**scope, "method": "POST", "headers": headers}, receive, send)
        return status


def _negotiated_version(body: bytes) -> str | None:
    """Return the protocol version in a complete response to ``initialize``, as JSON or as an event."""
    text = next((line[6:] for line in body.splitlines() if line.startswith(b"data: {")), body)
    try:
        version = from_json(text)["result"]["protocolVersion"]
    except (ValueError, LookupError, TypeError):
        return None
    return version if isinstance(version, str) else None
