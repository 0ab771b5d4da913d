"""The ASGI app that serves a FastMCP app.

Each layer is an ASGI app around the next one, in this order: `Traffic` counts requests, `HostOriginGuard`
refuses foreign web pages, `Cors` lets admitted ones call, `KnownPaths` refuses unknown paths, `BearerAuth`
unknown callers and `RateLimit` excess messages, `StatusPages` answers `/health` and `/metrics`, `BodyLimit`
reads the body, `Forwarding` passes requests to the worker that holds their session, `FastLane` answers plain
tool calls, and FastMCP everything else. A program's own middleware stands between `Traffic` and the guard.
Requests from other workers enter behind the guards, which they have passed there. None of this is FastMCP
middleware: calls that such middleware sees cannot take the fast lane.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastmcp import FastMCP
from fastmcp.server.auth.middleware import RequireAuthMiddleware
from fastmcp.server.http import StreamableHTTPASGIApp
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.streamable_http import EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from server_core.fastlane import FastLane
from server_core.fastlane.app_eligibility import AppRules
from server_core.fastlane.immediate_calls import ImmediateCalls, TimedImmediateCalls
from server_core.fastlane.stream_needs import stream_needs
from server_core.layers.auth import BearerAuth
from server_core.layers.body_budget import BodyBudget
from server_core.layers.body_limit import BodyLimit
from server_core.layers.cors import Cors
from server_core.layers.guard import HostOriginGuard
from server_core.layers.known_paths import KnownPaths
from server_core.layers.rate_limit import RateLimit
from server_core.layers.request_ids import UniqueRequestIds
from server_core.layers.server_timing import ServerTiming, note_tool_time
from server_core.layers.session_opening import SessionOpening
from server_core.layers.status_pages import Exposition, StatusPages
from server_core.layers.token_buckets import TABLE_BYTES, TokenBuckets, shared_buckets
from server_core.layers.traffic import Traffic
from server_core.layers.trusted_proxies import TrustedProxies, parse_network
from server_core.observability import metrics_aggregation, process
from server_core.observability.app_metrics import collect_app_metrics
from server_core.observability.call_instrumentation import instrument_calls
from server_core.observability.metrics import FunctionCollector, ServerMetrics
from server_core.observability.pauses import Pauses
from server_core.observability.telemetry import notice_recording
from server_core.sdk.counted_sessions import CountedSessions
from server_core.sdk.header_schemas import HeaderSchemas
from server_core.sdk.header_whitespace import strip_header_whitespace
from server_core.sdk.internals import local_components, open_sessions
from server_core.sdk.late_imports import LateImports
from server_core.sdk.session_ends import SessionEnds
from server_core.sdk.session_ids import SessionIds
from server_core.sdk.session_shares import SessionShares
from server_core.sdk.session_state import SessionState
from server_core.settings import ServerSettings

if TYPE_CHECKING:
    from server_core.layers.forwarding import Peers, WorkerPlace

_logger = logging.getLogger(__name__)


def create_app(
    mcp: FastMCP[Any],
    settings: ServerSettings,
    *,
    metrics: ServerMetrics | None = None,
    place: WorkerPlace | None = None,
    middleware: Sequence[Middleware] = (),
    routes: Sequence[BaseRoute] = (),
    event_store: EventStore | None = None,
    retry_interval_ms: int | None = None,
) -> ServedApp:
    """Return an ASGI app that serves `mcp`, for any ASGI server.

    Args:
        mcp: The app to serve. Its calls are counted and time-limited from now on, over stdio as well.
        settings: Path, limits, tokens and admitted hosts; host and port are up to the ASGI server.
        metrics: Counts the calls; a new registry by default.
        place: This process's place among several workers; None if it is the only one.
        middleware: Starlette middleware around all else, the first outermost. Every request passes through
            it, so plain calls are answered without FastMCP, but not without ASGI.
        routes: Served beside the MCP endpoint, to the same callers.
        event_store: Keeps what sessions are sent, so that clients can resume broken streams
            (`Last-Event-ID`). FastMCP then answers all calls in sessions, unless answers are JSON, which
            nobody can resume.
        retry_interval_ms: Time after which clients should resume a stream that the server has closed.

    Example:
        >>> app = create_app(FastMCP("shop"), ServerSettings(max_sessions=100))
        >>> app.sessions_open()
        0
    """
    return ServedApp(
        mcp,
        settings,
        metrics if metrics is not None else ServerMetrics(),
        place,
        middleware=middleware,
        routes=routes,
        event_store=event_store,
        retry_interval_ms=retry_interval_ms,
    )


class ServedApp:
    """An ASGI app with MCP at `settings.path`, and `/health` and `/metrics` beside it.

    Attributes:
        metrics: The metrics on `/metrics`.
        traffic: Requests in flight and responses.
        immediate_calls: Answers plain calls without ASGI, if the server supports it; None without a lane or
            with middleware, which must see all requests.
        from_peers: ASGI app for requests that other workers forward.
    """

    def __init__(
        self,
        mcp: FastMCP[Any],
        settings: ServerSettings,
        metrics: ServerMetrics,
        place: WorkerPlace | None,
        *,
        middleware: Sequence[Middleware],
        routes: Sequence[BaseRoute],
        event_store: EventStore | None,
        retry_interval_ms: int | None,
    ) -> None:
        self._mcp = mcp
        self._settings = settings
        self.metrics = metrics
        self._proxies = TrustedProxies([parse_network(proxy) for proxy in settings.trusted_proxies])
        self._session_ids = SessionIds(settings.node, place.number if place is not None else None)
        self._peers = _peers(place) if place is not None else None
        self._rules = AppRules(mcp)
        self._header_schemas = HeaderSchemas(mcp, lambda: not self._rules.reason("tools/list"))
        self._manager: StreamableHTTPSessionManager | None = None
        self._fastmcp_app = mcp.http_app(
            path=settings.path,
            json_response=settings.json_response,
            stateless_http=False,
            host_origin_protection=False,  # HostOriginGuard covers every path
            session_idle_timeout=settings.session_idle_timeout_s,
            event_store=event_store,
            retry_interval=retry_interval_ms,
        )
        self._has_event_store = event_store is not None
        self._fastmcp_app.router.routes.extend(routes)
        # Tells FastMCP and the SDK who the caller is, so that sessions belong to the token that opened them.
        self._authenticated_app = (
            AuthContextMiddleware(self._fastmcp_app) if settings.auth_tokens else self._fastmcp_app
        )
        state = SessionState()
        self._session_ends = SessionEnds(mcp, state)
        shares = SessionShares(settings.max_sessions, settings.max_sessions_per_client)
        self._sdk_sessions = CountedSessions(shares, self._session_ends.report)
        opening = SessionOpening(
            self._authenticated_app,
            settings.path,
            self._sdk_sessions,
            state,
            is_resumable=event_store is not None,
        )
        self._fastmcp = UniqueRequestIds(opening, settings.path)
        self._lane = self._make_lane()
        mcp_app = self._lane or self._serve_through_fastmcp
        self._auth: BearerAuth | None = None
        self._rate_limit: RateLimit | None = None
        guard = self._guard(mcp_app, place)
        app: ASGIApp = guard
        for kind, arguments, options in reversed(middleware):
            app = kind(app, *arguments, **options)
        if settings.server_timing:
            app = ServerTiming(app)
            metrics.add_listener(note_tool_time)
        self.traffic = Traffic(app)
        self._lifespan = Router(lifespan=self.lifespan)
        self.immediate_calls = self._make_immediate_calls(guard) if not middleware else None
        app = self._with_status_pages(self._with_auth(self._with_body_limit(mcp_app, None)), self._metrics)
        self.from_peers = Traffic(ServerTiming(app, with_total=False) if settings.server_timing else app)
        metrics.watch(self.traffic, self.sessions_open, self._lane, self._rate_limit)
        self._pauses = Pauses()
        metrics.registry.register(FunctionCollector(self._pauses.metrics))
        instrument_calls(mcp, metrics, timeout_s=settings.request_timeout_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await self.traffic(self.seen_by_app(scope), receive, send)

    def seen_by_app(self, scope: Scope) -> Scope:
        """Return a request's scope with the client's address and URL as trusted proxies tell them."""
        return self._proxies.seen_by_app(scope)

    def is_trusted_proxy(self, address: str) -> bool:
        """Return whether an address is one of a trusted proxy, which has many clients."""
        return self._proxies.trusts(address)

    def drain(self) -> None:
        """End server-to-client streams, now and in future; requests in flight continue."""
        self.traffic.drain()
        self.from_peers.drain()

    def sessions_open(self) -> int:
        """Return the number of open sessions on the session wire."""
        sdk_sessions = len(open_sessions(self._manager)) if self._manager is not None else 0
        return sdk_sessions + (self._lane.light_sessions() if self._lane is not None else 0)

    def _make_lane(self) -> FastLane | None:
        settings = self._settings
        if not settings.fast_lane or settings.otlp_endpoint is not None:  # only FastMCP creates trace spans
            return None
        return FastLane(
            self._serve_through_fastmcp,
            self._mcp,
            self.metrics,
            settings,
            self._session_ids,
            rules=self._rules,
            shares=self._sdk_sessions.shares,
            session_ended=self._session_ends.report,
            resumable=self._has_event_store and not settings.json_response,
        )

    def _make_immediate_calls(self, guard: HostOriginGuard) -> ImmediateCalls | None:
        if self._lane is None:
            return None
        kind = TimedImmediateCalls if self._settings.server_timing else ImmediateCalls
        return kind(
            traffic=self.traffic,
            guard=guard,
            auth=self._auth,
            rate_limit=self._rate_limit,
            lane=self._lane,
            max_body_bytes=self._settings.max_body_bytes,
        )

    def _guard(self, app: ASGIApp, place: WorkerPlace | None) -> HostOriginGuard:
        """Return the layers between `Traffic` and the lane, for requests from clients."""
        settings = self._settings
        if self._peers is not None:
            from server_core.layers.forwarding import Forwarding  # see `_peers`

            app = Forwarding(app, self._session_ids, self._peers, settings.path)
        metrics_of_all_workers = functools.partial(self._metrics, peers=self._peers)
        # At least two of the largest, because one client gets half.
        budget = BodyBudget(max(settings.max_bodies_bytes, 2 * settings.max_body_bytes))
        app = self._with_status_pages(self._with_body_limit(app, budget), metrics_of_all_workers)
        if settings.rate is not None:
            buckets = (
                TokenBuckets(settings.rate, bytearray(TABLE_BYTES), os.urandom(16))
                if place is None
                else shared_buckets(settings.rate, place.folder / "rates", place.key)
            )
            app = self._rate_limit = RateLimit(app, path=settings.path, rate=settings.rate, buckets=buckets)
        app = self._with_auth(app)
        self._auth = app if isinstance(app, BearerAuth) else None
        app = Cors(KnownPaths(app, path=settings.path, routes=self._fastmcp_app.routes))
        return HostOriginGuard(
            app,
            allowed_hosts=settings.allowed_hosts,
            allowed_origins=settings.allowed_origins,
            variables=(
                settings.environment_name("allowed_hosts"),
                settings.environment_name("allowed_origins"),
            ),
        )

    def _with_auth(self, app: ASGIApp) -> ASGIApp:
        settings, provider = self._settings, self._mcp.auth
        tokens = [token.get_secret_value() for token in settings.auth_tokens]
        if not tokens:
            return app
        if provider is None:
            return BearerAuth(app, tokens)
        # A request has one token, which the app's own provider judges.
        routes = provider.get_routes(mcp_path=settings.path)
        return BearerAuth(app, tokens, guarded_path=settings.path, open_routes=routes)

    def _with_body_limit(self, app: ASGIApp, budget: BodyBudget | None) -> ASGIApp:
        settings = self._settings
        return BodyLimit(
            app,
            max_bytes=settings.max_body_bytes,
            timeout_s=settings.request_timeout_s,
            budget=budget,
        )

    def _with_status_pages(self, app: ASGIApp, exposition: Exposition) -> ASGIApp:
        return StatusPages(app, health=self._health, exposition=exposition)

    async def _serve_through_fastmcp(self, scope: Scope, receive: Receive, send: Send) -> None:
        notice_recording()
        self._header_schemas.refresh()
        await self._fastmcp(strip_header_whitespace(scope), receive, send)

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """Serve within the context.

        An app that mounts this one has to enter it, because Starlette does not start mounted apps:
        `Starlette(routes=[Mount("/api", served)], lifespan=served.lifespan)`.
        """
        late_imports = LateImports()
        try:
            async with self._fastmcp_app.lifespan(self._fastmcp_app):
                self._set_up_session_manager()
                if self._settings.json_response:
                    self._tell_what_needs_streams()
                self._session_ends.start()
                self._pauses.start()
                late_imports.start()
                try:
                    yield
                finally:
                    late_imports.stop()
                    self._pauses.stop()
                    await self._session_ends.stop()
        finally:
            if self._lane is not None:
                self._lane.detach()
            if self._peers is not None:
                await self._peers.close()

    def _set_up_session_manager(self) -> None:
        """Set limits that `FastMCP.http_app` does not pass on to the session manager, created at start-up."""
        for route in self._fastmcp_app.routes:
            endpoint = getattr(route, "endpoint", None)
            if isinstance(endpoint, RequireAuthMiddleware):  # the app has `auth`
                endpoint = endpoint.app
            if isinstance(endpoint, StreamableHTTPASGIApp) and endpoint.session_manager is not None:
                self._manager = endpoint.session_manager
                self._manager.max_sessions = self._settings.max_sessions
                self._manager.asgi_app.max_body_size = self._settings.max_body_bytes
                self._session_ids.assign_to_new_sessions(self._manager)
                if self._lane is not None:
                    self._lane.attach(self._manager, self._fastmcp_app)
                self._sdk_sessions.attach(self._manager)  # last, when ids have been chosen
                return
        raise RuntimeError(
            "expected a session manager in FastMCP's app after start-up, got none: release not supported"
        )

    def _tell_what_needs_streams(self) -> None:
        """Log what does not work because answers are JSON."""
        cure = f"set {self._settings.environment_name('json_response')}=false"
        needs = stream_needs(local_components(self._mcp).values())
        if needs.asking:
            _logger.warning(
                "tools that ask their client need event streams, and fail with answers in JSON: %s; %s",
                ", ".join(needs.asking),
                cure,
            )
        if needs.reporting:
            _logger.info(
                "progress is not sent with answers in JSON: %s; %s for clients that show it",
                ", ".join(needs.reporting),
                cure,
            )
        if self._has_event_store:
            _logger.warning("an event store resumes no call with answers in JSON; %s", cure)

    def _health(self) -> Mapping[str, Any]:
        return {
            "status": "ok",
            "service": self._mcp.name,
            "version": self._mcp.version,
            "uptime_s": round(process.uptime_s(), 3),
        }

    async def _metrics(self, accept: str, peers: Peers | None = None) -> tuple[bytes, str]:
        """Return the metrics of this process, added to those of `peers` if there are any, as text."""
        app_metrics = await collect_app_metrics(self._mcp)
        metrics = [*self.metrics.registry.collect(), *app_metrics.metrics]
        if peers is not None:
            text, _ = metrics_aggregation.exposition(metrics, "text/plain")
            metrics = metrics_aggregation.add([text.decode(), *await peers.metrics()], app_metrics.shared)
        return metrics_aggregation.exposition(metrics, accept)


def _peers(place: WorkerPlace) -> Peers:
    from server_core.layers.forwarding import Peers  # its HTTP client is for workers alone

    return Peers(place)
