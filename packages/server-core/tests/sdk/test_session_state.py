"""Session state is freed when its session ends, or with the only request that could read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import Context, FastMCP
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from fastmcp.server.sessions import UserSession

from server_core.sdk.internals import session_state_backend

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("fast_lane", [True, False])]

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]


def kept(mcp: FastMCP[Any]) -> list[str]:
    """Return all keys of the store of session state."""
    collections = session_state_backend(mcp)._cache.values()
    return [key for collection in collections for key in collection.keys()]  # noqa: SIM118 - no dict


@pytest.fixture
def mcp() -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("state", version="1")

    @mcp.tool
    async def remember(ctx: Context, key: str) -> str:
        await ctx.set_state(key, "x" * 1000)
        return str(await ctx.get_state(key))[:1]

    @mcp.tool
    async def recall(ctx: Context, key: str) -> str:
        return str(await ctx.get_state(key))[:1]

    return mcp


def text(answer: Any) -> str:
    return str(answer.json()["result"]["content"][0]["text"])


async def test_state_ends_with_its_session(
    make_app: MakeApp, serving: Serving, mcp: FastMCP[Any], *, fast_lane: bool
) -> None:
    app = make_app(mcp, fast_lane=fast_lane)
    async with serving(app) as wires:
        first, second = await wires.open_session(), await wires.open_session()
        for session in (first, first, second):
            for key in ("a", "b"):
                assert text(await wires.call_in_session(session, "remember", {"key": key})) == "x"
        assert len(kept(mcp)) == 4
        await wires.delete(first)
        await app._session_ends.settled()
        assert len(kept(mcp)) == 2
        assert text(await wires.call_in_session(second, "recall", {"key": "a"})) == "x"


async def test_state_of_a_session_that_gave_way_is_freed(
    make_app: MakeApp, serving: Serving, mcp: FastMCP[Any], *, fast_lane: bool
) -> None:
    app = make_app(mcp, max_sessions_per_client=2, fast_lane=fast_lane)
    async with serving(app) as wires:
        for number in range(6):
            session = await wires.open_session()
            await wires.call_in_session(session, "remember", {"key": f"key {number}"})
        await app._session_ends.settled()
        assert len(kept(mcp)) == 2


async def test_state_of_a_request_without_a_session_ends_with_it(
    make_app: MakeApp, serving: Serving, mcp: FastMCP[Any], *, fast_lane: bool
) -> None:
    async with serving(make_app(mcp, fast_lane=fast_lane)) as wires:
        session = await wires.open_session()
        for number in range(5):
            named = {"mcp-session-id": session}
            assert text(await wires.call("remember", {"key": f"{number}"}, **named)) == "x"
        assert kept(mcp) == []


async def test_state_of_a_user_stays(make_app: MakeApp, serving: Serving, *, fast_lane: bool) -> None:
    auth = StaticTokenVerifier({"secret": {"client_id": "reader", "scopes": []}})
    mcp: FastMCP[Any] = FastMCP("state", version="1", auth=auth)

    @mcp.tool
    async def note(session: UserSession, word: str) -> str:
        before = await session.get("word", "none")
        await session.set("word", word)
        return str(before)

    async with serving(make_app(mcp, fast_lane=fast_lane)) as wires:
        wires.http.headers["authorization"] = "Bearer secret"
        answers = [text(await wires.call("note", {"word": word})) for word in ("a", "b", "c")]
        session = await wires.open_session()
        answers.append(text(await wires.call_in_session(session, "note", {"word": "d"})))
        await wires.delete(session)
        answers.append(text(await wires.call("note", {"word": "e"})))
    assert answers == ["none", "a", "b", "c", "d"]
