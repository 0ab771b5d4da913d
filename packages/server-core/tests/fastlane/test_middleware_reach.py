"""A middleware sees messages through hooks in its class, in the object, or behind a changed lookup."""

from __future__ import annotations

from typing import Any

import pytest
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware
from fastmcp.server.middleware.logging import LoggingMiddleware
from fastmcp.server.middleware.rate_limiting import RateLimitingMiddleware
from fastmcp.server.middleware.timing import TimingMiddleware
from fastmcp.server.middleware.tool_injection import ToolInjectionMiddleware

from server_core.fastlane.middleware_reach import HOOKS, is_default, seen_methods

NOTIFICATIONS = {method for method in HOOKS if method.startswith("notifications/")}


async def hook(_self: Any, context: Any, call_next: Any) -> Any:
    return await call_next(context)


def with_hook(name: str) -> Any:
    return type("WithHook", (Middleware,), {name: hook})()


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        *((name, set(HOOKS)) for name in ("__call__", "_dispatch_handler", "on_message", "__getattr__")),
        ("on_request", set(HOOKS) - NOTIFICATIONS),
        ("on_notification", NOTIFICATIONS),
        ("on_initialize", {"initialize"}),
        ("on_call_tool", {"tools/call"}),
        ("on_list_tools", {"tools/list"}),
        ("on_list_resources", {"resources/list"}),
        ("on_list_resource_templates", {"resources/templates/list"}),
        ("on_list_prompts", {"prompts/list"}),
        *((name, set()) for name in ("on_read_resource", "on_get_prompt", "on_discover", "helper")),
    ],
)
def test_a_hook_sees_its_messages(name: str, seen: set[str]) -> None:
    assert seen_methods(with_hook(name)) == seen


class Looking(Middleware):
    def __getattribute__(self, name: str) -> Any:
        return super().__getattribute__(name)


class Pretending(Middleware):
    __class__ = property(lambda _self: ToolInjectionMiddleware)


@pytest.mark.parametrize("middleware", [Looking(), Pretending(), hook])
def test_what_changes_lookups_or_is_no_middleware_sees_everything(middleware: Any) -> None:
    assert seen_methods(middleware) == set(HOOKS)


def test_a_hook_of_the_object_counts_and_one_of_its_base_does_too() -> None:
    middleware = Middleware()
    assert seen_methods(middleware) == set()
    middleware.on_call_tool = hook  # type: ignore[method-assign, assignment]
    assert seen_methods(middleware) == {"tools/call"}
    inheriting = type("Inheriting", (type(with_hook("on_call_tool")),), {})()
    assert seen_methods(inheriting) == {"tools/call"}


def test_injected_tools_need_no_hook() -> None:
    assert seen_methods(ToolInjectionMiddleware([])) == {"tools/call", "tools/list"}


@pytest.mark.parametrize(
    "middleware",
    [LoggingMiddleware(), TimingMiddleware(), RateLimitingMiddleware(), ResponseCachingMiddleware()],
    ids=lambda value: type(value).__name__,
)
def test_fastmcps_other_middleware_sees_calls(middleware: Any) -> None:
    assert "tools/call" in seen_methods(middleware)


def test_only_the_default_itself_may_be_passed_by() -> None:
    default = DereferenceRefsMiddleware()
    assert is_default(default)
    default.on_call_tool = hook  # type: ignore[method-assign, assignment]
    assert not is_default(default)
    assert not is_default(type("Dereferencing", (DereferenceRefsMiddleware,), {})())
    assert not is_default(Middleware())


@pytest.mark.parametrize("name", sorted(frozenset({"on_message"}).union(*HOOKS.values())))
def test_fastmcps_middleware_still_has_each_hook(name: str) -> None:
    assert name in vars(Middleware), f"FastMCP's Middleware no longer has {name}, which the lane looks for"
