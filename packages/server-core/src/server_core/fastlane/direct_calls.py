"""Direct calls of an app's plain tools: lookup, validation, call, count and response."""

from __future__ import annotations

import asyncio
import inspect
import logging
import types
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.tools import Tool
from fastmcp.utilities.async_utils import call_sync_fn_in_threadpool
from mcp_types import InputRequiredResult
from starlette.types import ASGIApp

from server_core.deadlines import DeadlineError, within
from server_core.fastlane.app_eligibility import AppRules
from server_core.fastlane.call_variables import CallRequest, CallVariables, NoChannelError, Tokens
from server_core.fastlane.direct_tool import Arguments, DirectTool, NotDirect, direct_tool, not_direct
from server_core.fastlane.request_recognition import ToolCall
from server_core.fastlane.response_encoding import ResponseEncoder
from server_core.observability.call_instrumentation import fatal_text, timed_out_text
from server_core.observability.metrics import ServerMetrics
from server_core.sdk.internals import local_components

logger = logging.getLogger(__name__)


@dataclass(slots=True)  # not frozen, which would cost each call a microsecond
class ReadyCall:
    """A call that can be made directly, with its request, its tool and validated arguments."""

    call: ToolCall
    request: CallRequest
    direct: DirectTool
    arguments: Arguments


