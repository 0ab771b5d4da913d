"""The handshake of a promotion, which no code of the app sees.

A light session becomes an SDK session by a second ``initialize``. Without the lane there would be only the
client's own, and whatever the app has added after it would never have seen one: it must neither count nor
refuse the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from fastmcp.server.low_level import LowLevelServer
from mcp.server.lowlevel import Server

_is_quiet: ContextVar[bool] = ContextVar("_is_quiet", default=False)


@contextmanager
def quiet_handshake() -> Iterator[None]:
    """Hide the messages that are sent within the block from everything that the app has added."""
    token = _is_quiet.set(True)
    try:
        yield
    finally:
        _is_quiet.reset(token)


class QuietServer(LowLevelServer[Any]):
    """FastMCP's low-level server, without middleware and handlers of notifications for hidden messages.

    The SDK handles each message in the context of the request that sent it.
    """

    @property
    def middleware(self) -> list[Any]:
        """The live list of middleware."""
        return [] if _is_quiet.get() else self.__dict__["middleware"]

    @middleware.setter
    def middleware(self, middleware: list[Any]) -> None:
        self.__dict__["middleware"] = middleware

    def get_notification_handler(self, method: str) -> Any:
        """Return the handler of a notification, None if there is none."""
        return None if _is_quiet.get() else super().get_notification_handler(method)


def allow_quiet_handshakes(server: Server[Any]) -> None:
    """Let the low-level server of an app hide messages, unless it is of a class of the app's own."""
    if type(server) is LowLevelServer:
        server.__class__ = QuietServer
