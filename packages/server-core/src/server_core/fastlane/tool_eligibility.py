"""Checks for tools that can be called without FastMCP, with reasons for those that cannot.

In doubt the answer is FastMCP: a wrong reason makes a call slower, a missing one makes it wrong.
"""

from __future__ import annotations

import functools
import inspect
import json
import logging
import types
from collections.abc import AsyncIterable, Iterator, Mapping
from typing import Annotated, Any, Final, Union, get_args, get_origin

from fastmcp.server.dependencies import without_injected_parameters
from fastmcp.server.transforms.visibility import is_enabled
from fastmcp.tools import FunctionTool
from fastmcp.utilities.types import get_cached_typeadapter
from pydantic.errors import PydanticSchemaGenerationError

from server_core.fastlane.innocent_modules import defining_module, loaded_modules
from server_core.fastlane.reachable_code import Reach, reach
from server_core.tools import PlainTool

_TOOL_CLASSES: Final = (FunctionTool, PlainTool)
"""These classes only: a subclass may do anything in ``run``."""

_FUNCTION_KEYS: Final = frozenset({"default_factory", "discriminator", "function"})
"""Keys of pydantic's core schemas under which validation finds functions to call."""

_UNCALLED_KEYS: Final = frozenset({"cls", "metadata", "serialization"})

_logger = logging.getLogger(__name__)


def tool_reason(tool: Any) -> str:
    """Return why a tool cannot be called directly; empty if it can."""
    return declared_reason(tool) or tool_reach(tool).reason


def declared_reason(tool: Any) -> str:
    """Return why a tool's class, options or signature need FastMCP; empty if they do not."""
    if type(tool) not in _TOOL_CLASSES:
        return f"its class {type(tool).__name__} may override how it runs"
    checks = (
        (tool.auth is not None, "it has an authorization check"),
        (tool.timeout is not None, "it has its own timeout"),
        (tool.task_config.supports_tasks(), "it can run as a task"),
        (tool.version is not None, "it has versions"),
        (not is_visible(tool), "it is hidden"),
        ("x-mcp-header" in json.dumps(tool.parameters, default=str), "it declares headers for its arguments"),
        (not tool.__dict__.keys() <= type(tool).model_fields.keys(), "its methods have been replaced"),
        # Equal, not identical: FastMCP remembers the first of several equal bound methods.
        (without_injected_parameters(tool.fn) != tool.fn, "it takes a context or dependencies"),
        (_is_generator_function(tool.fn), "it yields its result piece by piece"),
    )
    for holds, reason in checks:
        if holds:
            return reason
    schema = arguments_schema(tool)
    if schema is None:
        return "pydantic has no separate schema of its arguments"
    if type(tool) is not PlainTool:
        for function in own_validators(schema):
            # If it fails, it would run a second time for FastMCP's error message.
            return f"its arguments are validated by {function}"
    return ""


def is_visible(tool: Any) -> bool:
    """Return whether FastMCP finds a tool; False if the mark in its meta cannot be read."""
    try:
        return bool(is_enabled(tool))
    except Exception:  # noqa: BLE001 - its meta may be anything
        return False


def tool_reach(tool: FunctionTool) -> Reach:
    """Return what a tool's function can reach; a `PlainTool` is its author's promise that it is plain."""
    adapter = get_cached_typeadapter(tool.fn)
    reached = reach([tool.fn, adapter.core_schema, tool.return_type, result_schema(tool.return_type)])
    if reached.reason and type(tool) is PlainTool:
        _logger.info("tool %r is trusted to be plain, although %s", tool.name, reached.reason)
        # The search ended before it could know, but the annotation may.
        return Reach("", makes_async_generators=_may_be_async_generator(tool.return_type))
    return reached


def _may_be_async_generator(return_type: Any) -> bool:
    kind = get_origin(return_type) or return_type
    if kind is Annotated:
        return _may_be_async_generator(return_type.__origin__)
    if kind in (Union, types.UnionType):
        return any(map(_may_be_async_generator, get_args(return_type)))
    if not isinstance(kind, type) or kind in (Any, object, inspect.Signature.empty):
        return return_type is not None
    return issubclass(kind, AsyncIterable)


def arguments_schema(tool: FunctionTool) -> Any:
    """Return the core schema of a tool's arguments; None if pydantic has no separate one."""
    return _arguments_schema(get_cached_typeadapter(tool.fn).core_schema)


def _arguments_schema(schema: Any) -> Any:
    if schema["type"] == "call":
        return schema["arguments_schema"]
    if schema["type"] == "definitions":
        # Models that are used more than once are defined around the call.
        inner = _arguments_schema(schema["schema"])
        return inner and {**schema, "schema": inner}
    return None


def result_schema(return_type: Any) -> Any:
    """Return the core schema by which FastMCP writes results of a type; None if it writes any value."""
    if return_type in (inspect.Signature.empty, None, Any, ...) or isinstance(return_type, str):
        return None
    try:
        return get_cached_typeadapter(return_type).core_schema
    except PydanticSchemaGenerationError:
        return None


def _is_generator_function(fn: Any) -> bool:
    inner = inspect.unwrap(_underlying(fn))
    return any(map(inspect.isgeneratorfunction, (fn, inner))) or any(
        map(inspect.isasyncgenfunction, (fn, inner))
    )


def _underlying(fn: Any) -> Any:
    """Return the function within methods and partial objects."""
    while isinstance(fn, types.MethodType | classmethod | functools.partial):
        fn = fn.func if isinstance(fn, functools.partial) else fn.__func__
    return fn


def own_validators(schema: Any) -> Iterator[str]:
    """Yield the names of functions called during validation that are neither pydantic's nor Python's."""
    modules = loaded_modules()
    for function in map(_underlying, _called_by(schema)):
        if not modules.is_innocent(defining_module(function)):
            yield str(getattr(function, "__qualname__", type(function).__qualname__))


def _called_by(schema: Any) -> Iterator[Any]:
    """Yield what pydantic calls when it validates with a core schema."""
    if isinstance(schema, list | tuple):
        for each in schema:
            yield from _called_by(each)
    elif isinstance(schema, Mapping):
        if schema.get("type") == "enum":
            yield inspect.getattr_static(schema["cls"], "_missing_")  # called, but not named in the schema
        for key, value in schema.items():
            if key in _FUNCTION_KEYS:
                function = value["function"] if isinstance(value, Mapping) else value
                if callable(function):
                    yield function
            elif key == "custom_init" and value:
                yield schema["cls"].__init__
            elif key == "post_init" and value:
                yield getattr(schema["cls"], value if isinstance(value, str) else "__post_init__")
            elif key not in _UNCALLED_KEYS:
                yield from _called_by(value)
