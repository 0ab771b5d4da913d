"""The ASGI layer that answers plain tool calls and hands everything else on."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.tools import Tool
from fastmcp.utilities.async_utils import call_sync_fn_in_threadpool
from pydantic_core import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.calls import timed_out_text
from server_core.deadlines import DeadlineError, within
from server_core.fastlane.answers import Answers
from server_core.fastlane.direct import Arguments, DirectTool, direct_tool
from server_core.fastlane.eligibility import app_reason, server_reason
from server_core.fastlane.requests import STATELESS_VERSION, Recogniser, ToolCall
from server_core.fastlane.sessions import SessionViews
from server_core.metrics import ServerMetrics

_SESSION_ANSWERS: Final = "2025-11-25"
"""Answers are the same in all revisions that have sessions."""

_JSON: Final = (b"content-type", b"application/json")

logger = logging.getLogger(__name__)

UseSession = Callable[[bytes], contextlib.AbstractContextManager[bool]]


class FastLane:
    """Answers plain tool calls itself; `app` answers the rest.

    Args:
        app: FastMCP's app, which gets every other request unchanged.
        mcp: The FastMCP app behind it.
        metrics: Where calls are counted.
        path: Path of the MCP endpoint.
        timeout_s: Longest time of a call.
        use_session: Holds a session while one of its calls is served; yields whether there is such a session.

    Attributes:
        answered: Tool calls answered so far.
    """

    def __init__(
        self,
        app: ASGIApp,
        mcp: FastMCP[Any],
        metrics: ServerMetrics,
        *,
        path: str,
        timeout_s: float,
        use_session: UseSession,
    ) -> None:
        self.answered = 0
        self._app = app
        self._mcp = mcp
        self._metrics = metrics
        self._path = path
        self._timeout_s = timeout_s
        self._use_session = use_session
        self._recogniser = Recogniser()
        self._components: Mapping[str, Any] = mcp.local_provider._components
        self._direct: dict[str, DirectTool | _Slow] = {}
        self._server_reason = server_reason(mcp)
        self._views = SessionViews(mcp)
        self._stateless = Answers(mcp, STATELESS_VERSION)
        self._session = Answers(mcp, _SESSION_ANSWERS)

    def reasons(self) -> dict[str, str]:
        """Return each of the app's own tools with why it is not called directly; empty when it is."""
        general = self._server_reason or app_reason(self._mcp)
        tools = [each for each in self._components.values() if isinstance(each, Tool)]
        return {tool.name: general or self._reason(tool.name) for tool in tools}

    def _reason(self, name: str) -> str:
        found = self._looked_at(name)
        return found.reason if isinstance(found, _Slow) else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        headers = self._recogniser.may_be_call(scope["headers"])
        if headers is None:
            await self._app(scope, receive, send)
            return
        message = await receive()
        call = None
        if message["type"] == "http.request" and not message.get("more_body", False):
            call = self._recogniser.call(headers, message.get("body", b""))
        if call is None or not await self._answered(call, send):
            await self._app(scope, _again(message, receive), send)

    async def _answered(self, call: ToolCall, send: Send) -> bool:
        """Answer a call; return False, with nothing done, when it needs FastMCP."""
        direct = self._direct_tool(call.name)
        if direct is None:
            return False
        try:
            arguments = direct.arguments(call.arguments, strict=self._mcp.strict_input_validation or None)
        except ValidationError:
            return False  # FastMCP says what is wrong with them
        if call.session_id is not None and self._views.differ:
            return False
        if call.session_id is None:
            status, body = await self._called(call, direct, arguments, self._stateless)
            await _send(send, status, body, ())
            return True
        with self._use_session(call.session_id) as there_is_one:
            if not there_is_one:
                return False
            status, body = await self._called(call, direct, arguments, self._session)
            await _send(send, status, body, ((b"mcp-session-id", call.session_id),))
        return True

    def _direct_tool(self, name: str) -> DirectTool | None:
        if self._server_reason or app_reason(self._mcp):
            return None
        found = self._looked_at(name)
        return found if isinstance(found, DirectTool) else None

    def _looked_at(self, name: str) -> DirectTool | _Slow | None:
        """Return what is known of a tool, looked at anew when another one bears the name."""
        tool = self._components.get(f"{Tool.KEY_PREFIX}:{name}@")
        known = self._direct.get(name)
        if known is not None and known.tool is tool:
            return known
        if not isinstance(tool, Tool):
            return None
        made = direct_tool(tool)
        self._direct[name] = known = _Slow(tool, made) if isinstance(made, str) else made
        if isinstance(known, _Slow):
            logger.info("tool %r is called through FastMCP: %s", name, known.reason)
        else:
            logger.info("tool %r is called directly", name)
        return known

    async def _called(
        self, call: ToolCall, direct: DirectTool, arguments: Arguments, answers: Answers
    ) -> tuple[int, bytes]:
        """Call the tool and return the HTTP status and the body of the answer."""
        metrics = self._metrics
        self.answered += 1
        started = perf_counter()
        failed = True
        metrics.calls_in_flight += 1
        try:
            try:
                raw = await self._run(direct, arguments)
                body = answers.result(call.id_json, direct, raw)
            except DeadlineError:
                return 200, answers.error(call.id_json, timed_out_text(call.name, self._timeout_s))
            except Exception as error:  # noqa: BLE001 - whatever a tool raises becomes its answer, as in FastMCP
                return answers.failure(call.id_json, call.name, error)
            failed = b'"isError":true' in body
            return 200, body
        finally:
            metrics.calls_in_flight -= 1
            metrics.observe_call(call.name, perf_counter() - started, failed=failed)

    async def _run(self, direct: DirectTool, arguments: Arguments) -> Any:
        fn, (args, kwargs) = direct.tool.fn, arguments
        if direct.is_async:
            return await within(self._timeout_s, fn(*args, **kwargs))
        if direct.in_thread:
            raw = await within(self._timeout_s, call_sync_fn_in_threadpool(fn, *args, **kwargs))
        else:
            raw = fn(*args, **kwargs)
        return await within(self._timeout_s, _settled(raw))


async def _settled(raw: Any) -> Any:
    """Return what a plain function meant: it may give a coroutine or a generator to go on with."""
    if inspect.isawaitable(raw):
        raw = await raw
    if inspect.isasyncgen(raw):
        return [item async for item in raw]
    return list(raw) if inspect.isgenerator(raw) else raw


class _Slow:
    """A tool that needs FastMCP."""

    __slots__ = ("reason", "tool")

    def __init__(self, tool: Tool, reason: str) -> None:
        self.tool = tool
        self.reason = reason


def _again(message: Message, receive: Receive) -> Receive:
    """Return a `receive` that gives a message that was taken once more, and then goes on."""
    waiting: Iterator[Message] = iter((message,))

    async def again() -> Message:
        for first in waiting:
            return first
        return await receive()

    return again


async def _send(send: Send, status: int, body: bytes, extra: tuple[tuple[bytes, bytes], ...]) -> None:
    headers = [_JSON, *extra, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
