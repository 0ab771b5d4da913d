"""Apps are told which sessions have ended, of either kind and for whatever reason."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import Context, FastMCP

from server_core import on_session_end, session_client

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("fast_lane", [True, False])]

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]


class Ends:
    """The ids of ended sessions."""

    def __init__(self, mcp: FastMCP[Any]) -> None:
        self.ids: list[str] = []
        self._told = asyncio.Event()
        on_session_end(mcp, self._note)

    async def _note(self, session_id: str) -> None:
        self.ids.append(session_id)
        self._told.set()

    async def first(self, count: int) -> list[str]:
        async with asyncio.timeout(30):
            while len(self.ids) < count:
                self._told.clear()
                await self._told.wait()
        return self.ids[:count]


@pytest.fixture
def mcp() -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("app")

    @mcp.tool
    async def with_context(ctx: Context) -> str:
        return ctx.session_id

    return mcp


async def test_a_closed_session_has_ended(
    make_app: MakeApp, serving: Serving, mcp: FastMCP[Any], *, fast_lane: bool
) -> None:
    ends = Ends(mcp)
    async with serving(make_app(mcp, fast_lane=fast_lane)) as wires:
        plain, promoted, kept = [await wires.open_session() for _ in range(3)]
        for session in (promoted, kept):
            answer = await wires.call_in_session(session, "with_context", {})
            assert answer.json()["result"]["content"][0]["text"] == session
        await wires.delete(promoted)
        await wires.delete(plain)
        await wires.delete("unknown")
        assert await ends.first(2) == [promoted, plain]
    assert ends.ids == [promoted, plain], "the end of the server tells nothing"


async def test_an_expired_session_has_ended(
    make_app: MakeApp, serving: Serving, mcp: FastMCP[Any], *, fast_lane: bool
) -> None:
    ends = Ends(mcp)
    app = make_app(mcp, session_idle_timeout_s=0.05, fast_lane=fast_lane)
    async with serving(app) as wires:
        session = (await wires.initialize()).headers["mcp-session-id"]
        async with asyncio.timeout(30):
            while app.sessions_open():
                await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        assert await ends.first(1) == [session]


async def test_a_session_that_gave_way_has_ended(
    make_app: MakeApp, serving: Serving, mcp: FastMCP[Any], *, fast_lane: bool
) -> None:
    ends = Ends(mcp)
    async with serving(make_app(mcp, max_sessions_per_client=1, fast_lane=fast_lane)) as wires:
        first = await wires.open_session()
        await wires.open_session()
        assert await ends.first(1) == [first]


async def test_an_app_that_fails_is_logged_and_harms_nobody(
    make_app: MakeApp,
    serving: Serving,
    mcp: FastMCP[Any],
    caplog: pytest.LogCaptureFixture,
    *,
    fast_lane: bool,
) -> None:
    async def fail(session_id: str) -> None:
        raise LookupError(session_id)

    on_session_end(mcp, fail)
    ends = Ends(mcp)
    with caplog.at_level(logging.ERROR):
        async with serving(make_app(mcp, fast_lane=fast_lane)) as wires:
            session = await wires.open_session()
            assert (await wires.delete(session)).status_code == 200
            assert await ends.first(1) == [session]
    assert "could not free" in caplog.text


async def test_the_client_of_a_session_is_known_to_the_app(
    make_app: MakeApp, serving: Serving, mcp: FastMCP[Any], *, fast_lane: bool
) -> None:
    async with serving(make_app(mcp, fast_lane=fast_lane)) as wires:
        first, second = await wires.open_session(), await wires.open_session()
        await wires.call_in_session(second, "with_context", {})
        assert session_client(first) == session_client(second) == "7f000001"
        await wires.delete(first)
        assert session_client(first) is None
        assert session_client("é") is None
