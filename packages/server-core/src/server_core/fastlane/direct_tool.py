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
    """What a call needs, made once for each tool.

    Attributes:
        tool: The tool as it is registered; another object under its name is another tool.
        is_async: Whether the function is a coroutine function.
        in_thread: Whether it has to run beside the event loop.
        never_waits: Whether its coroutine is done after the first step, whatever happens.
        validator: Validates arguments and nothing else.
        serializer: Makes JSON values of results, as the return type says; None when nothing is known of it.
        wraps: Whether results go into ``{"result": …}``.
    """

    tool: FunctionTool
    is_async: bool
    in_thread: bool
    never_waits: bool
    validator: SchemaValidator
    serializer: SchemaSerializer
    wraps: bool

    def arguments(self, given: dict[str, Any], *, strict: bool | None) -> Arguments:
        """Return the validated arguments, by position and by name.

        Raises:
            pydantic_core.ValidationError: They are wrong.
        """
        validated: Arguments = self.validator.validate_python(given, strict=strict)
        return validated


def direct_tool(tool: Any) -> DirectTool | str:
    """Return what a direct call of a tool needs, or why it needs FastMCP."""
    reason = tool_reason(tool)
    if reason:
        return reason
    arguments_schema = _arguments_schema(get_cached_typeadapter(tool.fn).core_schema)
    if arguments_schema is None:
        return "pydantic has no schema of its arguments by themselves"
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
    """Return the part of a function's schema that validates its arguments, None when it is made otherwise."""
    if schema["type"] == "call":
        return schema["arguments_schema"]
    if schema["type"] == "definitions":
        # Models that come more than once are defined around the call.
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
