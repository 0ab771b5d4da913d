"""Checks for apps whose requests can be answered without FastMCP, with reasons for those that cannot.

In doubt the answer is FastMCP: a wrong reason makes a request slower, a missing one makes its response wrong.
Which tools of such an app can be called directly is a question of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.prompts import Prompt
from fastmcp.prompts.function_prompt import FunctionPrompt
from fastmcp.resources import FunctionResource, Resource, ResourceTemplate
from fastmcp.resources.template import FunctionResourceTemplate
from fastmcp.server.low_level import FastMCPServerMiddleware, LowLevelServer
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware
from fastmcp.server.providers.local_provider import LocalProvider
from fastmcp.tools import FunctionTool, Tool
from mcp.server.request_state import RequestStateBoundary
from mcp.server.runner import ServerRunner

from server_core.fastlane.app_state import AppState
from server_core.fastlane.listed_components import LISTS
from server_core.fastlane.middleware_reach import HOOKS, is_default, seen_methods
from server_core.fastlane.quiet_handshake import QuietServer
from server_core.fastlane.replaced_code import overridden, patched, replaced_in
from server_core.observability.call_instrumentation import uninstrumented
from server_core.sdk.header_schemas import HeaderSchemas
from server_core.sdk.internals import (
    extensions,
    local_components,
    low_level_server,
    notification_handlers,
    request_handlers,
    tracer_provider,
    transforms,
)

_SERVER_CLASSES: Final = (LowLevelServer, QuietServer)
_SERVER_MIDDLEWARE: Final = (FastMCPServerMiddleware, RequestStateBoundary)
"""FastMCP puts these around every request; neither changes an answer of the lane."""

_LIBRARY_CLASSES: Final = (
    *(FastMCP, LocalProvider, LowLevelServer, ServerRunner, FastMCPServerMiddleware, RequestStateBoundary),
    *(DereferenceRefsMiddleware, Tool, FunctionTool, Resource, FunctionResource, ResourceTemplate),
    *(FunctionResourceTemplate, Prompt, FunctionPrompt),
)
"""Classes whose code the lane stands in for."""

_COMPONENT_METHODS: Final = frozenset({"tools/call", *LISTS})


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why FastMCP has to answer the requests of an app; empty for those that it need not answer.

    Attributes:
        calls: Tool calls in a session.
        stateless_calls: Tool calls on the stateless wire, for which FastMCP lists the tools as well.
        by_method: Reasons by method.
    """

    calls: str = ""
    stateless_calls: str = ""
    by_method: Mapping[str, str] = field(default_factory=dict)

    def reason(self, method: str) -> str:
        """Return why FastMCP has to answer messages of a method."""
        return self.by_method.get(method, "only FastMCP handles it")


