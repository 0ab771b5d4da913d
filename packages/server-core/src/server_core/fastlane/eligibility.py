"""Checks for tools that can be called without FastMCP, with reasons for those that cannot.

In doubt the answer is FastMCP: a wrong reason makes a call slower, a missing one makes it wrong.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
import types
from collections.abc import Iterator
from typing import Any

import fastmcp
from fastmcp import FastMCP
from fastmcp.server.low_level import FastMCPServerMiddleware
from fastmcp.server.middleware import Middleware
from fastmcp.tools import FunctionTool
from mcp.server.request_state import RequestStateBoundary
from mcp_types import InputRequiredResult

from server_core.sdk.internals import MIDDLEWARE_CALL_HOOKS, extensions, low_level_server
from server_core.tools import PlainTool

_TOOL_CLASSES = (FunctionTool, PlainTool)
"""These classes only: a subclass may do anything in ``run``."""

_DEFAULT_SERVER_MIDDLEWARE = (FastMCPServerMiddleware, RequestStateBoundary)
"""Middleware that FastMCP puts around every request; neither changes a plain call."""

_REQUEST_BOUND_MODULES = (
    "fastmcp.server",
    "mcp.server",
    "mcp.shared",
    "docket",
    "starlette",
    "opentelemetry",
)
"""Packages whose functions may depend on the request being served."""

_MAX_DEPTH = 3
"""Depth of the search for such functions, in calls between functions of one module."""


def app_reason(mcp: FastMCP[Any]) -> str:
    """Return why no tool of an app can be called directly; empty if there is no reason.

    Cheap enough to be checked on each request, so that middleware added to a running app takes effect
    immediately.
    """
    for middleware in mcp.middleware:
        if not _ignores_calls(type(middleware)):
            return f"the app has middleware: {type(middleware).__name__}"
    if len(mcp.providers) != 1 or mcp.providers[0] is not mcp.local_provider:
        return "tools come from other providers as well"
    if mcp.transforms or mcp.local_provider.transforms:
        return "tools are transformed or hidden"
    if mcp.auth is not None:
        return "the app authorizes its requests"
    if extensions(mcp):
        return "the app has extensions"
    return ""


_ignoring_calls: dict[type, bool] = {}


def _ignores_calls(kind: type) -> bool:
    """Return whether a middleware class leaves tool calls alone, as FastMCP's default middleware does."""
    if kind not in _ignoring_calls:
        _ignoring_calls[kind] = all(
            getattr(kind, hook, None) is getattr(Middleware, hook, None) for hook in MIDDLEWARE_CALL_HOOKS
        )
    return _ignoring_calls[kind]


def server_reason(mcp: FastMCP[Any]) -> str:
    """Return why requests need FastMCP's low-level server; checked once, when the app is created."""
    unknown = [
        type(each).__name__
        for each in low_level_server(mcp).middleware
        if type(each) not in _DEFAULT_SERVER_MIDDLEWARE
    ]
    if unknown:
        return f"the low-level server has middleware: {', '.join(unknown)}"
    return ""


def tool_reason(tool: Any) -> str:
    """Return why a tool cannot be called directly; empty if it can."""
    if type(tool) not in _TOOL_CLASSES:
        return f"its class {type(tool).__name__} may override how it runs"
    checks = (
        (tool.auth is not None, "it has an authorization check"),
        (tool.timeout is not None, "it has its own timeout"),
        (tool.task_config.supports_tasks(), "it can run as a task"),
        (tool.version is not None, "it has versions"),
        ("x-mcp-header" in json.dumps(tool.parameters, default=str), "it declares headers for its arguments"),
    )
    for holds, reason in checks:
        if holds:
            return reason
    return _function_reason(tool.fn)


def _function_reason(fn: Any) -> str:
    from fastmcp.server.dependencies import without_injected_parameters

    if without_injected_parameters(fn) is not fn:
        return "it takes a context or dependencies"
    inner = fn.func if isinstance(fn, functools.partial) else fn
    inner = inspect.unwrap(inner.__func__ if isinstance(inner, types.MethodType) else inner)
    if not isinstance(inner, types.FunctionType):
        return "it is not a function whose code can be examined"
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        return "it yields its result piece by piece"
    name = next(_request_bound_names(inner, _MAX_DEPTH), None)
    return f"it uses {name}, which may depend on the request" if name else ""


def _request_bound_names(fn: types.FunctionType, depth: int) -> Iterator[str]:
    """Yield the names in a function's code that may depend on the request being served.

    A tool can get a context without declaring it: ``get_context()`` in its body is enough. Names are looked
    up as the function would look them up, in closures, globals and attributes of modules, and functions of
    the same module are examined too.
    """
    closure = {
        name: cell.cell_contents
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True)
        if _is_filled(cell)
    }
    scope = {**fn.__globals__, **closure}
    for name in _names(fn.__code__):
        value = scope.get(name)
        if isinstance(value, types.ModuleType):
            values = [
                (f"{name}.{attribute}", getattr(value, attribute, None)) for attribute in _names(fn.__code__)
            ]
        else:
            values = [(name, value)]
        for where, each in values:
            if _is_request_bound(each):
                yield where
            elif (
                depth > 0
                and isinstance(each, types.FunctionType)
                and each.__module__ == fn.__module__
                and each is not fn
            ):
                yield from _request_bound_names(each, depth - 1)


def _is_filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - reading an empty cell raises
    except ValueError:
        return False
    return True


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _is_request_bound(value: object) -> bool:
    if value is InputRequiredResult:
        return True
    if isinstance(value, types.ModuleType):
        return value.__name__.startswith(_REQUEST_BOUND_MODULES) or value is fastmcp
    if isinstance(value, FastMCP):
        return True
    module = getattr(value, "__module__", None)
    defined_in = module if isinstance(module, str) else ""
    return bool(defined_in) and defined_in.startswith(_REQUEST_BOUND_MODULES) and defined_in in sys.modules
