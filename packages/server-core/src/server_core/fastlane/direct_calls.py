"""Direct calls of an app's plain tools: lookup, validation, call, count and response."""

from __future__ import annotations

import asyncio
import inspect
import logging
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from fastmcp import FastMCP
from fastmcp.tools import Tool
from fastmcp.utilities.async_utils import call_sync_fn_in_threadpool
from pydantic_core import ValidationError

from server_core.deadlines import DeadlineError, within
from server_core.fastlane.direct_tool import Arguments, DirectTool, direct_tool
from server_core.fastlane.eligibility import app_reason, server_reason
from server_core.fastlane.request_recognition import ToolCall
from server_core.fastlane.response_encoding import ResponseEncoder
from server_core.observability.call_instrumentation import fatal_text, timed_out_text
from server_core.observability.metrics import ServerMetrics
from server_core.sdk.internals import local_components

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadyCall:
    """A call that can be made directly, with its tool and validated arguments."""

    call: ToolCall
    direct: DirectTool
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class _FastMCPTool:
    """A tool that only FastMCP can call, and why."""

    tool: Tool
    reason: str


class DirectCalls:
    """Calls an app's plain tools; `answered` is the number of calls made so far."""

    def __init__(self, mcp: FastMCP[Any], metrics: ServerMetrics, timeout_s: float) -> None:
        self.answered = 0
        self.components = local_components(mcp)
        self._mcp = mcp
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._tools: dict[str, DirectTool | _FastMCPTool] = {}
        self._server_reason = server_reason(mcp)

    def app_reason(self) -> str:
        """Return why FastMCP has to serve the whole app; empty if it does not."""
        return self._server_reason or app_reason(self._mcp)

    def reasons(self) -> dict[str, str]:
        """Return, by the names of the app's own tools, why each is not called directly; empty if it is."""
        general = self.app_reason()
        tools = [each for each in self.components.values() if isinstance(each, Tool)]
        return {tool.name: general or self._tool_reason(tool.name) for tool in tools}

    def _tool_reason(self, name: str) -> str:
        tool = self._tool(name)
        return tool.reason if isinstance(tool, _FastMCPTool) else ""

    def needs_fastmcp(self, name: str) -> bool:
        """Return whether a tool certainly needs FastMCP, so that its request need not be parsed here."""
        return isinstance(self._tool(name), _FastMCPTool)

    def never_waits(self, name: str) -> bool:
        """Return whether a tool is called directly and never waits."""
        tool = self._tool(name)
        return isinstance(tool, DirectTool) and tool.never_waits

    def ready(self, call: ToolCall) -> ReadyCall | None:
        """Return a call with its tool and validated arguments, None if it needs FastMCP."""
        if self.app_reason():
            return None
        direct = self._tool(call.name)
        if not isinstance(direct, DirectTool):
            return None
        try:
            arguments = direct.validated(call.arguments, strict=self._mcp.strict_input_validation or None)
        except ValidationError:
            return None  # FastMCP explains what is wrong with them
        return ReadyCall(call, direct, arguments)

    def _tool(self, name: str) -> DirectTool | _FastMCPTool | None:
        """Return what is known about a tool; examined again once another tool has its name."""
        tool = self.components.get(f"{Tool.KEY_PREFIX}:{name}@")
        examined = self._tools.get(name)
        if examined is not None and examined.tool is tool:
            return examined
        if not isinstance(tool, Tool):
            return None
        result = direct_tool(tool)
        self._tools[name] = examined = _FastMCPTool(tool, result) if isinstance(result, str) else result
        if isinstance(examined, _FastMCPTool):
            logger.info("tool %r is called through FastMCP: %s", name, examined.reason)
        else:
            logger.info("tool %r is called directly", name)
        return examined

    async def make(self, ready: ReadyCall, encoder: ResponseEncoder) -> tuple[int, bytes]:
        """Call the tool and return the HTTP status and the body of the response."""
        call, metrics = ready.call, self._metrics
        self.answered += 1
        started = perf_counter()
        failed = True
        metrics.calls_in_flight += 1
        try:
            try:
                raw = await self._run(ready)
                body = encoder.result(call.id_json, ready.direct, raw)
            except DeadlineError:
                return 200, encoder.error(call.id_json, timed_out_text(call.name, self._timeout_s))
            except Exception as error:  # noqa: BLE001 - as in FastMCP, any exception of a tool becomes its response
                return encoder.failure(call.id_json, call.name, error)
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except BaseException as error:  # noqa: BLE001 - see fatal_text
                return 200, encoder.error(call.id_json, fatal_text(call.name, error))
            failed = b'"isError":true' in body
            return 200, body
        finally:
            metrics.calls_in_flight -= 1
            metrics.observe_call(call.name, perf_counter() - started, failed=failed)

    async def _run(self, ready: ReadyCall) -> Any:
        direct, (args, kwargs) = ready.direct, ready.arguments
        fn = direct.tool.fn
        if direct.is_async:
            return await within(self._timeout_s, fn(*args, **kwargs))
        if direct.in_thread:
            raw = await within(self._timeout_s, call_sync_fn_in_threadpool(fn, *args, **kwargs))
        else:
            raw = fn(*args, **kwargs)
        return await within(self._timeout_s, _resolve(raw))


async def _resolve(raw: Any) -> Any:
    """Return the final result of a plain function, which may have returned a coroutine or a generator."""
    if inspect.isawaitable(raw):
        raw = await raw
    if inspect.isasyncgen(raw):
        return [item async for item in raw]
    return list(raw) if inspect.isgenerator(raw) else raw
