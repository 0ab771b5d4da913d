"""The life of one worker process, and what it and its supervisor say to each other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import Enum
from multiprocessing.connection import Connection
from socket import socket
from typing import Any

from fastmcp import FastMCP
from prometheus_client import disable_created_metrics
from starlette.types import Receive, Scope, Send

from server_core.app import ServedApp, create_app
from server_core.errors import ServerCoreError
from server_core.http.server import HttpServer
from server_core.layers.forwarding import Place
from server_core.observability.logs import configure_logging
from server_core.observability.metrics import ServerMetrics
from server_core.observability.telemetry import exporting
from server_core.sdk.request_state import share_request_state
from server_core.settings import ServerSettings

_logger = logging.getLogger(__name__)


class Word(Enum):
    """What is said through the pipe."""

    READY = "the worker answers"
    DRAINED = "the worker has answered all that clients sent it, and takes no more"
    END = "all workers are drained: nobody hands anything over any more"


def work(
    create_server: Callable[[], FastMCP[Any]],
    settings: ServerSettings,
    place: Place,
    listener: socket,
    pipe: Connection,
) -> None:
    """Serve until a signal, or the end of the supervisor.

    Args:
        create_server: Makes the app.
        settings: The server's; the sessions that it may have open are divided among the workers.
        place: Which worker this is.
        listener: Listens already.
        pipe: To the supervisor.
    """
    configure_logging(settings.log_level)
    disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped there; a series that nobody reads
    metrics = ServerMetrics()
    mcp = create_server()
    share_request_state(mcp, place.key)
    own = settings.model_copy(update={"max_sessions": max(1, settings.max_sessions // place.of)})
    try:
        with exporting(mcp, metrics, settings.otlp_endpoint):
            worker = _Worker(create_app(mcp, own, metrics=metrics, place=place), own, place, pipe)
            with asyncio.Runner(loop_factory=worker.outer.config.get_loop_factory()) as runner:
                runner.run(worker.serve(listener))
    except ServerCoreError as error:
        for problem in error.problems:
            _logger.error(problem)
        raise SystemExit(error.exit_code) from error


class _Worker:
    """Two servers on one app: for clients, and for the other workers, who may need it a little longer."""

    def __init__(self, app: ServedApp, settings: ServerSettings, place: Place, pipe: Connection) -> None:
        async def entrance(scope: Scope, receive: Receive, send: Send) -> None:
            await (app if scope["type"] == "lifespan" else app.from_peers)(scope, receive, send)

        self._pipe = pipe
        self._inner_answers = asyncio.Event()
        self._may_end = asyncio.Event()
        self.inner = HttpServer(
            app, settings, self._inner_answers.set, entrance=entrance, uds=str(place.socket_of(place.number))
        )
        self.outer = HttpServer(app, settings, lambda: pipe.send(Word.READY), lifespan="off")

    async def serve(self, listener: socket) -> None:
        """Serve to the end."""
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._hear)
        inner = asyncio.ensure_future(self.inner.serve())
        answers = asyncio.ensure_future(self._inner_answers.wait())
        await asyncio.wait((inner, answers), return_when=asyncio.FIRST_COMPLETED)
        answers.cancel()
        if not self.inner.should_exit:  # a signal this early is the inner server's
            await self.outer.serve(sockets=[listener])
            if not self._may_end.is_set():
                self._pipe.send(Word.DRAINED)
            await self._may_end.wait()
        self.inner.should_exit = True
        await inner

    def _hear(self) -> None:
        try:
            word = self._pipe.recv()
        except (EOFError, OSError):
            # The supervisor is gone without a word; nobody else would end this process.
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self.outer.should_exit = True
            word = Word.END
        if word is Word.END:
            self._may_end.set()
