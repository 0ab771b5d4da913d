"""Durations, counts and time limits of calls, at the request handlers of FastMCP's low-level server.

These handlers are the one place that every transport and both wires share, and where a cancellation really
stops the work: on the session wire a tool runs in its session's task, not in the task of the HTTP request.
FastMCP's middleware would see the same calls, but tools under middleware cannot take the fast lane.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

from fastmcp import FastMCP
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, CallToolRequestParams, CallToolResult, ServerRequest, TextContent

from server_core.deadlines import DeadlineError, PausableDeadline
from server_core.layers.server_timing import note_tool_time_of
from server_core.observability.metrics import UNKNOWN_TOOL, ServerMetrics
from server_core.sdk.internals import low_level_server

REQUEST_TIMED_OUT = -32001
"""JSON-RPC error code for a timed-out request other than a tool call; the SDKs' clients use the same."""

_logger = logging.getLogger(__name__)

_ParamsT = TypeVar("_ParamsT")
_TIME_LIMITED_METHODS = ("resources/read", "prompts/get")

_ANSWERED_BY_PERSONS: Final = frozenset({"elicitation/create", "sampling/createMessage"})
"""Requests to clients. The specification wants a person to approve samples, too."""


def instrument_calls(mcp: FastMCP[Any], metrics: ServerMetrics, *, timeout_s: float) -> None:
    """Count the calls of `mcp` and limit their time; a second call of this function replaces the first.

    A tool call that takes longer than `timeout_s` seconds is cancelled and answered with `isError` and a
    sentence that a model can act on; any other request is answered with a JSON-RPC error. The time in which a
    person answers a request to the client does not count.
    """
    server = low_level_server(mcp)
    for method in ("tools/call", *_TIME_LIMITED_METHODS):
        entry = server.get_request_handler(method)
        if entry is None:
            raise RuntimeError(
                f"expected a FastMCP handler for {method}, got none: this release is not supported"
            )
        inner = uninstrumented(entry.handler)
        handler: Any
        if method == "tools/call":
            handler = _InstrumentedToolCalls(inner, timeout_s, mcp, metrics)
        else:
            handler = _TimeLimited(inner, timeout_s)
        server.add_request_handler(method, entry.params_type, handler)


def uninstrumented(handler: Any) -> Any:
    """Return the request handler inside one that this module made; any other handler as it is."""
    return handler.inner if isinstance(handler, _TimeLimited) else handler


def timed_out_text(tool: str, timeout_s: float) -> str:
    """Return the text for the model about a call that took too long."""
    return (
        f"{tool} took longer than {timeout_s:g} s and was stopped. "
        "Ask for less in one call, or try again later."
    )


def fatal_text(subject: str, error: BaseException) -> str:
    """Log a call that raised a `BaseException`, and return the text for the client.

    The event loop re-raises `SystemExit` and `KeyboardInterrupt` from any task: a tool that calls `sys.exit`
    would end the server and every call in flight.
    """
    _logger.error("%s raised %s; the server keeps running", subject, type(error).__name__, exc_info=error)
    return f"{subject} raised {type(error).__name__}, which is a defect: nothing was returned."


def _exclude_answers_of_persons(session: ServerSession, deadline: PausableDeadline) -> None:
    """Pause a request's deadline while a person at the client answers one of its own requests.

    `session` belongs to this one request. A client that never answers holds no more than its own session.
    """
    send_request = session.send_request

    async def send_request_paused(request: ServerRequest, *arguments: Any, **options: Any) -> Any:
        with deadline.paused() if request.method in _ANSWERED_BY_PERSONS else nullcontext():
            return await send_request(request, *arguments, **options)

    session.send_request = send_request_paused  # type: ignore[method-assign] # the SDK has no hook


class _TimeLimited(Generic[_ParamsT]):
    """A request handler that is cancelled after `timeout_s` seconds."""

    def __init__(self, inner: Any, timeout_s: float) -> None:
        self.inner = inner
        self._timeout_s = timeout_s

    async def __call__(self, context: ServerRequestContext[Any, Any], params: _ParamsT) -> Any:
        try:
            async with PausableDeadline(self._timeout_s) as deadline:
                _exclude_answers_of_persons(context.session, deadline)
                return await self.inner(context, params)
        except DeadlineError:
            return self._timed_out(params)
        except (Exception, asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - see fatal_text
            return self._fatal(params, error)

    def _timed_out(self, _params: _ParamsT) -> Any:
        message = f"The request took longer than {self._timeout_s:g} s and was stopped."
        raise MCPError(code=REQUEST_TIMED_OUT, message=message)

    def _fatal(self, _params: _ParamsT, error: BaseException) -> Any:
        raise MCPError(code=INTERNAL_ERROR, message=fatal_text("The request's handler", error)) from None


class _InstrumentedToolCalls(_TimeLimited[CallToolRequestParams]):
    """The `tools/call` handler, time-limited and counted."""

    def __init__(self, inner: Any, timeout_s: float, mcp: FastMCP[Any], metrics: ServerMetrics) -> None:
        super().__init__(inner, timeout_s)
        self._mcp = mcp
        self._metrics = metrics
        self._existing: set[str] = set()

    async def __call__(self, context: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> Any:
        label = await self._label(params.name)
        started = perf_counter()
        failed = True
        self._metrics.calls_in_flight += 1
        try:
            result = await super().__call__(context, params)
            failed = getattr(result, "is_error", False) is True
            return result
        finally:
            self._metrics.calls_in_flight -= 1
            duration_s = perf_counter() - started
            note_tool_time_of(context.request, duration_s)
            self._metrics.observe_call(label, duration_s, failed=failed)

    def _timed_out(self, params: CallToolRequestParams) -> CallToolResult:
        text = timed_out_text(params.name, self._timeout_s)
        return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)

    def _fatal(self, params: CallToolRequestParams, error: BaseException) -> CallToolResult:
        text = fatal_text(params.name, error)
        return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)

    async def _label(self, name: str) -> str:
        if name in self._existing:
            return name
        if await self._mcp.get_tool(name) is None:
            return UNKNOWN_TOOL
        self._existing.add(name)
        return name