class AppRules:
    """Knows what an app's code, middleware and components leave to FastMCP.

    What can be changed while the app serves is compared on each request, so that a change takes effect
    immediately; the app is examined anew only after one.
    """

    def __init__(self, mcp: FastMCP[Any]) -> None:
        self._mcp = mcp
        self._server = low_level_server(mcp)
        self._provider = mcp.local_provider
        self._components = local_components(mcp)
        self._kind: type | None = None
        self._kind_reasons: Reasons | None = None
        self._state = AppState(mcp)
        self._reasons = Reasons()

    def examine_again(self) -> None:
        """Examine the app anew at the next request, for changes that are not compared on each of them."""
        self._kind = None

    def reason(self, method: str) -> str:
        """Return why FastMCP has to answer messages of a method now; empty if it need not."""
        if self._state.have_messages_changed():
            self.examine_again()
        return self.current().reason(method)

    def current(self) -> Reasons:
        """Return the reasons that hold now; for methods other than calls, `reason` is more precise."""
        kind = type(self._mcp)
        if kind is not self._kind:
            self._kind, self._kind_reasons = kind, _reasons_of_class(kind)
            self._state = AppState(self._mcp)
        if self._kind_reasons is not None:
            return self._kind_reasons
        if self._state.has_changed():
            self._reasons = self._examined()
            self._state.remember()
        for middleware in self._mcp.middleware:
            # `is_default`, written out for speed.
            if type(middleware) is not DereferenceRefsMiddleware or middleware.__dict__:
                return self._with_middleware(self._reasons)
        return self._reasons

    def _examined(self) -> Reasons:
        """Return the reasons without those that middleware gives."""
        general = next(self._general_reasons(), "")
        components = general or next(self._component_reasons(), "")
        reasons = {
            method: (components if method in _COMPONENT_METHODS else general) or self._handler_reason(method)
            for method in HOOKS
        }
        calls = reasons["tools/call"]
        return Reasons(calls, calls or reasons["tools/list"] or self._header_reason(), reasons)

    def _general_reasons(self) -> Iterator[str]:
        mcp, server = self._mcp, self._server
        if mcp.auth is not None:
            yield "the app authorizes its requests"
        if extensions(mcp):
            yield "the app has extensions"
        if tracer_provider() is not None:
            yield "OpenTelemetry records the spans of requests"
        if low_level_server(mcp) is not server or type(server) not in _SERVER_CLASSES:
            yield "the low-level server is not FastMCP's own"
        unknown = [type(each).__name__ for each in server.middleware if type(each) not in _SERVER_MIDDLEWARE]
        if unknown:
            yield f"the low-level server has middleware: {', '.join(unknown)}"
        yield from (f"it replaces {name}" for name in replaced_in(mcp, FastMCP))
        yield from (f"it replaces {name}" for name in replaced_in(server, type(server)))
        yield from (f"{name} is patched" for name in patched(_LIBRARY_CLASSES))

    def _component_reasons(self) -> Iterator[str]:
        mcp, provider = self._mcp, self._provider
        is_only = len(mcp.providers) == 1 and mcp.providers[0] is provider
        if not is_only or mcp.local_provider is not provider:
            yield "tools come from other providers as well"
        if local_components(mcp) is not self._components:
            yield "the registry of tools has been replaced"
        if transforms(mcp) or transforms(provider):
            yield "tools are transformed or hidden"
        yield from (f"it replaces {name}" for name in replaced_in(provider, LocalProvider))

    def _handler_reason(self, method: str) -> str:
        """Return why the handler of a method is not the one that the lane stands in for."""
        if method == "initialize":
            return ""  # the SDK allows no other handler
        if method.startswith("notifications/"):
            return "the app handles it itself" if method in notification_handlers(self._server) else ""
        entry = request_handlers(self._server).get(method)
        if entry is None:
            return "the app does not handle it"
        handler = uninstrumented(entry.handler)
        owner = getattr(handler, "__self__", self._mcp)
        code = getattr(handler, "__func__", handler)
        module = getattr(code, "__globals__", {}).get("__name__", "")
        is_own = owner is self._mcp and module.partition(".")[0] in ("fastmcp", "mcp")
        return "" if is_own else f"the low-level server has another handler for {method}"

    def _header_reason(self) -> str:
        """Return why the check of headers against arguments may refuse a call of a tool without headers."""
        lookup = self._server.get_tool_input_schema
        is_own = lookup is None or isinstance(getattr(lookup, "__self__", None), HeaderSchemas)
        return "" if is_own else "the low-level server has another lookup of header schemas"

    def _with_middleware(self, reasons: Reasons) -> Reasons:
        """Return the reasons together with those that the app's middleware gives."""
        by_method = dict(reasons.by_method)
        for middleware in self._mcp.middleware:
            if not is_default(middleware):
                for method in seen_methods(middleware):
                    by_method[method] = (
                        by_method[method] or f"the app has middleware: {type(middleware).__name__}"
                    )
        calls = by_method["tools/call"]
        return Reasons(calls, calls or reasons.stateless_calls or by_method["tools/list"], by_method)


def _reasons_of_class(kind: type[FastMCP[Any]]) -> Reasons | None:
    """Return the reasons of an app whose class overrides code of FastMCP, None if it does not.

    The attributes of such an app may be properties, and are not for requests that FastMCP does not serve.
    """
    name = next(overridden(kind, FastMCP), "")
    if not name:
        return None
    reason = f"it replaces {name}"
    return Reasons(reason, reason, dict.fromkeys(HOOKS, reason))
