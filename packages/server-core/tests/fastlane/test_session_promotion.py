"""The versions of promoted sessions are forgotten once their sessions are closed."""

from __future__ import annotations

import pytest
from fastmcp import Context, FastMCP
from in_memory import MemorySettings, Served, delete, initialize, session_call

from server_core import create_app
from server_core.sdk.internals import open_sessions

pytestmark = pytest.mark.anyio


async def test_versions_of_closed_sessions_are_dropped() -> None:
    mcp: FastMCP[None] = FastMCP("app")

    @mcp.tool
    async def with_context(ctx: Context) -> str:
        return ctx.session_id

    served = Served(create_app(mcp, MemorySettings()))
    await served.start()
    try:
        promotion, sizes = served.app._lane._promotion, []  # type: ignore[union-attr]
        for number in range(250):
            await served.send(initialize())
            assert (await served.send(session_call("with_context", {}, session=number))).status == 200
            assert promotion.version(served.sessions[number]) == "2025-11-25"
            await served.send(delete(number))
            sizes.append(len(promotion._versions))
        assert open_sessions(served.app._manager) == {}  # type: ignore[arg-type]
        assert 100 < max(sizes) < 110
    finally:
        await served.stop()
