"""A worker process, and the messages between it and its supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from socket import socket
from typing import Any

from fastmcp import FastMCP
from prometheus_client import disable_created_metrics
from starlette.types import Receive, Scope, Send

from server_core.app import ServedApp, create_app
from server_core.errors import ServerCoreError
from server_core.http.connection_limits import allow_many_files
from server_core.http.server import HttpServer
from server_core.layers.forwarding import WorkerPlace
from server_core.observability.logs import configure_logging
from server_core.observability.metrics import ServerMetrics
from server_core.observability.telemetry import exporting
from server_core.sdk.request_state import share_request_state
from server_core.settings import ServerSettings
from server_core.workers.http_parts import NO_PARTS, HttpParts
from server_core.workers.orphans import end_when_orphaned, remove_folder

_logger = logging.getLogger(__name__)

EXIT_S = 10.0
"""Time for a worker to end after its drains, before it is killed."""


class WorkerMessage(Enum):
    """A message between a worker and its supervisor, beside `AcceptFor`."""

    READY = "the worker accepts requests"
    DRAINED = "the worker has answered all its clients' requests and accepts no more"
    END = "all workers are drained, so that none will forward requests to another"


@dataclass(frozen=True)
class AcceptFor:
    """An order to accept the connections of another worker that cannot, or to leave them to it again.

    Attributes:
        number: Number of the other worker.
        begins: Whether to begin, or to end.
    """

    number: int
    begins: bool


def work(
    create_server: Callable[[], FastMCP[Any]],
    settings: ServerSettings,
    place: WorkerPlace,
    listeners: Sequence[socket],
    pipe: Connection,
    *,
    parts: HttpParts = NO_PARTS,
) -> None:
    """Serve until a signal arrives or the supervisor ends; limits on sessions are divided among workers."""
    configure_logging(settings.log_level)
    allow_many_files()
    end_when_orphaned(place, 2 * settings.drain_timeout_s + EXIT_S)
    disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped there; a series without readers
    metrics = ServerMetrics()
    mcp = create_server()
    share_request_state(mcp, place.key)
    settings = settings.model_copy(update=_limits_of_one(settings, place.count))
    try:
        with exporting(mcp, metrics, settings.otlp_endpoint):
            app = create_app(
                mcp,
                settings,
                metrics=metrics,
                place=place,
                middleware=parts.middleware,
                routes=parts.routes,
            )
            worker = _Worker(app, settings, place, listeners, pipe)
            with asyncio.Runner(loop_factory=worker.outer.config.get_loop_factory()) as runner:
                runner.run(worker.serve())
            if worker.is_orphan:
                remove_folder(place)
    except ServerCoreError as error:
        for problem in error.problems:
            _logger.error(problem)
        raise SystemExit(error.exit_code) from error


def _limits_of_one(settings: ServerSettings, workers: int) -> dict[str, int]:
    names = ("max_sessions", "max_sessions_per_client")
    return {name: max(1, getattr(settings, name) // workers) for name in names}


class _Worker:
    """Two servers for one app: one for clients, one for the other workers, which may need it longer."""

    def __init__(
        self,
        app: ServedApp,
        settings: ServerSettings,
        place: WorkerPlace,
        listeners: Sequence[socket],
        pipe: Connection,
    ) -> None:
        async def entry(scope: Scope, receive: Receive, send: Send) -> None:
            await (app if scope["type"] == "lifespan" else app.from_peers)(scope, receive, send)

        self.is_orphan = False
        self._number = place.number
        self._listeners = listeners
        self._pipe = pipe
        self._accepting_for: dict[int, asyncio.Task[asyncio.Server]] = {}
        self._inner_is_ready = asyncio.Event()
        self._may_end = asyncio.Event()
        self.inner = HttpServer(
            app, settings, self._inner_is_ready.set, entry=entry, uds=str(place.socket_path(place.number))
        )
        self.outer = HttpServer(app, settings, lambda: pipe.send(WorkerMessage.READY), lifespan="off")

    async def serve(self) -> None:
        """Serve until the end of both servers."""
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._receive)
        inner = asyncio.ensure_future(self.inner.serve())
        ready = asyncio.ensure_future(self._inner_is_ready.wait())
        await asyncio.wait((inner, ready), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if not self.inner.should_exit:  # a signal before the outer server starts ends the inner one
            await self.outer.serve(sockets=[self._listeners[self._number]])
            if not self._may_end.is_set():
                with contextlib.suppress(OSError):  # the supervisor was killed, as the pipe is about to tell
                    self._pipe.send(WorkerMessage.DRAINED)
            await self._may_end.wait()
        self.inner.should_exit = True
        await inner

    def _receive(self) -> None:
        try:
            message = self._pipe.recv()
        except (EOFError, OSError):
            # The supervisor was killed; nothing else would end this process.
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self.is_orphan = True
            self.outer.should_exit = True
            message = WorkerMessage.END
        if isinstance(message, AcceptFor):
            self._accept_for(message.number, begins=message.begins)
        if message is WorkerMessage.END:
            self._may_end.set()

    def _accept_for(self, number: int, *, begins: bool) -> None:
        """Begin or end to accept the connections of another worker."""
        if begins and not self.outer.should_exit:
            # A copy, because the event loop closes a socket when it stops listening at it.
            copy = self._listeners[number].dup()
            self._accepting_for[number] = asyncio.ensure_future(self.outer.listen_too(copy))
        elif not begins and number in self._accepting_for:
            self._accepting_for.pop(number).add_done_callback(self._stop_accepting)

    def _stop_accepting(self, listening: asyncio.Task[asyncio.Server]) -> None:
        if not listening.cancelled() and listening.exception() is None:
            self.outer.stop_listening(listening.result())
