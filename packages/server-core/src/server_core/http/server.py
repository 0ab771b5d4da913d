"""uvicorn with a graceful drain, a readiness callback and timeouts for stalled connections."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import Any, Literal

import uvicorn
from sse_starlette.sse import AppStatus
from starlette.types import ASGIApp

from server_core.app import ServedApp
from server_core.http.connection_limits import ConnectionCounts, connections_per_client
from server_core.http.protocol import protocol_class
from server_core.http.strict_protocol import StrictProtocol
from server_core.settings import ServerSettings
from server_core.startup import end_startup

_logger = logging.getLogger(__name__)

_KEEP_ALIVE_S = 75
"""uvicorn's default of 5 s often closes a connection just as a client that paused sends again."""

_LINGER_S = 0.25
"""Time from the end of listening to the end of idle connections, in which a client may be sending."""

_TICKS_PER_S = 10


class HttpServer(uvicorn.Server):
    """uvicorn that reports readiness, drains without losing a request, and exits with 0 after a signal.

    It also closes connections on which a request's headers do not arrive within the request timeout, and
    those whose client reads nothing of a response for as long; uvicorn would keep them open for ever.

    Args:
        app: The served app.
        settings: Timeouts of requests and of the drain.
        on_ready: Called once the server answers.
        entry: ASGI app that requests enter by, without the shortcut; `app` if None.
        lifespan: Whether the server starts and ends the app's lifespan.
        uds: Unix socket to listen on, instead of the sockets passed to `serve`.
    """

    def __init__(
        self,
        app: ServedApp,
        settings: ServerSettings,
        on_ready: Callable[[], None],
        *,
        entry: ASGIApp | None = None,
        lifespan: Literal["on", "off"] = "on",
        uds: str | None = None,
    ) -> None:
        # sse-starlette would end event streams on the first signal, those of requests in flight included.
        AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]  # untyped there
        calls = app.immediate_calls if entry is None else None
        kind = StrictProtocol if calls is None else protocol_class(calls, settings.path, app.seen_by_app)
        limit = connections_per_client(settings.max_connections_per_address)
        counts = ConnectionCounts(limit, app.is_trusted_proxy)
        config = uvicorn.Config(
            app if entry is None else entry,
            http=type("Protocol", (kind,), {"counts": counts}),
            ws="none",
            lifespan=lifespan,
            uds=uds,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # TrustedProxies reads them instead
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=settings.drain_timeout_s,  # type: ignore[arg-type]  # fractions work
        )
        super().__init__(config)
        self._app = app
        self._on_ready = on_ready
        self._stall_timeout_s = settings.request_timeout_s
        self._waiting: dict[Any, tuple[tuple[object, int], float]] = {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then report readiness."""
        await super().startup(sockets)
        end_startup()
        if self.started and not self.should_exit:
            self._on_ready()

    async def listen_too(self, listener: socket.socket) -> asyncio.Server:
        """Accept connections from another socket as well, which belongs to the result from now on."""
        kind: Any = self.config.http_protocol_class
        protocol = functools.partial(
            kind, config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        loop = asyncio.get_running_loop()
        server = await loop.create_server(protocol, sock=listener, backlog=self.config.backlog)
        self.servers.append(server)
        if self.should_exit:
            server.close()  # the others have been closed meanwhile
        return server

    def stop_listening(self, server: asyncio.Server) -> None:
        """Accept no more connections from such a socket; those that it has accepted go on."""
        server.close()
        if server in self.servers:
            self.servers.remove(server)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End endless streams, then wait for the requests in flight."""
        if sockets is not None:
            _logger.info("draining: %d requests in flight", self._app.traffic.in_flight)
        self._app.drain()
        for server in self.servers:
            server.close()
        # Requests that arrive meanwhile are answered with `connection: close`.
        deadline_s = monotonic() + _LINGER_S
        while self.server_state.connections and monotonic() < deadline_s and not self.force_exit:  # noqa: ASYNC110 - a set has no event
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Close stalled connections once a second."""
        if counter % _TICKS_PER_S == 0:
            self._close_stalled(monotonic())
        return await super().on_tick(counter)

    def _close_stalled(self, now_s: float) -> None:
        waiting = {}
        for connection in self.server_state.connections:
            protocol: Any = connection
            last = _unread(protocol) or _awaited(protocol)
            if last is None:
                continue
            before, since_s = self._waiting.get(protocol, (last, now_s))
            if before != last:
                since_s = now_s  # another request has been answered since, or a part of a response read
            if now_s - since_s > self._stall_timeout_s:
                # To close would wait until the client has read everything.
                protocol.transport.abort() if _unread(protocol) else protocol.transport.close()
            else:
                waiting[protocol] = (last, since_s)
        self._waiting = waiting

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's signature
        """Drain on the first signal, stop on the second; uvicorn would end by the signal, not with 0."""
        self.force_exit = self.should_exit
        self.should_exit = True


def _unread(protocol: Any) -> tuple[object, int] | None:
    """Return how much of its responses a client has not read, if the next has to wait for that."""
    size: int = protocol.transport.get_write_buffer_size()
    if size and (protocol.flow.write_paused or protocol.transport.is_closing()):
        return "unread", size
    return None


def _awaited(protocol: Any) -> tuple[object, int] | None:
    """Return which request's head is expected, if a part of it has arrived or it is the first."""
    is_idle = protocol.timeout_keep_alive_task is not None  # uvicorn has a timer for it
    if is_idle or (protocol.cycle is not None and not protocol.cycle.response_complete):
        return None
    return protocol.cycle, getattr(protocol, "answered", 0)
