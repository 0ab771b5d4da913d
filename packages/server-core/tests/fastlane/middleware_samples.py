"""Middleware of many kinds, with hooks in every place where one can be."""

from __future__ import annotations

from typing import Any

from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware
from fastmcp.server.middleware.tool_injection import ToolInjectionMiddleware
from fastmcp.tools import Tool
from mcp.shared.exceptions import MCPError


class Refusing(ToolInjectionMiddleware):
    """Replaces the tool that deletes, as in FastMCP's documentation."""

    def __init__(self) -> None:
        async def refused(name: str) -> str:
            return f"{name} is protected"

        super().__init__([Tool.from_function(refused, name="delete")])


class NoStrangers(Middleware):
    async def on_initialize(self, context: Any, call_next: Any) -> Any:
        if context.message.params.client_info.name == "t":
            raise MCPError(code=-32000, message="strangers are refused")
        return await call_next(context)


class Welcoming(Middleware):
    async def on_initialize(self, context: Any, call_next: Any) -> Any:
        result = await call_next(context)
        name = context.message.params.client_info.name
        return result.model_copy(update={"instructions": f"Hello {name}."})


class Noting(Middleware):
    """Notes what a single hook sees."""

    def __init__(self, notes: list[str], hook: str) -> None:
        self._notes = notes

        async def note(context: Any, call_next: Any) -> Any:
            notes.append(f"{hook} {context.method}")
            return await call_next(context)

        setattr(self, hook, note)


HOOKS = (
    *("on_message", "on_request", "on_notification", "on_initialize", "on_call_tool", "on_list_tools"),
    *("on_list_resources", "on_list_resource_templates", "on_list_prompts", "on_read_resource"),
    *("on_get_prompt", "on_discover"),
)


def noting_call(notes: list[str]) -> Any:
    async def note(_context: Any, call_next: Any) -> Any:
        notes.append("seen")
        return await call_next(_context)

    return note


def by_getattribute(notes: list[str]) -> Any:
    class Sly(Middleware):
        def __getattribute__(self, name: str) -> Any:
            return noting_call(notes) if name == "on_call_tool" else super().__getattribute__(name)

    return Sly()


def by_property(notes: list[str]) -> Any:
    class Propertied(Middleware):
        @property
        def on_call_tool(self) -> Any:
            return noting_call(notes)

    return Propertied()


def by_slot(notes: list[str]) -> Any:
    class Slotted(Middleware):
        __slots__ = ("on_call_tool",)

    slotted: Any = Slotted()
    slotted.on_call_tool = noting_call(notes)
    return slotted


def by_call(notes: list[str]) -> Any:
    class Calling(Middleware):
        async def __call__(self, context: Any, call_next: Any) -> Any:
            notes.append(context.method)
            return await call_next(context)

    return Calling()


def by_dispatch(notes: list[str]) -> Any:
    class Dispatching(Middleware):
        async def _dispatch_handler(self, context: Any, call_next: Any, phase: Any = "all") -> Any:
            notes.append(f"{context.method} {phase}")
            return await super()._dispatch_handler(context, call_next, phase)

    return Dispatching()


def by_no_class(notes: list[str]) -> Any:
    """FastMCP calls anything that can be called."""

    async def middleware(context: Any, call_next: Any) -> Any:
        notes.append(context.method)
        return await call_next(context)

    return middleware


def by_subclass_of_the_default(notes: list[str]) -> Any:
    class Dereferencing(DereferenceRefsMiddleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            notes.append("dereferenced")
            return await call_next(context)

    return Dereferencing()


def by_mixin(notes: list[str]) -> Any:
    class Mixin:
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            notes.append("mixed in")
            return await call_next(context)

    class Mixed(Mixin, Middleware):
        pass

    return Mixed()
