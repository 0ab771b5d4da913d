"""ASGI apps on real sockets, served by uvicorn in this process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    """A server that leaves signals to the test runner and says when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = asyncio.Event()

    def capture_signals(self) -> Any:
        return contextlib.nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.has_started.set()


@contextlib.asynccontextmanager
async def listening(app: Any, listener: socket.socket) -> AsyncIterator[str]:
    """Serve an app on a socket, and yield its URL."""
    server = _Server(uvicorn.Config(app, log_level="warning", ws="none", lifespan="on"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    started = asyncio.create_task(server.has_started.wait())
    try:
        await asyncio.wait((serving, started), return_when=asyncio.FIRST_COMPLETED)
        assert server.has_started.is_set(), serving
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        started.cancel()
        server.should_exit = True
        await serving
