"""A FastMCP app and its settings become one ASGI app.

Each layer is an ASGI app around the next, in this order: `Traffic` counts, `HostOriginGuard` refuses
foreign pages, `ServedApp` answers `/health` and `/metrics` itself, `BodyLimit` reads the body, `FastLane`
answers plain tool calls, FastMCP everything else. Nothing is FastMCP middleware: tools under middleware
are FastMCP's to call.
"""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Mapping
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.server.http import StreamableHTTPASGIApp
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Message, Receive, Scope, Send

from server_core import process
from server_core.calls import instrument_calls
from server_core.fastlane import FastLane
from server_core.guard import HostOriginGuard
from server_core.headers import HeaderSchemas
from server_core.limits import BodyLimit, refuse
from server_core.metrics import ServerMetrics
from server_core.settings import ServerSettings
from server_core.traffic import Traffic

_LOADED_BY_FASTMCP_ON_FIRST_USE: Final = ("key_value.aio.adapters.pydantic", "key_value.aio.stores.memory")
"""Session state: its import stops the event loop for 0.3 s, which no call should have to wait for."""


def create_app(
    mcp: FastMCP[Any], settings: ServerSettings, *, metrics: ServerMetrics | None = None
) -> ServedApp:
    """Make an ASGI app that serves `mcp` as `settings` say.

    Args:
        mcp: The app to serve. Its handlers are counted and bounded from now on, over stdio as well.
        settings: Path, limits and admitted hosts; the address is the caller's business.
        metrics: Where calls are counted; a new registry when none is given.
    """
    return ServedApp(mcp, settings, metrics if metrics is not None else ServerMetrics())


class ServedApp:
    """An ASGI app: MCP at `settings.path`, `/health` and `/metrics` beside it.

    Attributes:
        metrics: The figures that `/metrics` shows.
        traffic: Requests in flight and the drain.
    """

    def __init__(self, mcp: FastMCP[Any], settings: ServerSettings, metrics: ServerMetrics) -> None:
        self._mcp = mcp
        self._settings = settings
        self.metrics = metrics
        self._header_schemas = HeaderSchemas(mcp)
        self._manager: StreamableHTTPSessionManager | None = None
        self._fastmcp_app = mcp.http_app(
            path=settings.path,
            json_response=settings.json_response,
            stateless_http=False,
            host_origin_protection=False,  # the guard stands further out and covers every path
            session_idle_timeout=settings.session_idle_timeout_s,
        )
        self._lane = self._fast_lane()
        self._mcp_endpoint = BodyLimit(
            self._lane or self._through_fastmcp,
            max_bytes=settings.max_body_bytes,
            timeout_s=settings.request_timeout_s,
        )
        guarded = HostOriginGuard(
            self._route, allowed_hosts=settings.allowed_hosts, allowed_origins=settings.allowed_origins
        )
        self.traffic = Traffic(guarded)
        metrics.watch(self.traffic, self.sessions_open, self._lane)
        instrument_calls(mcp, metrics, timeout_s=settings.request_timeout_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._serve_lifespan(scope, receive, send)
        else:
            await self.traffic(scope, receive, send)

    def sessions_open(self) -> int:
        """Number of sessions on the session wire that are open now."""
        # The SDK publishes no count; FastMCP itself reads this attribute to close sessions.
        of_fastmcp = len(self._manager._server_instances) if self._manager is not None else 0
        return of_fastmcp + (self._lane.light_sessions() if self._lane is not None else 0)

    def _fast_lane(self) -> FastLane | None:
        settings = self._settings
        # Traces and event streams are FastMCP's to make.
        if not settings.fast_lane or not settings.json_response or settings.otlp_endpoint is not None:
            return None
        return FastLane(self._through_fastmcp, self._mcp, self.metrics, settings)

    async def _through_fastmcp(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._header_schemas.refresh()
        await self._fastmcp_app(scope, receive, send)

    async def _serve_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        for module in _LOADED_BY_FASTMCP_ON_FIRST_USE:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)

        async def send_when_limited(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._limit_sessions()
            await send(message)

        try:
            await self._fastmcp_app(scope, receive, send_when_limited)
        finally:
            if self._lane is not None:
                self._lane.detach()

    def _limit_sessions(self) -> None:
        """Set what `FastMCP.http_app` does not pass on to the session manager that it makes at start-up."""
        for route in self._fastmcp_app.routes:
            endpoint = getattr(route, "endpoint", None)
            if isinstance(endpoint, StreamableHTTPASGIApp) and endpoint.session_manager is not None:
                self._manager = endpoint.session_manager
                self._manager.max_sessions = self._settings.max_sessions
                self._manager.asgi_app.max_body_size = self._settings.max_body_bytes
                if self._lane is not None:
                    self._lane.attach(self._manager)
                return
        raise RuntimeError(
            "FastMCP's app has no session manager after start-up: this release is not supported"
        )

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path")
        if path == "/health":
            await self._answer(scope, send, "application/json", json.dumps(self._health()).encode())
        elif path == "/metrics":
            body, content_type = self.metrics.exposition(_header(scope, b"accept"))
            await self._answer(scope, send, content_type, body)
        else:
            await self._mcp_endpoint(scope, receive, send)

    def _health(self) -> Mapping[str, Any]:
        return {
            "status": "ok",
            "service": self._mcp.name,
            "version": self._mcp.version,
            "uptime_s": round(process.uptime_s(), 3),
        }

    async def _answer(self, scope: Scope, send: Send, content_type: str, body: bytes) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await refuse(send, 405, f"{scope['path']} answers GET and HEAD only.", [(b"allow", b"GET, HEAD")])
            return
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _header(scope: Scope, name: bytes) -> str:
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)