class DirectCalls:
    """Calls an app's plain tools.

    Attributes:
        answered: Number of calls made so far.
        components: The live registry of the app's own tools, resources and prompts.
        variables: What tools find in their context variables.
    """

    def __init__(
        self,
        mcp: FastMCP[Any],
        metrics: ServerMetrics,
        timeout_s: float,
        rules: AppRules,
        variables: CallVariables,
    ) -> None:
        self.answered = 0
        self.variables = variables
        self.components = local_components(mcp)
        self._mcp = mcp
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._tools: dict[str, DirectTool | NotDirect] = {}
        self._rules = rules

    def app_reason(self) -> str:
        """Return why calls of the app's tools need FastMCP; empty if they do not.

        Calls on the stateless wire may have a reason of their own.
        """
        return self._rules.current().calls

    def reasons(self) -> dict[str, str]:
        """Return, by the names of the app's own tools, why each is not called directly; empty if it is."""
        general = self._rules.current().stateless_calls
        tools = [each for each in self.components.values() if isinstance(each, Tool)]
        return {tool.name: general or self._tool_reason(tool.name) for tool in tools}

    def _tool_reason(self, name: str) -> str:
        tool = self._tool(name)
        return tool.reason if isinstance(tool, NotDirect) else ""

    def needs_fastmcp(self, name: str) -> bool:
        """Return whether a tool certainly needs FastMCP, so that its request need not be parsed here."""
        return isinstance(self._tool(name), NotDirect)

    def may_never_wait(self, name: str) -> bool:
        """Return whether a tool may be called directly and never wait; `ready` knows for sure."""
        tool = self._tools.get(name) or self._tool(name)
        return isinstance(tool, DirectTool) and tool.never_waits

    def ready(self, call: ToolCall, request: CallRequest) -> ReadyCall | None:
        """Return a call with its tool and validated arguments, None if it needs FastMCP.

        Not for an app whose calls need FastMCP.
        """
        direct = self._tool(call.name)
        if not isinstance(direct, DirectTool):
            return None
        try:
            if direct.runs_own_validators:
                tokens = self.variables.set(request, call)
                try:
                    arguments = direct.validated(call.arguments, strict=self._mcp.strict_input_validation)
                finally:
                    self.variables.reset(tokens)
            else:
                arguments = direct.validated(call.arguments, strict=self._mcp.strict_input_validation)
        except Exception:  # noqa: BLE001 - a validator may raise anything
            return None  # FastMCP explains what is wrong with the arguments
        return ReadyCall(call, request, direct, arguments)

    def begin(self, http_app: ASGIApp, lifespan_state: Any) -> None:
        """Prepare for calls: examine all tools, which takes milliseconds that no call should have to wait.

        `http_app` is FastMCP's app, and `lifespan_state` what the low-level server's lifespan yielded.
        """
        self.variables.http_app = http_app
        self.variables.lifespan_state = lifespan_state
        for tool in list(self.components.values()):
            if isinstance(tool, Tool):
                self._tool(tool.name)

    def _tool(self, name: str) -> DirectTool | NotDirect | None:
        """Return what is known about a tool; examined again after any change of it."""
        tool = self.components.get(f"{Tool.KEY_PREFIX}:{name}@")
        examined = self._tools.get(name)
        if examined is not None and examined.is_current(tool):
            return examined
        if not isinstance(tool, Tool):
            return None
        reason = self._name_reason(tool, name)
        try:
            examined = not_direct(tool, reason) if reason else direct_tool(tool)
        except Exception as error:  # noqa: BLE001 - FastMCP explains what is wrong with a tool
            examined = not_direct(tool, f"examining it raised {type(error).__name__}")
        self._tools[name] = examined
        if isinstance(examined, NotDirect):
            logger.info("tool %r is called through FastMCP: %s", name, examined.reason)
        else:
            logger.info("tool %r is called directly", name)
        return examined

    def _name_reason(self, tool: Tool, name: str) -> str:
        """Return why FastMCP may find another tool under a name; it compares the names of all tools."""
        if tool.name != name:
            return "it has been renamed"
        tools = [each for each in self.components.values() if isinstance(each, Tool)]
        others = sum(each.name == name for each in tools) - 1
        return "other tools have its name" if others else ""

    async def make(
        self, ready: ReadyCall, encoder: ResponseEncoder, *, is_immediate: bool = False
    ) -> tuple[int, bytes]:
        """Call the tool and return the HTTP status and the body of the response.

        A call is immediate if it is made outside of any task, in a context whose variables know of the call
        in progress.
        """
        call, metrics = ready.call, self._metrics
        self.answered += 1
        started = perf_counter()
        failed = True
        metrics.calls_in_flight += 1
        tokens: Tokens = ()
        try:
            if is_immediate and ready.direct.is_closed:
                self.variables.begin(ready.request, call)
            else:
                tokens = self.variables.set(ready.request, call)
            try:
                raw = await self._run(ready.direct, ready.arguments)
                if isinstance(raw, InputRequiredResult):
                    raise NoChannelError("an InputRequiredResult")
                status, body, failed = encoder.result(call.id_json, ready.direct, raw)
            except DeadlineError:
                return encoder.error(call.id_json, timed_out_text(call.name, self._timeout_s))
            except Exception as error:  # noqa: BLE001 - as in FastMCP, any exception of a tool becomes its response
                tokens = tokens or self.variables.set(ready.request, call)  # a log handler may ask
                return encoder.failure(call.id_json, call.name, error)
            except asyncio.CancelledError:
                response = None if _is_being_cancelled() else encoder.cancelled(call.id_json)
                if response is None:
                    raise
                return response
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - see fatal_text
                return encoder.error(call.id_json, fatal_text(call.name, error))
            return status, body
        finally:
            self.variables.reset(tokens)
            if is_immediate:
                self.variables.end()
            metrics.calls_in_flight -= 1
            metrics.observe_call(call.name, perf_counter() - started, failed=failed)

    async def _run(self, direct: DirectTool, arguments: Arguments) -> Any:
        """Call a tool as `FunctionTool.run` does."""
        fn, (args, kwargs) = direct.tool.fn, arguments
        if direct.never_waits:
            raw = await within(self._timeout_s, fn(*args, **kwargs))
            return await _collected(raw) if type(raw) in _GENERATORS else raw
        if direct.is_async:
            return await within(self._timeout_s, _resolved(fn(*args, **kwargs)))
        if direct.in_thread:
            return await within(self._timeout_s, _resolved_in_thread(fn, args, kwargs))
        return await within(self._timeout_s, _resolved(_called(fn, args, kwargs)))


def _is_being_cancelled() -> bool:
    """Return whether a cancellation is that of the call's task, and not raised by a tool."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


_GENERATORS: Final = (types.GeneratorType, types.AsyncGeneratorType)


def _called(fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a plain function; a generator that it returns runs where the function does, in its thread."""
    raw = fn(*args, **kwargs)
    return list(raw) if inspect.isgenerator(raw) else raw


async def _resolved_in_thread(fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return await _resolved(await call_sync_fn_in_threadpool(_called, fn, args, kwargs))


async def _resolved(raw: Any) -> Any:
    """Return the final result for what a function returned, which is awaited once."""
    return await _collected(await raw if inspect.isawaitable(raw) else raw)


async def _collected(raw: Any) -> Any:
    """Return what a generator yields as a list, and anything else as it is."""
    if inspect.isasyncgen(raw):
        return [item async for item in raw]
    return list(raw) if inspect.isgenerator(raw) else raw
