"""A tool that is called without FastMCP."""

from __future__ import annotations

import dis
import inspect
import types
from dataclasses import dataclass
from typing import Any

from fastmcp.tools import FunctionTool
from fastmcp.utilities.types import get_cached_typeadapter
from pydantic_core import SchemaSerializer, SchemaValidator

from server_core.fastlane.eligibility import tool_reason

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class DirectTool:
    """Everything a direct call needs, prepared once per tool.

    Attributes:
        tool: The tool as registered; another object under its name is another tool.
        in_thread: Whether the function has to run in a thread, beside the event loop.
        never_waits: Whether its coroutine always finishes in its first step.
        serializer: Turns results into JSON values as the return type prescribes.
        wraps: Whether results are wrapped as ``{"result": …}``.
    """

    tool: FunctionTool
    is_async: bool
    in_thread: bool
    never_waits: bool
    validator: SchemaValidator
    serializer: SchemaSerializer
    wraps: bool

    def validated(self, arguments: dict[str, Any], *, strict: bool | None) -> Arguments:
        """Return the validated arguments, positional and by keyword, or raise a `ValidationError`."""
        validated: Arguments = self.validator.validate_python(arguments, strict=strict)
        return validated


def direct_tool(tool: Any) -> DirectTool | str:
    """Return what a direct call of a tool needs, or the reason why it needs FastMCP."""
    reason = tool_reason(tool)
    if reason:
        return reason
    arguments_schema = _arguments_schema(get_cached_typeadapter(tool.fn).core_schema)
    if arguments_schema is None:
        return "pydantic has no separate schema of its arguments"
    is_async = inspect.iscoroutinefunction(tool.fn)
    return DirectTool(
        tool=tool,
        is_async=is_async,
        in_thread=not is_async and tool.run_in_thread,
        never_waits=_never_waits(tool.fn),
        validator=SchemaValidator(arguments_schema),
        serializer=_serializer(tool.return_type),
        wraps=bool((tool.output_schema or {}).get("x-fastmcp-wrap-result")),
    )


def _never_waits(fn: Any) -> bool:
    """Return whether a function's coroutine cannot wait, because nothing in its code does.

    Every `await`, `async for` and `async with` is compiled to ``SEND``.
    """
    if not isinstance(fn, types.FunctionType) or not fn.__code__.co_flags & inspect.CO_COROUTINE:
        return False
    return all(instruction.opname != "SEND" for instruction in dis.get_instructions(fn))


def _arguments_schema(schema: Any) -> Any:
    """Return the part of a function's schema that validates its arguments, None if there is no such part."""
    if schema["type"] == "call":
        return schema["arguments_schema"]
    if schema["type"] == "definitions":
        # Models that are used more than once are defined around the call.
        inner = _arguments_schema(schema["schema"])
        return inner and {**schema, "schema": inner}
    return None


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
