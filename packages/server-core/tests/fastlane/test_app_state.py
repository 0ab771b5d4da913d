"""An app's parts, changed one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import FastMCP
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware
from fastmcp.server.providers import Provider
from fastmcp.server.providers.local_provider import LocalProvider
from fastmcp.tools import FunctionTool
from mcp_types import NotificationParams

from server_core.fastlane.app_state import AppState


async def other(*_args: Any, **_kwargs: Any) -> None:
    return None


class Odd:
    def __eq__(self, _other: object) -> bool:
        raise ValueError("cannot be compared")

    __hash__ = None  # type: ignore[assignment]


def remembered() -> tuple[Any, AppState]:
    mcp: FastMCP[Any] = FastMCP("app")
    state = AppState(mcp)
    assert state.has_changed()
    assert state.have_messages_changed()
    state.remember()
    assert not state.has_changed()
    assert not state.have_messages_changed()
    return mcp, state


CHANGES: list[Callable[[Any], object]] = [
    lambda mcp: setattr(mcp, "auth", object()),
    lambda mcp: setattr(mcp, "auth", Odd()),
    lambda mcp: setattr(mcp, "call_tool", other),
    lambda mcp: setattr(mcp, "_mcp_server", object()),
    lambda mcp: setattr(mcp, "_local_provider", LocalProvider()),
    lambda mcp: mcp.providers.append(LocalProvider()),
    lambda mcp: mcp._transforms.append(other),
    lambda mcp: mcp._extensions.update(x=other),
    lambda mcp: mcp._mcp_server.middleware.reverse(),
    lambda mcp: setattr(mcp._mcp_server, "get_tool_input_schema", other),
    lambda mcp: setattr(mcp._mcp_server, "get_capabilities", other),
    lambda mcp: mcp._mcp_server.add_request_handler("tools/call", NotificationParams, other),
    lambda mcp: mcp._mcp_server._request_handlers.pop("tools/list"),
    lambda mcp: mcp.local_provider._transforms.append(other),
    lambda mcp: setattr(mcp.local_provider, "_components", {}),
    lambda mcp: setattr(mcp.local_provider, "list_tools", other),
    lambda mcp: setattr(mcp.local_provider, "__class__", type("Own", (LocalProvider,), {})),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed(change: Callable[[Any], object]) -> None:
    mcp, state = remembered()
    change(mcp)
    assert state.has_changed()
    state.remember()
    assert not state.has_changed() or "tools/list" not in mcp._mcp_server._request_handlers


def test_what_says_nothing_about_calls_is_no_change() -> None:
    mcp, state = remembered()
    mcp.middleware.append(Middleware())
    mcp.notes = []
    mcp.notes.append(1)
    mcp.instructions = "other"
    assert state.has_changed(), "a new attribute may be a method"
    state.remember()
    mcp.notes = [2]
    assert not state.has_changed()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((FastMCP, name) for name in ("call_tool", "get_tool", "list_tools")),
        *((Provider, name) for name in ("get_tool", "list_tools")),
        *((Middleware, name) for name in ("__call__", "on_message", "on_request", "on_call_tool")),
        *((LocalProvider, "get_tool"), (DereferenceRefsMiddleware, "on_call_tool"), (FunctionTool, "run")),
    ],
)
def test_a_patch_is_noticed(kind: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, state = remembered()
    monkeypatch.setattr(kind, name, other)
    assert state.has_changed()


@pytest.mark.parametrize("method", ["ping", "tools/call"])
def test_other_handlers_are_noticed(method: str) -> None:
    mcp, state = remembered()
    mcp._mcp_server.add_request_handler(method, NotificationParams, other)
    assert state.have_messages_changed()
    assert state.has_changed() == (method == "tools/call")


def test_handlers_of_notifications_are_noticed() -> None:
    mcp, state = remembered()
    mcp._mcp_server.add_notification_handler("notifications/initialized", NotificationParams, other)
    assert state.have_messages_changed()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((FastMCP, name) for name in ("list_resources", "list_resource_templates", "list_prompts")),
        *((Middleware, name) for name in ("on_initialize", "on_notification", "on_list_prompts")),
    ],
)
def test_a_patch_that_matters_to_other_messages_is_noticed(
    kind: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, state = remembered()
    monkeypatch.setattr(kind, name, other)
    assert state.have_messages_changed()
