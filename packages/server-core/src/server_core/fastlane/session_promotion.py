"""How a light session becomes one of FastMCP's, under the id that its client knows."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from typing import Any, Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import ASGIApp, Message, Scope

from server_core.fastlane.light_sessions import LightSession, LightSessions
from server_core.sdk.session_ids import rename

_INITIALIZED: Final = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
_REPLACED: Final = frozenset(
    {
        b"accept",
        b"content-type",
        b"content-length",
        b"mcp-session-id",
        b"mcp-protocol-version",
        b"last-event-id",
    }
)

_adopted: ContextVar[str | None] = ContextVar("adopted", default=None)
"""Id that the session which is being opened shall have; None lets the manager choose."""

logger = logging.getLogger(__name__)


class Adoption:
    """Opens FastMCP's sessions for light ones.

    Args:
        app: FastMCP's app.
        light: The light sessions, which count as open ones.
    """

    def __init__(self, app: ASGIApp, light: LightSessions) -> None:
        self._app = app
        self._light = light
        self._versions: dict[bytes, str] = {}
        self._manager: StreamableHTTPSessionManager | None = None

    def attach(self, manager: StreamableHTTPSessionManager) -> None:
        """Let a manager's new sessions bear given ids, and count light ones among the open ones."""
        self._manager = manager
        admit, light = manager._admit_session, self._light

        def admit_session(requestor: Any) -> Any:
            identity = _adopted.get()
            if identity is None:
                return None if light.is_full else admit(requestor)
            # It has been counted since it was opened.
            most, manager.max_sessions = manager.max_sessions, None
            try:
                transport = admit(requestor)
            finally:
                manager.max_sessions = most
            if transport is None:
                raise RuntimeError("the session manager opened no session without a limit: not supported")
            rename(manager, transport, identity)
            return transport

        manager._admit_session = admit_session  # type: ignore[method-assign]

    def version(self, identity: bytes) -> str | None:
        """Return the version agreed on in one of FastMCP's sessions, None when FastMCP opened it itself."""
        return self._versions.get(identity)

    def _remember(self, session: LightSession) -> None:
        open_now = self._manager._server_instances if self._manager is not None else {}
        if len(self._versions) > 2 * len(open_now) + 100:
            self._versions = {key: v for key, v in self._versions.items() if key.decode() in open_now}
        self._versions[session.identity] = session.version

    async def adopt(self, session: LightSession, scope: Scope) -> None:
        """Open FastMCP's session for a light one, with what its client said, unless that is done already.

        Args:
            session: The light session; it is light no longer afterwards.
            scope: The request that needs it; the opening looks as if it came from there.
        """
        async with session.becoming:
            if self._light.get(session.identity) is not session:
                return
            opening = b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":' + session.opening + b"}"
            token = _adopted.set(session.identity.decode())
            try:
                status = await self._exchange(scope, opening)
            finally:
                _adopted.reset(token)
            if status >= 400:
                logger.error("FastMCP refused a session that it was expected to open: status %d", status)
            elif session.initialized:
                await self._exchange(scope, _INITIALIZED, (b"mcp-session-id", session.identity))
            self._remember(session)
            self._light.close(session)

    async def _exchange(self, scope: Scope, body: bytes, *extra: tuple[bytes, bytes]) -> int:
        """Send a request of our own to FastMCP and return the status of its answer."""
        headers = [
            *((name, value) for name, value in scope["headers"] if name not in _REPLACED),
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

        await self._app({**scope, "method": "POST", "headers": headers}, receive, send)
        return status
