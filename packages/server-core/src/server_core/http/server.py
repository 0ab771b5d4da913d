"""uvicorn as the servers need it."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import Any, Literal

import uvicorn
from sse_starlette.sse import AppStatus
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server_core.app import ServedApp
from server_core.http.protocol import protocol_class
from server_core.settings import ServerSettings

_logger = logging.getLogger(__name__)

_KEEP_ALIVE_S = 75
"""uvicorn's 5 s close the connection of a client that thinks for a moment just as it sends again."""


_LINGER_S = 0.25
"""Between the end of listening and the end of idle connections: a client may be sending just now."""

_TICKS_PER_S = 10


def _protocol(serving: ServedApp, settings: ServerSettings) -> type[HttpToolsProtocol] | Literal["httptools"]:
    return "httptools" if serving.at_once is None else protocol_class(serving.at_once, settings.path)


class HttpServer(uvicorn.Server):
    """uvicorn that tells when it answers, drains without losing a request, and exits with 0 after a signal.

    It also closes connections whose next request does not get beyond its headers within the time that a
    request may take; uvicorn would keep them for ever.

    Args:
        serving: What it serves.
        settings: How long a drain may take.
        tell_ready: Called once it answers.
        entrance: Where requests enter; the app itself when None.
        lifespan: Whether the app starts and ends with it.
        uds: Unix socket to listen at, instead of the sockets that `serve` is given.
    """

    def __init__(
        self,
        serving: ServedApp,
        settings: ServerSettings,
        tell_ready: Callable[[], None],
        *,
        entrance: ASGIApp | None = None,
        lifespan: Literal["on", "off"] = "on",
        uds: str | None = None,
    ) -> None:
        # It would cut event streams off as soon as a signal comes, requests in flight included.
        AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]  # untyped there
        config = uvicorn.Config(
            serving if entrance is None else entrance,
            http=_protocol(serving, settings) if entrance is None else "httptools",
            ws="none",
            lifespan=lifespan,
            uds=uds,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # trusting them is for a proxy's owner to ask for
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=settings.drain_timeout_s,  # type: ignore[arg-type]  # fractions work
        )
        super().__init__(config)
        self._serving = serving
        self._tell_ready = tell_ready
        self._headers_s = settings.request_timeout_s
        self._waiting: dict[Any, tuple[tuple[object, int], float]] = {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        # What start-up made stays: left to the collector, each of its full rounds would look at over a
        # hundred thousand objects and stop every request for about 0.1 s.
        gc.freeze()
        if self.started and not self.should_exit:
            self._tell_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams that have no end of their own, then wait for what is in flight."""
        if sockets is not None:
            _logger.info("draining: %d requests in flight", self._serving.traffic.in_flight)
        self._serving.drain()
        for server in self.servers:
            server.close()
        # What arrives meanwhile is answered, with the word that it was the last on its connection.
        deadline_s = monotonic() + _LINGER_S
        while self.server_state.connections and monotonic() < deadline_s and not self.force_exit:  # noqa: ASYNC110 - a set is no event
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Look after connections once a second."""
        if counter % _TICKS_PER_S == 0:
            self._close_stalled(monotonic())
        return await super().on_tick(counter)

    def _close_stalled(self, now_s: float) -> None:
        waiting = {}
        for connection in self.server_state.connections:
            known: Any = connection
            is_idle = known.timeout_keep_alive_task is not None  # uvicorn closes it in its own time
            if is_idle or (known.cycle is not None and not known.cycle.response_complete):
                continue
            last = (known.cycle, getattr(known, "answered", 0))
            before, since_s = self._waiting.get(known, (last, now_s))
            if before != last:
                since_s = now_s  # another request began and ended since
            if now_s - since_s > self._headers_s:
                known.transport.close()
            else:
                waiting[known] = (last, since_s)
        self._waiting = waiting

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's form
        """Drain on the first signal, leave on the second; uvicorn would end by the signal, not with 0."""
        self.force_exit = self.should_exit
        self.should_exit = True
