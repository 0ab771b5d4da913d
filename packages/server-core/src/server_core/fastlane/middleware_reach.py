"""The messages that a FastMCP middleware sees, from the hooks that it overrides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware
from fastmcp.server.middleware.tool_injection import ToolInjectionMiddleware

from server_core.fastlane.replaced_code import class_attribute, instance_attributes
from server_core.sdk.internals import MIDDLEWARE_DISPATCH

HOOKS: Final[Mapping[str, frozenset[str]]] = {
    "initialize": frozenset({"on_request", "on_initialize"}),
    "ping": frozenset({"on_request"}),
    "logging/setLevel": frozenset({"on_request"}),
    "notifications/initialized": frozenset({"on_notification"}),
    "notifications/cancelled": frozenset({"on_notification"}),
    "tools/call": frozenset({"on_request", "on_call_tool"}),
    "tools/list": frozenset({"on_request", "on_list_tools"}),
    "resources/list": frozenset({"on_request", "on_list_resources"}),
    "resources/templates/list": frozenset({"on_request", "on_list_resource_templates"}),
    "prompts/list": frozenset({"on_request", "on_list_prompts"}),
}
"""Hooks that FastMCP calls for the messages that the lane answers, besides `on_message`."""

_EVERY_METHOD: Final = frozenset(HOOKS)
_CHANGES_LOOKUPS: Final = frozenset({"__getattribute__", "__getattr__", "__class__"})
"""A class with one of these may give another hook on each lookup."""

_SEES_EVERYTHING: Final = _CHANGES_LOOKUPS.union(MIDDLEWARE_DISPATCH, ["on_message"])
_ORIGINALS: Final = {
    name: class_attribute(Middleware, name) for name in _SEES_EVERYTHING.union(*HOOKS.values())
}
_TOOL_METHODS: Final = frozenset({"tools/call", "tools/list"})


def is_default(middleware: Any) -> bool:
    """Return whether a middleware is FastMCP's default one, which only dereferences listed schemas."""
    return type(middleware) is DereferenceRefsMiddleware and not middleware.__dict__


def seen_methods(middleware: Any) -> frozenset[str]:
    """Return the methods of `HOOKS` on whose messages a middleware may have an effect; in doubt all."""
    kind = type(middleware)
    if not issubclass(kind, Middleware):
        return _EVERY_METHOD
    own = instance_attributes(middleware)
    hooks = {
        name
        for name, original in _ORIGINALS.items()
        if name in own or class_attribute(kind, name) is not original
    }
    if not hooks.isdisjoint(_SEES_EVERYTHING):
        return _EVERY_METHOD
    seen = {method for method, called in HOOKS.items() if not hooks.isdisjoint(called)}
    if issubclass(kind, ToolInjectionMiddleware):
        seen |= _TOOL_METHODS  # FastMCP asks it for tools without calling a hook
    return frozenset(seen)
