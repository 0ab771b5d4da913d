"""Which tools can be called without FastMCP, and why the others cannot.

Everything here errs on the side of FastMCP: a reason that is wrong costs time, a missing one costs an answer.
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

from server_core.tools import PlainTool

_KNOWN_TOOLS = (FunctionTool, PlainTool)
"""Exactly these classes: a subclass may do anything in ``run``."""

_KNOWN_SERVER_MIDDLEWARE = (FastMCPServerMiddleware, RequestStateBoundary)
"""What FastMCP puts around every request; neither changes a plain call."""

_REQUEST_BOUND_MODULES = (
    "fastmcp.server",
    "mcp.server",
    "mcp.shared",
    "docket",
    "starlette",
    "opentelemetry",
)
"""Packages whose functions may ask which request is being served."""

_DEPTH = 3
"""Calls between functions of one module that are followed when looking for such functions."""


def app_reason(mcp: FastMCP[Any]) -> str:
    """Return why no tool of an app can be called directly; empty when nothing speaks against it.

    Cheap enough for each request, so that middleware added to a running app takes effect at once.
    """
    for middleware in mcp.middleware:
        if not _lets_calls_pass(type(middleware)):
            return f"the app has middleware: {type(middleware).__name__}"
    if len(mcp.providers) != 1 or mcp.providers[0] is not mcp.local_provider:
        return "tools come from other providers as well"
    if mcp.transforms or mcp.local_provider.transforms:
        return "tools are transformed or hidden"
    if mcp.auth is not None:
        return "the app authorizes its requests"
    if mcp._extensions:
        return "the app has extensions"
    return ""


_passing: dict[type, bool] = {}


def _lets_calls_pass(kind: type) -> bool:
    """Return whether a kind of middleware has nothing to say about tool calls; FastMCP's default has not."""
    if kind not in _passing:
        hooks = ("__call__", "on_message", "on_request", "on_call_tool", "_dispatch_handler")
        _passing[kind] = all(getattr(kind, hook, None) is getattr(Middleware, hook, None) for hook in hooks)
    return _passing[kind]


def server_reason(mcp: FastMCP[Any]) -> str:
    """Return why requests need FastMCP's low-level server; asked once, when the app starts."""
    unknown = [
        type(each).__name__
        for each in mcp._mcp_server.middleware
        if type(each) not in _KNOWN_SERVER_MIDDLEWARE
    ]
    if unknown:
        return f"the low-level server has middleware: {', '.join(unknown)}"
    return ""


def tool_reason(tool: Any) -> str:
    """Return why a tool cannot be called directly; empty when it can."""
    if type(tool) not in _KNOWN_TOOLS:
        return f"{type(tool).__name__} may run in its own way"
    checks = (
        (tool.auth is not None, "it has an authorization check"),
        (tool.timeout is not None, "it has a timeout of its own"),
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
        return "it is no function that can be looked into"
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        return "it yields its result piece by piece"
    found = next(_request_bound_names(inner, _DEPTH), None)
    return f"it uses {found}, which may ask for the request" if found else ""


def _request_bound_names(fn: types.FunctionType, depth: int) -> Iterator[str]:
    """Yield the names in a function's code that may ask which request is being served.

    A tool need not declare a context to get at it: ``get_context()`` in its body is enough. Names are looked
    up as the function would, in closures, globals and attributes of modules, and functions of the same
    module are looked into.
    """
    closure = {
        name: cell.cell_contents
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True)
        if _is_filled(cell)
    }
    known = {**fn.__globals__, **closure}
    for name in _names(fn.__code__):
        value = known.get(name)
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
