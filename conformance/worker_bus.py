"""A subscription bus that reaches the subscribers in all workers of a server.

The SDK's own bus stays within its process: a client would hear of a change only if the same worker happens to
serve its stream and the call that announces the change.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ServerEvent,
    ToolsListChanged,
)

_EVENTS: Final[dict[bytes, ServerEvent]] = {b"tools": ToolsListChanged(), b"prompts": PromptsListChanged()}


class WorkerBus:
    """Announces list changes to the workers with the same parent process, by a Unix socket of each."""

    def __init__(self) -> None:
        self._own = InMemorySubscriptionBus()
        self._folder = Path(tempfile.gettempdir()) / f"conformance-{os.getppid()}"
        self._subscribers = 0
        self._receiver: socket.socket | None = None
        self._deliveries: set[asyncio.Task[None]] = set()  # the loop itself keeps no reference to its tasks

    @property
    def _path(self) -> Path:
        return self._folder / f"{os.getpid()}.sock"

    async def publish(self, event: ServerEvent) -> None:
        """Announce an event, which arrives a little later."""
        message = next(name for name, each in _EVENTS.items() if each == event)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            for path in self._folder.glob("*.sock"):
                with contextlib.suppress(OSError):  # its worker has ended
                    sender.sendto(message, str(path))

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Call `listener` with each event until the returned function is called."""
        if self._receiver is None:
            self._receiver = self._listen()
        self._subscribers += 1
        forget = self._own.subscribe(listener)

        def unsubscribe() -> None:
            forget()
            self._subscribers -= 1
            if not self._subscribers:
                self._close()

        return unsubscribe

    def _listen(self) -> socket.socket:
        self._folder.mkdir(exist_ok=True)
        self._path.unlink(missing_ok=True)
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.setblocking(False)
        receiver.bind(str(self._path))
        loop = asyncio.get_running_loop()
        loop.add_reader(receiver, lambda: self._deliver(loop, receiver))
        return receiver

    def _deliver(self, loop: asyncio.AbstractEventLoop, receiver: socket.socket) -> None:
        delivery = loop.create_task(self._own.publish(_EVENTS[receiver.recv(100)]))
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    def _close(self) -> None:
        if self._receiver is not None:
            asyncio.get_running_loop().remove_reader(self._receiver)
            self._receiver.close()
            self._receiver = None
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others still listen
            self._folder.rmdir()
