"""A tool that is called without FastMCP."""

from __future__ import annotations

import dis
import inspect
import logging
import sys
import types
from dataclasses import dataclass
from typing import Any

from fastmcp.tools import FunctionTool, Tool
from fastmcp.utilities.async_utils import is_coroutine_function
from fastmcp.utilities.types import get_cached_typeadapter
from pydantic_core import SchemaSerializer, SchemaValidator, to_json

from server_core.fastlane.result_kinds import has_lists, is_simple
from server_core.fastlane.tool_eligibility import (
    arguments_schema,
    declared_reason,
    is_visible,
    own_validators,
    result_schema,
    tool_reach,
)

_logger = logging.getLogger(__name__)

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tool as it was when it was examined."""

    tool: Tool
    options: dict[str, Any]
    code: object
    is_visible: bool

    def is_current(self, tool: object) -> bool:
        """Return whether a tool is this one, unchanged since; cheap, because equal options are identical."""
        if tool is not self.tool or _code_of(tool) is not self.code:
            return False
        try:
            unchanged = self.tool.__dict__ == self.options
        except Exception:  # noqa: BLE001 - a new value that cannot be compared is a change
            return False
        # Visibility is the one option within an option that decides about calls.
        return unchanged and (self.tool.meta is None or is_visible(self.tool) == self.is_visible)


def _snapshot(tool: Tool) -> Snapshot:
    return Snapshot(tool, dict(tool.__dict__), _code_of(tool), is_visible(tool))


def _code_of(tool: Any) -> object:
    return getattr(getattr(tool, "fn", None), "__code__", None)


@dataclass(frozen=True, slots=True)
class NotDirect:
    """A tool that only FastMCP can call.

    Attributes:
        unloaded: A module that its function will import; once it is loaded, the result may be another one.
    """

    snapshot: Snapshot
    reason: str
    unloaded: str = ""

    def is_current(self, tool: object) -> bool:
        """Return whether this still holds for a tool."""
        return self.unloaded not in sys.modules and self.snapshot.is_current(tool)


def not_direct(tool: Tool, reason: str, unloaded: str = "") -> NotDirect:
    """Return the result for a tool that needs FastMCP for a reason."""
    return NotDirect(_snapshot(tool), reason, unloaded)


@dataclass(frozen=True, slots=True)
class DirectTool:
    """Everything a direct call needs, prepared once per tool.

    Attributes:
        tool: The tool itself.
        in_thread: Whether the function has to run in a thread, beside the event loop.
        never_waits: Whether its coroutine always finishes in its first step.
        runs_own_validators: Whether validation calls functions of the app.
        is_closed: Whether nothing that it calls can ask for the request, unless somebody replaces it.
        has_simple_results: Whether values of its return type are written alike each time, without lists.
        has_simple_lists: Whether they are, with lists, in whose place code may return iterators.
        serializer: Turns results into JSON values as the return type prescribes.
    """

    tool: FunctionTool
    snapshot: Snapshot
    is_async: bool
    in_thread: bool
    never_waits: bool
    runs_own_validators: bool
    is_closed: bool
    has_simple_results: bool
    has_simple_lists: bool
    validator: SchemaValidator
    serializer: SchemaSerializer

    @property
    def wraps(self) -> bool:
        """Whether results are wrapped as ``{"result": …}``."""
        return bool((self.tool.output_schema or {}).get("x-fastmcp-wrap-result"))

    def is_current(self, tool: object) -> bool:
        """Return whether this still holds for a tool."""
        return self.snapshot.is_current(tool)

    def validated(self, arguments: dict[str, Any], *, strict: bool) -> Arguments:
        """Return the validated arguments, positional and by keyword, or raise what validation raises.

        As in FastMCP: strict validation follows the rules for JSON, in which a date is a string.
        """
        validated: Arguments = (
            self.validator.validate_json(to_json(arguments), strict=True)
            if strict
            else self.validator.validate_python(arguments)
        )
        return validated


def direct_tool(tool: Any) -> DirectTool | NotDirect:
    """Return what a direct call of a tool needs, or why it needs FastMCP."""
    try:
        return _examine(tool)
    except Exception as error:
        _logger.warning("cannot examine tool %r", tool.name, exc_info=True)
        return not_direct(tool, f"it cannot be examined ({type(error).__name__})")


def _examine(tool: Any) -> DirectTool | NotDirect:
    reason = declared_reason(tool)
    if reason:
        return not_direct(tool, reason)
    reach = tool_reach(tool)
    if reach.reason:
        return not_direct(tool, reach.reason, reach.unloaded)
    schema = arguments_schema(tool)
    is_async = is_coroutine_function(tool.fn)
    results = result_schema(tool.return_type)
    is_simple_result = results is not None and is_simple(results)
    return DirectTool(
        tool=tool,
        snapshot=_snapshot(tool),
        is_async=is_async,
        in_thread=not is_async and tool.run_in_thread,
        # An asynchronous generator that is returned has to be awaited.
        never_waits=_never_waits(tool.fn) and not reach.makes_async_generators,
        runs_own_validators=any(True for _ in own_validators(schema)),
        is_closed=reach.is_closed,
        has_simple_results=is_simple_result and not has_lists(results),
        has_simple_lists=is_simple_result and has_lists(results),
        validator=SchemaValidator(schema),
        serializer=_serializer(tool.return_type),
    )


def _never_waits(fn: Any) -> bool:
    """Return whether a function's coroutine cannot wait, because nothing in its code does.

    Every `await`, `async for` and `async with` is compiled to ``SEND``.
    """
    if not isinstance(fn, types.FunctionType) or not fn.__code__.co_flags & inspect.CO_COROUTINE:
        return False
    return all(instruction.opname != "SEND" for instruction in dis.get_instructions(fn))


def _serializer(return_type: Any) -> SchemaSerializer:
    """Return the serializer that FastMCP would choose for a return type."""
    from pydantic.errors import PydanticSchemaGenerationError

    anything = get_cached_typeadapter(Any).serializer
    if return_type in (inspect.Signature.empty, None, Any, ...) or isinstance(return_type, str):
        return anything
    try:
        return get_cached_typeadapter(return_type).serializer
    except PydanticSchemaGenerationError:
        return anything
