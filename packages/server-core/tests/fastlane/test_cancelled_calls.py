"""Calls on the lane that end early, because their client cancels them or ends its session."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastmcp import Context, FastMCP
from in_memory import delete, initialize, notification, session_call
from lane_apps import serving

pytestmark = pytest.mark.anyio


def waiting_app(ended: list[str], began: asyncio.Event) -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("app", version="1")

    @server.tool
    async def waits() -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "unreachable"

    @server.tool
    async def with_context(ctx: Context) -> str:
        return ctx.session_id

    return server


@pytest.mark.parametrize("is_light", [True, False], ids=["light session", "SDK session"])
@pytest.mark.parametrize(("identity", "named"), [(5, 5), ("5", 5), ("five", "five")])
async def test_a_client_can_cancel_a_call(is_light: bool, identity: Any, named: Any) -> None:
    answers = []
    for fast_lane in (True, False):
        ended: list[str] = []
        began = asyncio.Event()
        async with serving(waiting_app(ended, began), fast_lane=fast_lane) as served:
            await served.send(initialize())
            if not is_light:
                await served.send(session_call("with_context", {}))
            call = asyncio.create_task(served.send(session_call("waits", {}, identity=identity)))
            await asyncio.wait_for(began.wait(), 30)
            others = {"requestId": 99, "reason": "another"}
            ignored = await served.send(notification("notifications/cancelled", others))
            cancelled = await served.send(notification("notifications/cancelled", {"requestId": named}))
            answers.append((await asyncio.wait_for(call, 30), ignored, cancelled, tuple(ended)))
            assert served.app.metrics.calls_in_flight == 0
            if fast_lane:
                assert served.lane_calls() == 1
    assert answers[0] == answers[1]
    assert answers[0][3] == ("cancelled",)
    assert "Request cancelled" in answers[0][0].body


@pytest.mark.parametrize("is_light", [True, False], ids=["light session", "SDK session"])
async def test_the_end_of_a_session_ends_its_calls(is_light: bool) -> None:
    answers = []
    for fast_lane in (True, False):
        ended: list[str] = []
        began = asyncio.Event()
        async with serving(waiting_app(ended, began), fast_lane=fast_lane) as served:
            await served.send(initialize())
            if not is_light:
                await served.send(session_call("with_context", {}))
            call = asyncio.create_task(served.send(session_call("waits", {})))
            await asyncio.wait_for(began.wait(), 30)
            deleted = await served.send(delete())
            answers.append((await asyncio.wait_for(call, 30), deleted, tuple(ended)))
            assert served.app.metrics.calls_in_flight == 0
    assert answers[0] == answers[1]
    assert (answers[0][0].status, answers[0][2]) == (500, ("cancelled",))


async def test_another_session_cannot_cancel_a_call() -> None:
    ended: list[str] = []
    began = asyncio.Event()
    async with serving(waiting_app(ended, began), request_timeout_s=30) as served:
        await served.send(initialize())
        await served.send(initialize())
        call = asyncio.create_task(served.send(session_call("waits", {}, identity=5)))
        await asyncio.wait_for(began.wait(), 30)
        other = notification("notifications/cancelled", {"requestId": 5}, session=1)
        assert (await served.send(other)).status == 202
        assert ended == []
        await served.send(notification("notifications/cancelled", {"requestId": 5}))
        await asyncio.wait_for(call, 30)
        assert ended == ["cancelled"]
