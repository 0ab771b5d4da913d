"""Calls of plain tools: found, made, counted, and turned into answers."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Mapping
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
from server_core.fastlane.results import Answers
from server_core.observability.calls import fatal_text, timed_out_text
from server_core.observability.metrics import ServerMetrics

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadyCall:
    """A call that nothing speaks against.

    Attributes:
        call: The request.
        direct: Its tool.
        arguments: Validated.
    """

    call: ToolCall
    direct: DirectTool
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class _Slow:
    """A tool that needs FastMCP, and why."""

    tool: Tool
    reason: str


class DirectCalls:
    """Makes calls of an app's plain tools.

    Args:
        mcp: The app.
        metrics: Where calls are counted.
        timeout_s: Longest time of a call.

    Attributes:
        answered: Calls made so far.
        components: The app's own tools, resources and prompts, as they are at any time.
    """

    def __init__(self, mcp: FastMCP[Any], metrics: ServerMetrics, timeout_s: float) -> None:
        self.answered = 0
        self.components: Mapping[str, Any] = mcp.local_provider._components
        self._mcp = mcp
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._known: dict[str, DirectTool | _Slow] = {}
        self._server_reason = server_reason(mcp)

    def app_reason(self) -> str:
        """Return why the whole app is FastMCP's to serve; empty when it is not."""
        return self._server_reason or app_reason(self._mcp)

    def reasons(self) -> dict[str, str]:
        """Return each of the app's own tools with why it is not called directly; empty when it is."""
        general = self.app_reason()
        tools = [each for each in self.components.values() if isinstance(each, Tool)]
        return {tool.name: general or self._tool_reason(tool.name) for tool in tools}

    def _tool_reason(self, name: str) -> str:
        found = self._looked_at(name)
        return found.reason if isinstance(found, _Slow) else ""

    def needs_fastmcp(self, name: str) -> bool:
        """Return whether a tool is known to need FastMCP; a request of it need not be read first."""
        return isinstance(self._looked_at(name), _Slow)

    def never_waits(self, name: str) -> bool:
        """Return whether a tool is known to be called directly and to be done at once."""
        known = self._looked_at(name)
        return isinstance(known, DirectTool) and known.never_waits

    def ready(self, call: ToolCall) -> ReadyCall | None:
        """Return the call with what it needs, None when it needs FastMCP."""
        if self.app_reason():
            return None
        direct = self._looked_at(call.name)
        if not isinstance(direct, DirectTool):
            return None
        try:
            arguments = direct.arguments(call.arguments, strict=self._mcp.strict_input_validation or None)
        except ValidationError:
            return None  # FastMCP says what is wrong with them
        return ReadyCall(call, direct, arguments)

    def _looked_at(self, name: str) -> DirectTool | _Slow | None:
        """Return what is known of a tool, looked at anew when another one bears the name."""
        tool = self.components.get(f"{Tool.KEY_PREFIX}:{name}@")
        known = self._known.get(name)
        if known is not None and known.tool is tool:
            return known
        if not isinstance(tool, Tool):
            return None
        made = direct_tool(tool)
        self._known[name] = known = _Slow(tool, made) if isinstance(made, str) else made
        if isinstance(known, _Slow):
            logger.info("tool %r is called through FastMCP: %s", name, known.reason)
        else:
            logger.info("tool %r is called directly", name)
        return known

    async def make(self, ready: ReadyCall, answers: Answers) -> tuple[int, bytes]:
        """Call the tool and return the HTTP status and the body of the answer."""
        call, metrics = ready.call, self._metrics
        self.answered += 1
        started = perf_counter()
        failed = True
        metrics.calls_in_flight += 1
        try:
            try:
                raw = await self._run(ready)
                body = answers.result(call.id_json, ready.direct, raw)
            except DeadlineError:
                return 200, answers.error(call.id_json, timed_out_text(call.name, self._timeout_s))
            except Exception as error:  # noqa: BLE001 - whatever a tool raises becomes its answer, as in FastMCP
                return answers.failure(call.id_json, call.name, error)
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except BaseException as error:  # noqa: BLE001 - see fatal_text
                return 200, answers.error(call.id_json, fatal_text(call.name, error))
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
        return await within(self._timeout_s, _settled(raw))


async def _settled(raw: Any) -> Any:
    """Return what a plain function meant: it may give a coroutine or a generator to go on with."""
    if inspect.isawaitable(raw):
        raw = await raw
    if inspect.isasyncgen(raw):
        return [item async for item in raw]
    return list(raw) if inspect.isgenerator(raw) else raw
