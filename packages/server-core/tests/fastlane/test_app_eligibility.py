"""Apps that need FastMCP for some requests or for all of them, with reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from fastmcp.server.extensions import ServerExtension
from fastmcp.server.middleware import Middleware
from fastmcp.server.providers.local_provider import LocalProvider
from fastmcp.server.transforms import Namespace

from server_core.fastlane.app_eligibility import AppRules
from server_core.fastlane.middleware_reach import HOOKS
from server_core.fastlane.quiet_handshake import allow_quiet_handshakes
from server_core.observability.call_instrumentation import instrument_calls
from server_core.observability.metrics import ServerMetrics


class OnCalls(Middleware):
    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        return await call_next(context)


class OnLists(Middleware):
    async def on_list_tools(self, context: Any, call_next: Any) -> Any:
        return await call_next(context)


class OnInitialize(Middleware):
    async def on_initialize(self, context: Any, call_next: Any) -> Any:
        return await call_next(context)


class OnMessages(Middleware):
    async def on_message(self, context: Any, call_next: Any) -> Any:
        return await call_next(context)


def app(*middleware: Middleware) -> FastMCP[Any]:
    return FastMCP("app", middleware=middleware)


def left_to_fastmcp(rules: AppRules) -> set[str]:
    """Return what needs FastMCP."""
    methods = {method for method in HOOKS if rules.reason(method)}
    reasons = rules.current()
    calls = {"stateless calls"} if reasons.stateless_calls else set()
    assert bool(reasons.calls) == ("tools/call" in methods)
    return methods | calls


EVERYTHING = {*HOOKS, "stateless calls"}
COMPONENTS = {method for method in EVERYTHING if "/list" in method or "call" in method} - {
    "notifications/cancelled"
}


@pytest.mark.parametrize("options", [{}, {"dereference_schemas": False}])
def test_a_plain_app_needs_fastmcp_for_nothing_that_the_lane_knows(options: dict[str, Any]) -> None:
    mcp: FastMCP[Any] = FastMCP("app", **options)
    rules = AppRules(mcp)
    assert left_to_fastmcp(rules) == set()
    instrument_calls(mcp, ServerMetrics(), timeout_s=1)
    allow_quiet_handshakes(mcp._mcp_server)
    assert left_to_fastmcp(rules) == set()
    assert rules.current() is rules.current()
    assert rules.reason("resources/read")


@pytest.mark.parametrize(
    ("middleware", "needed"),
    [
        (OnCalls(), {"tools/call", "stateless calls"}),
        (OnLists(), {"tools/list", "stateless calls"}),
        (OnInitialize(), {"initialize"}),
        (OnMessages(), EVERYTHING),
    ],
)
def test_middleware_is_a_reason_for_what_it_sees(middleware: Middleware, needed: set[str]) -> None:
    rules = AppRules(app(middleware))
    assert left_to_fastmcp(rules) == needed
    reasons = rules.current()
    named = {reasons.reason(method) for method in HOOKS} | {reasons.stateless_calls}
    assert named - {""} == {f"the app has middleware: {type(middleware).__name__}"}


async def serve(*_args: Any, **_kwargs: Any) -> Any:
    return None


class Extension(ServerExtension):
    identifier = "com.example/extension"


CHANGES: list[tuple[Callable[[FastMCP[Any]], object], set[str], str]] = [
    (lambda mcp: mcp.mount(FastMCP("other"), namespace="o"), COMPONENTS, "other providers"),
    (lambda mcp: mcp.add_provider(LocalProvider()), COMPONENTS, "other providers"),
    (lambda mcp: mcp.providers.clear(), COMPONENTS, "other providers"),
    (lambda mcp: setattr(mcp, "_local_provider", LocalProvider()), COMPONENTS, "other providers"),
    (lambda mcp: setattr(mcp.local_provider, "_components", {}), COMPONENTS, "registry"),
    (lambda mcp: mcp.disable(names={"plain"}), COMPONENTS, "transformed or hidden"),
    (lambda mcp: mcp.local_provider.add_transform(Namespace("a")), COMPONENTS, "transformed or hidden"),
    (lambda mcp: setattr(mcp.local_provider, "get_tool", serve), COMPONENTS, "LocalProvider.get_tool"),
    (lambda mcp: setattr(mcp, "auth", StaticTokenVerifier({})), EVERYTHING, "authorizes"),
    (lambda mcp: mcp.add_extension(Extension()), EVERYTHING, "extensions"),
    (lambda mcp: setattr(mcp, "get_tool", serve), EVERYTHING, "FastMCP.get_tool"),
    (lambda mcp: mcp._mcp_server.middleware.append(serve), EVERYTHING, "middleware: function"),
    (lambda mcp: setattr(mcp._mcp_server, "get_capabilities", serve), EVERYTHING, "get_capabilities"),
    (lambda mcp: setattr(mcp, "_mcp_server", FastMCP("other")._mcp_server), EVERYTHING, "low-level server"),
]


@pytest.mark.parametrize(("change", "needed", "reason"), CHANGES)
def test_a_change_is_noticed_at_the_next_request(
    change: Callable[[FastMCP[Any]], object], needed: set[str], reason: str
) -> None:
    mcp = app()
    rules = AppRules(mcp)
    assert left_to_fastmcp(rules) == set()
    change(mcp)
    assert left_to_fastmcp(rules) == needed
    assert reason in rules.current().calls


@pytest.mark.parametrize("method", [method for method in HOOKS if method != "initialize"])
def test_another_handler_is_a_reason_for_its_method(method: str) -> None:
    mcp = app()
    rules = AppRules(mcp)
    rules.current()
    server = mcp._mcp_server
    if method.startswith("notifications/"):
        server._notification_handlers[method] = server._request_handlers["ping"]
    else:
        entry = server._request_handlers[method]
        server.add_request_handler(method, entry.params_type, serve)
    needed = {method} | ({"stateless calls"} if method.startswith("tools/") else set())
    assert left_to_fastmcp(rules) == needed
    assert left_to_fastmcp(AppRules(mcp)) == needed


def test_a_handler_of_another_app_is_a_reason() -> None:
    mcp = app()
    entry = app()._mcp_server._request_handlers["tools/call"]
    mcp._mcp_server._request_handlers["tools/call"] = entry
    assert "another handler" in AppRules(mcp).current().calls


def test_a_handler_that_is_gone_is_a_reason() -> None:
    mcp = app()
    del mcp._mcp_server._request_handlers["tools/list"]
    assert left_to_fastmcp(AppRules(mcp)) == {"tools/list", "stateless calls"}


def test_the_apps_own_lookup_of_header_schemas_is_a_reason_for_stateless_calls() -> None:
    mcp = app()
    rules = AppRules(mcp)
    mcp._mcp_server.get_tool_input_schema = lambda _name: {}
    assert left_to_fastmcp(rules) == {"stateless calls"}


def test_reasons_end_with_what_gave_them() -> None:
    mcp = app()
    rules = AppRules(mcp)
    middleware = OnCalls()
    mcp.add_middleware(middleware)
    assert rules.current().calls
    mcp.middleware.remove(middleware)
    mcp.auth = StaticTokenVerifier({})
    assert rules.current().calls
    mcp.auth = None
    assert left_to_fastmcp(rules) == set()
