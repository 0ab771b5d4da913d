"""A FastMCP app and its settings become one ASGI app.

Each layer is an ASGI app around the next, in this order: `Traffic` counts, `HostOriginGuard` refuses foreign
pages, `BearerAuth` strangers and `RateLimit` whoever sends too much, `StatusPages` answers `/health` and
`/metrics`, `BodyLimit` reads the body, `Forwarding` finds the worker that has the session, `FastLane` answers
plain tool calls, FastMCP everything else. What one worker hands to another enters behind the guards, which it
has passed. Nothing is FastMCP middleware: tools under middleware are FastMCP's to call.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Mapping
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.server.http import StreamableHTTPASGIApp
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.fastlane import FastLane
from server_core.fastlane.immediate_calls import AtOnce
from server_core.layers.auth import BearerAuth
from server_core.layers.body_limit import BodyLimit
from server_core.layers.forwarding import Forwarding, Peers, Place
from server_core.layers.guard import HostOriginGuard
from server_core.layers.rate_limit import RateLimit
from server_core.layers.status_pages import Exposition, StatusPages
from server_core.layers.token_buckets import TABLE_BYTES, TokenBuckets, shared_buckets
from server_core.layers.traffic import Traffic
from server_core.observability import app_metrics, metrics_aggregation, process
from server_core.observability.calls import instrument_calls
from server_core.observability.metrics import ServerMetrics
from server_core.sdk.header_schemas import HeaderSchemas
from server_core.sdk.header_whitespace import trimmed
from server_core.sdk.session_ids import SessionNames
from server_core.settings import ServerSettings

_LOADED_BY_FASTMCP_ON_FIRST_USE: Final = ("key_value.aio.adapters.pydantic", "key_value.aio.stores.memory")
"""Session state: its import stops the event loop for 0.3 s, which no call should have to wait for."""


def create_app(
    mcp: FastMCP[Any],
    settings: ServerSettings,
    *,
    metrics: ServerMetrics | None = None,
    place: Place | None = None,
) -> ServedApp:
    """Make an ASGI app that serves `mcp` as `settings` say.

    Args:
        mcp: The app to serve. Its handlers are counted and bounded from now on, over stdio as well.
        settings: Path, limits, tokens and admitted hosts; the address is the caller's business.
        metrics: Where calls are counted; a new registry when none is given.
        place: This process among several; None when it is the only one.
    """
    return ServedApp(mcp, settings, metrics if metrics is not None else ServerMetrics(), place)


class ServedApp:
    """An ASGI app: MCP at `settings.path`, `/health` and `/metrics` beside it.

    Attributes:
        metrics: The figures that `/metrics` shows.
        traffic: Requests in flight.
        at_once: Answers plain calls without ASGI, for an HTTP server that asks it; None without a lane.
        from_peers: The ASGI app for what other workers hand over.
    """

    def __init__(
        self, mcp: FastMCP[Any], settings: ServerSettings, metrics: ServerMetrics, place: Place | None
    ) -> None:
        self._mcp = mcp
        self._settings = settings
        self.metrics = metrics
        self._names = SessionNames(settings.node, place.number if place is not None else None)
        self._peers = Peers(place) if place is not None else None
        self._header_schemas = HeaderSchemas(mcp)
        self._manager: StreamableHTTPSessionManager | None = None
        self._fastmcp_app = mcp.http_app(
            path=settings.path,
            json_response=settings.json_response,
            stateless_http=False,
            host_origin_protection=False,  # the guard stands further out and covers every path
            session_idle_timeout=settings.session_idle_timeout_s,
        )
        # Behind it FastMCP and the SDK know the caller: what they bind to callers is bound to tokens.
        self._for_callers = (
            AuthContextMiddleware(self._fastmcp_app) if settings.auth_tokens else self._fastmcp_app
        )
        self._lane = self._fast_lane()
        own = self._lane or self._through_fastmcp
        self._auth: BearerAuth | None = None
        self._rate_limit: RateLimit | None = None
        guard = self._guarded(own, place)
        self.traffic = Traffic(guard)
        self.at_once = self._short_way(guard)
        self.from_peers = Traffic(self._pages(self._known(self._whole_bodies(own)), self._own_metrics))
        metrics.watch(self.traffic, self.sessions_open, self._lane, self._rate_limit)
        instrument_calls(mcp, metrics, timeout_s=settings.request_timeout_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._serve_lifespan(scope, receive, send)
        else:
            await self.traffic(scope, receive, send)

    def drain(self) -> None:
        """End server-to-client streams now and from now on; requests in flight go on."""
        self.traffic.drain()
        self.from_peers.drain()

    def sessions_open(self) -> int:
        """Number of sessions on the session wire that are open now."""
        # The SDK publishes no count; FastMCP itself reads this attribute to close sessions.
        of_fastmcp = len(self._manager._server_instances) if self._manager is not None else 0
        return of_fastmcp + (self._lane.light_sessions() if self._lane is not None else 0)

    def _fast_lane(self) -> FastLane | None:
        settings = self._settings
        if not settings.fast_lane or settings.otlp_endpoint is not None:  # traces are FastMCP's to make
            return None
        return FastLane(self._through_fastmcp, self._mcp, self.metrics, settings, self._names)

    def _short_way(self, guard: HostOriginGuard) -> AtOnce | None:
        """Return what answers plain calls past all layers, and asks each of them."""
        if self._lane is None:
            return None
        return AtOnce(
            traffic=self.traffic,
            guard=guard,
            auth=self._auth,
            rate_limit=self._rate_limit,
            lane=self._lane,
            max_body_bytes=self._settings.max_body_bytes,
        )

    def _guarded(self, own: ASGIApp, place: Place | None) -> HostOriginGuard:
        """Return the layers between `Traffic` and the app for what clients send."""
        settings = self._settings
        if self._peers is not None:
            own = Forwarding(own, self._names, self._peers, settings.path)
        app: ASGIApp = self._pages(self._whole_bodies(own), self._everybodys_metrics)
        if settings.rate is not None:
            buckets = (
                TokenBuckets(settings.rate, bytearray(TABLE_BYTES), os.urandom(16))
                if place is None
                else shared_buckets(settings.rate, place.folder / "rates", place.key)
            )
            app = self._rate_limit = RateLimit(app, path=settings.path, rate=settings.rate, buckets=buckets)
        app = known = self._known(app)
        self._auth = known if isinstance(known, BearerAuth) else None
        return HostOriginGuard(
            app, allowed_hosts=settings.allowed_hosts, allowed_origins=settings.allowed_origins
        )

    def _known(self, app: ASGIApp) -> ASGIApp:
        tokens = [token.get_secret_value() for token in self._settings.auth_tokens]
        return BearerAuth(app, tokens) if tokens else app

    def _whole_bodies(self, app: ASGIApp) -> ASGIApp:
        settings = self._settings
        return BodyLimit(app, max_bytes=settings.max_body_bytes, timeout_s=settings.request_timeout_s)

    def _pages(self, app: ASGIApp, exposition: Exposition) -> ASGIApp:
        return StatusPages(app, health=self._health, exposition=exposition)

    async def _through_fastmcp(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._header_schemas.refresh()
        await self._for_callers(trimmed(scope), receive, send)

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
            if self._peers is not None:
                await self._peers.close()

    def _limit_sessions(self) -> None:
        """Set what `FastMCP.http_app` does not pass on to the session manager that it makes at start-up."""
        for route in self._fastmcp_app.routes:
            endpoint = getattr(route, "endpoint", None)
            if isinstance(endpoint, StreamableHTTPASGIApp) and endpoint.session_manager is not None:
                self._manager = endpoint.session_manager
                self._manager.max_sessions = self._settings.max_sessions
                self._manager.asgi_app.max_body_size = self._settings.max_body_bytes
                self._names.name_sessions_of(self._manager)
                if self._lane is not None:
                    self._lane.attach(self._manager)
                return
        raise RuntimeError(
            "FastMCP's app has no session manager after start-up: this release is not supported"
        )

    def _health(self) -> Mapping[str, Any]:
        return {
            "status": "ok",
            "service": self._mcp.name,
            "version": self._mcp.version,
            "uptime_s": round(process.uptime_s(), 3),
        }

    async def _own_metrics(self, accept: str) -> tuple[bytes, str]:
        of_app = await app_metrics.collected(self._mcp)
        return metrics_aggregation.exposition([*self.metrics.registry.collect(), *of_app.metrics], accept)

    async def _everybodys_metrics(self, accept: str) -> tuple[bytes, str]:
        of_app = await app_metrics.collected(self._mcp)
        own = [*self.metrics.registry.collect(), *of_app.metrics]
        if self._peers is None:
            return metrics_aggregation.exposition(own, accept)
        text, _ = metrics_aggregation.exposition(own, "text/plain")
        others = await self._peers.metrics()
        added = metrics_aggregation.add([text.decode(), *others], of_app.shared)
        return metrics_aggregation.exposition(added, accept)
