"""Changes of an app, before it serves or while it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mcp_types
from app_samples import delete, echo
from fastmcp import FastMCP
from fastmcp.prompts import Prompt
from fastmcp.resources import Resource
from fastmcp.server.providers.local_provider import LocalProvider
from fastmcp.server.transforms import Namespace
from fastmcp.tools import Tool
from mcp.shared.exceptions import MCPError

from server_core.sdk.internals import local_components


class NoDeletion(FastMCP[Any]):
    async def get_tool(self, name: str, version: Any = None) -> Any:
        return None if name == "echo" else await super().get_tool(name, version)


async def loud_call(*_args: Any, **_kwargs: Any) -> Any:
    raise MCPError(code=-32000, message="closed today")


async def nothing(*_args: Any, **_kwargs: Any) -> Any:
    return None


async def no_tools(*_args: Any, **_kwargs: Any) -> Any:
    return []


def replace_handler(mcp: FastMCP[Any], method: str, result: Any) -> None:
    server = mcp._mcp_server
    entry = server.get_request_handler(method)
    assert entry is not None

    async def handle(_context: Any, _params: Any) -> Any:
        return result

    server.add_request_handler(method, entry.params_type, handle)


def add_notification_handler(mcp: FastMCP[Any]) -> None:
    async def handle(_context: Any, _params: Any) -> None:
        mcp.notes.append("initialized")  # type: ignore[attr-defined]

    mcp._mcp_server.add_notification_handler(
        "notifications/initialized", mcp_types.NotificationParams, handle
    )


def add_server_middleware(mcp: FastMCP[Any]) -> None:
    async def middleware(context: Any, call_next: Any) -> Any:
        mcp.notes.append(context.method)  # type: ignore[attr-defined]
        return await call_next(context)

    server: Any = mcp._mcp_server
    server.middleware.insert(0, middleware)


def mount(mcp: FastMCP[Any]) -> None:
    child: FastMCP[Any] = FastMCP("child")
    child.tool(echo, name="inner")
    mcp.mount(child)


def provide(mcp: FastMCP[Any]) -> None:
    provider = LocalProvider()
    provider.tool(echo, name="provided")
    mcp.add_provider(provider)


def replace(mcp: FastMCP[Any]) -> None:
    mcp.local_provider.remove_tool("echo")
    mcp.tool(delete, name="echo")


def echo_tool(mcp: FastMCP[Any]) -> Tool:
    tool = local_components(mcp)["tool:echo@"]
    assert isinstance(tool, Tool)
    return tool


def component(mcp: FastMCP[Any], kind: type) -> Any:
    return next(each for each in local_components(mcp).values() if isinstance(each, kind))


def _removed(mcp: FastMCP[Any], name: str) -> Tool:
    tool = local_components(mcp)[f"tool:{name}@"]
    assert isinstance(tool, Tool)
    mcp.local_provider.remove_tool(name)
    return tool


CHANGES: dict[str, Callable[[FastMCP[Any]], object]] = {
    "call_tool": lambda mcp: setattr(mcp, "call_tool", loud_call),
    "get_tool": lambda mcp: setattr(mcp, "get_tool", nothing),
    "list_tools": lambda mcp: setattr(mcp, "list_tools", no_tools),
    "list_prompts": lambda mcp: setattr(mcp, "list_prompts", no_tools),
    "get_tool of the provider": lambda mcp: setattr(mcp.local_provider, "get_tool", nothing),
    "list_tools of the provider": lambda mcp: setattr(mcp.local_provider, "list_tools", no_tools),
    "registry": lambda mcp: setattr(mcp.local_provider, "_components", {}),
    "tools/call handler": lambda mcp: replace_handler(
        mcp, "tools/call", mcp_types.CallToolResult(content=[mcp_types.TextContent(type="text", text="x")])
    ),
    "tools/list handler": lambda mcp: replace_handler(mcp, "tools/list", mcp_types.ListToolsResult(tools=[])),
    "ping handler": lambda mcp: replace_handler(mcp, "ping", {"pong": 1}),
    "notification handler": add_notification_handler,
    "server middleware": add_server_middleware,
    "capabilities": lambda mcp: setattr(
        mcp._mcp_server, "get_capabilities", lambda *_args, **_kwargs: mcp_types.ServerCapabilities()
    ),
    "mounted": mount,
    "provided": provide,
    "transformed": lambda mcp: mcp.add_transform(Namespace("api")),
    "provider transformed": lambda mcp: mcp.local_provider.add_transform(Namespace("local")),
    "hidden by name": lambda mcp: mcp.disable(names={"echo"}),
    "hidden by tag": lambda mcp: mcp.disable(components={"prompt"}),
    "removed": lambda mcp: mcp.local_provider.remove_tool("echo"),
    "replaced": replace,
    "class": lambda mcp: setattr(mcp, "__class__", NoDeletion),
    "header schemas": lambda mcp: setattr(
        mcp._mcp_server,
        "get_tool_input_schema",
        lambda _name: {"type": "object", "properties": {"text": {"type": "string", "x-mcp-header": "Text"}}},
    ),
    "completions": lambda mcp: mcp.completion(nothing),
    "experimental": lambda mcp: mcp.experimental_capabilities.update({"x": {"y": 1}}),
    "instructions": lambda mcp: setattr(mcp, "instructions", "Be long."),
    "icons": lambda mcp: setattr(mcp._mcp_server, "icons", [mcp_types.Icon(src="data:,")]),
    "title": lambda mcp: setattr(mcp._mcp_server, "title", "The app"),
    "notification options": lambda mcp: setattr(mcp._mcp_server.notification_options, "tools_changed", False),
    "pages": lambda mcp: setattr(mcp, "_list_page_size", 1),
}


IN_PLACE: dict[str, Callable[[FastMCP[Any]], object]] = {
    "description": lambda mcp: setattr(echo_tool(mcp), "description", "changed"),
    "title": lambda mcp: setattr(echo_tool(mcp), "title", "Changed"),
    "parameters": lambda mcp: echo_tool(mcp).parameters["properties"]["text"].update(description="changed"),
    "output schema": lambda mcp: echo_tool(mcp).output_schema.update(description="changed"),  # type: ignore[union-attr]
    "tags": lambda mcp: echo_tool(mcp).tags.add("changed"),
    "meta": lambda mcp: setattr(echo_tool(mcp), "meta", {"a": {"b": ["changed"]}}),
    "icons": lambda mcp: setattr(echo_tool(mcp), "icons", [mcp_types.Icon(src="data:,x")]),
    "annotations": lambda mcp: setattr(
        echo_tool(mcp), "annotations", mcp_types.ToolAnnotations(read_only_hint=True)
    ),
    "auth": lambda mcp: setattr(echo_tool(mcp), "auth", lambda _context: False),
    "resource": lambda mcp: setattr(component(mcp, Resource), "mime_type", "text/changed"),
    "resource auth": lambda mcp: setattr(component(mcp, Resource), "auth", lambda _context: False),
    "prompt": lambda mcp: setattr(component(mcp, Prompt).arguments[0], "description", "changed"),
    "hidden": lambda mcp: setattr(echo_tool(mcp), "meta", {"fastmcp": {"_internal": {"visibility": False}}}),
    "wrong meta": lambda mcp: setattr(echo_tool(mcp), "meta", {"fastmcp": 7}),
    "meta without JSON": lambda mcp: setattr(echo_tool(mcp), "meta", {"a": object()}),
    "order": lambda mcp: mcp.add_tool(_removed(mcp, "echo")),
}
