"""Apps whose code, handlers or description replace FastMCP's own, before they serve or while they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mcp_types
import pytest
from app_changes import CHANGES, NoDeletion, loud_call, no_tools, nothing
from app_samples import (
    CALLS,
    EVERYTHING,
    HANDSHAKE,
    LISTS,
    TOKENS,
    ByHeader,
    app,
    shouted,
    texts,
    with_components,
)
from beside_fastmcp import assert_like_fastmcp, outcomes, with_header
from fastmcp import Context, FastMCP
from fastmcp.prompts import Prompt
from fastmcp.server.dependencies import get_http_headers
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware
from fastmcp.server.providers.local_provider import LocalProvider
from fastmcp.tools import FunctionTool, Tool
from in_memory import initialize, request, stateless_call

pytestmark = pytest.mark.anyio


class LoudCalls(FastMCP[Any]):
    async def call_tool(self, *args: Any, **kwargs: Any) -> Any:
        result: Any = await super().call_tool(*args, **kwargs)
        result.content[0].text += "!"
        return result


class FewTools(FastMCP[Any]):
    async def list_tools(self, **options: Any) -> Any:
        return [tool for tool in await super().list_tools(**options) if tool.name == "echo"]


class FewPrompts(FastMCP[Any]):
    async def list_prompts(self, **_options: Any) -> Any:
        return []


class OwnMiddleware(FastMCP[Any]):
    """Gives each caller the middleware that it asks for."""

    @property
    def middleware(self) -> list[Any]:
        return [*self.added, *([ByHeader()] if "x-team" in get_http_headers() else [])]

    @middleware.setter
    def middleware(self, added: list[Any]) -> None:
        self.added = added


class Mixin:
    async def _list_tools(self) -> Any:
        return []


class MixedIn(Mixin, FastMCP[Any]):
    pass


class MoreThanFastMCP(FastMCP[Any]):
    """Adds what FastMCP does not know."""

    flavour = "sweet"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.served = 0

    def taste(self) -> str:
        return self.flavour


@pytest.mark.parametrize(
    ("kind", "lane_calls"),
    [
        *((LoudCalls, 0), (FewTools, 0), (NoDeletion, 0), (FewPrompts, 0), (OwnMiddleware, 0), (MixedIn, 0)),
        (MoreThanFastMCP, 2),
    ],
)
async def test_what_a_subclass_overrides_is_called(kind: type[FastMCP[Any]], lane_calls: int) -> None:
    calls = [with_header(call, "x-team", "corner") for call in (*CALLS, request("tools/list"))]
    await assert_like_fastmcp(
        lambda _notes: with_components(kind("app", version="1")), *HANDSHAKE, *map(request, LISTS), *calls,
        lane_calls=lane_calls,
    )  # fmt: skip


class RefusingSome:
    """A layer of Starlette."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if (b"x-refuse", b"1") not in scope.get("headers", ()):
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})


async def test_an_app_that_changes_its_own_asgi_app_is_served_by_it() -> None:
    class Closed(FastMCP[Any]):
        def http_app(self, *args: Any, **options: Any) -> Any:
            made = super().http_app(*args, **options)
            made.add_middleware(RefusingSome)
            return made

    def make(_notes: list[str]) -> FastMCP[Any]:
        return with_components(Closed("app", version="1"))

    results = await outcomes(make, with_header(CALLS[0], "x-refuse", "1"), CALLS[0], initialize())
    assert results["lane"] == results["immediate calls"] == results["FastMCP"]
    assert results["FastMCP"].answers[0].status == 418


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_the_running_app_takes_effect_at_once(change: str) -> None:
    def make(notes: list[str]) -> FastMCP[Any]:
        mcp = app()
        mcp.notes = notes  # type: ignore[attr-defined]
        return mcp

    again = (*CALLS, *map(request, LISTS), request("ping"), *HANDSHAKE)
    await assert_like_fastmcp(make, *EVERYTHING, CHANGES[change], *again, *again)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_before_the_app_serves_takes_effect(change: str) -> None:
    def make(notes: list[str]) -> FastMCP[Any]:
        mcp = app()
        mcp.notes = notes  # type: ignore[attr-defined]
        return mcp

    await assert_like_fastmcp(make, *EVERYTHING, before_start=CHANGES[change])


PATCHES: Sequence[tuple[type, str, Any]] = (
    (FastMCP, "call_tool", loud_call),
    (FastMCP, "get_tool", nothing),
    (FastMCP, "list_tools", no_tools),
    (LocalProvider, "get_tool", nothing),
    (LocalProvider, "list_tools", no_tools),
    (Middleware, "on_call_tool", lambda _self, context, call_next: shouted(context, call_next)),
    (DereferenceRefsMiddleware, "on_request", lambda _self, context, call_next: shouted(context, call_next)),
    (FunctionTool, "run", loud_call),
    (FastMCP, "list_prompts", no_tools),
    (Middleware, "on_list_resources", lambda _self, _context, _call_next: no_tools()),
    (Prompt, "to_mcp_prompt", lambda _self, **_overrides: mcp_types.Prompt(name="any")),
    (Tool, "to_mcp_tool", lambda _self, **_overrides: mcp_types.Tool(name="any", input_schema={})),
)


@pytest.mark.parametrize(
    ("kind", "name", "replacement"), PATCHES, ids=lambda value: getattr(value, "__name__", value)
)
async def test_code_that_another_package_patches_into_fastmcp_is_called(
    kind: type, name: str, replacement: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def patch(_mcp: FastMCP[Any]) -> None:
        monkeypatch.setattr(kind, name, replacement)

    def make(_notes: list[str]) -> FastMCP[Any]:
        monkeypatch.undo()
        return app()

    lists = tuple(map(request, LISTS))
    await assert_like_fastmcp(make, initialize(), *CALLS, *lists, patch, *CALLS, *lists)


async def hide(name: str, ctx: Context) -> str:
    await ctx.disable_components(names={name})
    return f"{name} is hidden"


async def test_a_tool_that_a_caller_of_the_stateless_wire_hides_is_hidden_from_it_alone() -> None:
    def make(_notes: list[str]) -> FastMCP[Any]:
        mcp = app()
        mcp.tool(hide)
        return mcp

    first, second = (
        [
            with_header(step, "authorization", f"Bearer {token}")
            for step in (CALLS[0], stateless_call("hide", {"name": "echo"}))
        ]
        for token in TOKENS
    )
    answers = await assert_like_fastmcp(
        make, first[0], second[0], first[1], first[0], second[0], auth_tokens=list(TOKENS)
    )
    assert "Unknown tool" in texts(answers[3])
    assert texts(answers[4]) == "a"


async def test_the_name_of_a_server_may_be_set_until_its_first_response() -> None:
    answers = await assert_like_fastmcp(
        lambda _notes: app(),
        *CALLS[:1],
        lambda mcp: setattr(mcp._mcp_server, "version", "3"),
        *CALLS[:1],
        before_start=lambda mcp: setattr(mcp._mcp_server, "version", "2"),
        lane_calls=2,
    )
    assert ['"version": "2"' in answer.body for answer in answers] == [True, True]
