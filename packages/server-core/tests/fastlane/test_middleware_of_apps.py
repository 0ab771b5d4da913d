"""Apps with middleware: whatever a hook sees without the lane, it sees with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from app_samples import CALLS, EVERYTHING, HANDSHAKE, ByHeader, Make, app, listed, shouted, texts
from beside_fastmcp import assert_like_fastmcp, outcomes, with_header
from fastmcp import Context, FastMCP
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.tool_injection import ToolInjectionMiddleware
from fastmcp.tools import Tool
from in_memory import initialize, notification, request, session_call, stateless_call
from middleware_samples import (
    HOOKS,
    NoStrangers,
    Noting,
    Refusing,
    Welcoming,
    by_call,
    by_dispatch,
    by_getattribute,
    by_mixin,
    by_no_class,
    by_property,
    by_slot,
    by_subclass_of_the_default,
)

pytestmark = pytest.mark.anyio


async def test_a_plain_app_is_on_the_lane() -> None:
    await assert_like_fastmcp(lambda _notes: app(), *EVERYTHING, *CALLS, lane_calls=4)


@pytest.mark.parametrize("call", [stateless_call, session_call])
async def test_an_injected_tool_runs_in_place_of_the_registered_one(call: Any) -> None:
    answers = await assert_like_fastmcp(
        lambda _notes: app(Refusing()), *HANDSHAKE, request("tools/list"), call("delete", {"name": "x"})
    )
    assert texts(answers[-1]) == "x is protected"


async def test_an_injected_tool_is_listed_and_called() -> None:
    class Injecting(ToolInjectionMiddleware):
        pass

    async def extra() -> str:
        return "more"

    injecting = Injecting([Tool.from_function(extra)])
    answers = await assert_like_fastmcp(
        lambda _notes: app(injecting), *EVERYTHING, session_call("extra", {}), stateless_call("extra", {})
    )
    assert "extra" in listed(answers[3])


async def test_a_client_that_middleware_refuses_is_refused() -> None:
    answers = await assert_like_fastmcp(lambda _notes: app(NoStrangers()), initialize())
    assert "strangers are refused" in answers[0].body


async def test_middleware_that_changes_the_handshake_does() -> None:
    answers = await assert_like_fastmcp(lambda _notes: app(Welcoming()), *EVERYTHING)
    assert "Hello t." in answers[0].body


async def test_a_list_that_depends_on_a_header_is_made_for_each_request() -> None:
    listing = request("tools/list")
    answers = await assert_like_fastmcp(
        lambda _notes: app(ByHeader()),
        initialize(),
        with_header(listing, "x-team", "echo"),
        with_header(listing, "x-team", "delete corner"),
        listing,
    )
    assert [listed(answer) for answer in answers[1:]] == [["echo"], ["delete", "corner"], []]


@pytest.mark.parametrize("hook", HOOKS)
async def test_a_hook_sees_what_it_sees_without_the_lane(hook: str) -> None:
    """Hooks that are set on an object count as well as those of its class."""
    read = request("resources/read", {"uri": "data://one"})
    steps = (*EVERYTHING, read, notification("notifications/cancelled", {"requestId": 9}))
    await assert_like_fastmcp(lambda notes: app(Noting(notes, hook)), *steps)


async def test_middleware_that_sees_none_of_it_leaves_calls_on_the_lane() -> None:
    make: Make = lambda notes: app(Noting(notes, "on_read_resource"))  # noqa: E731 - named for its type
    await assert_like_fastmcp(make, *EVERYTHING, lane_calls=2)


async def test_calls_in_a_session_do_not_list_tools_and_stateless_ones_do() -> None:
    results = await outcomes(lambda notes: app(Noting(notes, "on_list_tools")), initialize(), *CALLS)
    assert results["lane"] == results["immediate calls"] == results["FastMCP"]
    assert results["FastMCP"].notes == ["on_list_tools tools/list"]
    assert results["lane"].lane_calls == 1


@pytest.mark.parametrize(
    "make",
    [
        *(by_getattribute, by_property, by_slot, by_call, by_dispatch, by_no_class),
        *(by_subclass_of_the_default, by_mixin),
    ],
)
async def test_hooks_are_called_wherever_they_come_from(make: Callable[[list[str]], Any]) -> None:
    results = await outcomes(lambda notes: app(make(notes)), *EVERYTHING)
    assert results["lane"] == results["immediate calls"] == results["FastMCP"]
    assert results["FastMCP"].notes


class Idle(Middleware):
    """Does nothing, yet."""


def shout_in_class(mcp: FastMCP[Any]) -> None:
    async def on_call_tool(_self: Any, context: Any, call_next: Any) -> Any:
        return await shouted(context, call_next)

    kind: Any = type(mcp.middleware[0])
    kind.on_call_tool = on_call_tool


async def test_a_hook_that_is_set_later_is_called_from_then_on() -> None:
    def make(_notes: list[str]) -> FastMCP[Any]:
        class Changing(Idle):
            pass

        return app(Changing())

    answers = await assert_like_fastmcp(make, initialize(), *CALLS, shout_in_class, *CALLS)
    assert [texts(answer) for answer in answers[1:]] == ["a", "b", "a!", "b!"]


@pytest.mark.parametrize(
    "change",
    [
        lambda mcp: setattr(mcp.middleware[0], "on_call_tool", shouted),
        lambda mcp: mcp.middleware.clear(),
        lambda mcp: setattr(mcp, "middleware", []),
        lambda mcp: mcp.middleware.insert(0, Welcoming()),
        lambda mcp: mcp.add_middleware(ByHeader()),
    ],
    ids=["hook of the default", "cleared", "replaced", "inserted", "added"],
)
async def test_the_apps_middleware_may_change(change: Callable[[FastMCP[Any]], object]) -> None:
    calls = (*CALLS, request("tools/list"), initialize())
    await assert_like_fastmcp(lambda _notes: app(), *EVERYTHING, change, *calls, *calls)


async def test_default_middleware_that_is_removed_dereferences_no_longer() -> None:
    answers = await assert_like_fastmcp(
        lambda _notes: app(),
        initialize(),
        request("tools/list"),
        lambda mcp: mcp.middleware.clear(),
        request("tools/list"),
    )
    assert ["$ref" in answer.body for answer in answers[1:]] == [False, True]


async def test_middleware_that_is_added_never_sees_a_handshake_from_before() -> None:
    """A session that becomes an SDK session later is not refused for that."""

    async def with_context(text: str, ctx: Context) -> str:
        return f"{text} {ctx.client_info.name}" if hasattr(ctx, "client_info") else text

    def make(notes: list[str]) -> FastMCP[Any]:
        mcp = app()
        mcp.tool(with_context)
        mcp.notes = notes  # type: ignore[attr-defined]
        return mcp

    def add(mcp: FastMCP[Any]) -> None:
        for middleware in (NoStrangers(), *(Noting(mcp.notes, hook) for hook in HOOKS)):  # type: ignore[attr-defined]
            mcp.add_middleware(middleware)

    answers = await assert_like_fastmcp(
        make,
        *HANDSHAKE,
        add,
        session_call("with_context", {"text": "hi"}),
        *CALLS,
        request("ping"),
        initialize(),
    )
    assert texts(answers[3]).startswith("hi")
    assert "strangers are refused" in answers[-1].body
