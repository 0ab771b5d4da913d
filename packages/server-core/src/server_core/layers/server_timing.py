"""The header `Server-Timing`: how long a request and its tool took, in the server's own view.

Source: W3C, Server Timing (2023). A client subtracts it from the time that it waited: the rest is the
network, and waiting before the server has read the request. The head of an event stream is sent before the
work, so that streams have no such header.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SCOPE_KEY: Final = "server_core.timing"


class RequestTiming:
    """When a request began, and how long its tool took, if it has called one."""

    __slots__ = ("began_s", "tool_s")

    def __init__(self) -> None:
        self.began_s = perf_counter()
        self.tool_s: float | None = None

    def header(self, *, with_total: bool = True) -> bytes:
        """Return the header's value, in milliseconds; empty if there is nothing to tell."""
        entries = [b"total;dur=%.3f" % (1e3 * (perf_counter() - self.began_s))] if with_total else []
        if self.tool_s is not None:
            entries.append(b"tool;dur=%.3f" % (1e3 * self.tool_s))
        return b", ".join(entries)


_current: ContextVar[RequestTiming | None] = ContextVar("timing of the request being answered", default=None)


def begin_timing() -> RequestTiming:
    """Begin the timing of a request in the current context."""
    timing = RequestTiming()
    _current.set(timing)
    return timing


def note_tool_time(_tool: str, duration_s: float, _failed: bool) -> None:
    """Note how long the tool of the current context's request took."""
    timing = _current.get()
    if timing is not None:
        timing.tool_s = duration_s


def note_tool_time_of(request: Any, duration_s: float) -> None:
    """Note how long the tool of a Starlette request took; nothing for any other object.

    FastMCP runs the tools of a session in a task of their own, whose context is that of another request.
    """
    scope = getattr(request, "scope", None)
    timing = scope.get(_SCOPE_KEY) if isinstance(scope, dict) else None
    if timing is not None:
        timing.tool_s = duration_s


class ServerTiming:
    """Tell clients how long requests to `app` took.

    Args:
        app: The app.
        with_total: Whether to tell the time of the whole request, or only that of its tool: the worker that
            forwarded a request to this one tells the former.
    """

    def __init__(self, app: ASGIApp, *, with_total: bool = True) -> None:
        self._app = app
        self._with_total = with_total

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        timing = begin_timing()

        async def timed_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                value = timing.header(with_total=self._with_total)
                if value and not _is_stream(headers):
                    message = {**message, "headers": [*headers, (b"server-timing", value)]}
            await send(message)

        await self._app({**scope, _SCOPE_KEY: timing}, receive, timed_send)


def _is_stream(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers
    )
