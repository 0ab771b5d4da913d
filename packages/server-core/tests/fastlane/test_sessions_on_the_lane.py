"""Sessions in a running app: light ones, those that FastMCP has taken over, and their ends."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

import pytest
from fastmcp import Context
from in_memory import delete, initialize, notification, request, session_call
from lane_apps import app_with, serving, text_of
from lane_tools import echo, with_context

from server_core.fastlane import light_sessions

pytestmark = pytest.mark.anyio


async def test_an_unknown_session_is_not_found() -> None:
    async with serving(app_with(echo)) as served:
        answer = await served.send(session_call("echo", {"text": "x"}, session=9))
        assert answer.status == 404
        assert served.lane_calls() == 0


async def test_a_session_does_not_expire_during_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(light_sessions, "monotonic", lambda: now)
    release, waiting = asyncio.Event(), asyncio.Event()

    async def waits() -> str:
        waiting.set()
        await release.wait()
        return "done"

    async with serving(app_with(waits, echo), session_idle_timeout_s=60) as served:
        await served.send(initialize())
        call = asyncio.create_task(served.send(session_call("waits", {})))
        await waiting.wait()
        now += 1000
        assert served.app.sessions_open() == 1
        release.set()
        assert text_of(await call) == "done"
        now += 59
        assert text_of(await served.send(session_call("echo", {"text": "in time"}))) == "in time"
        now += 61
        assert (await served.send(session_call("echo", {"text": "too late"}))).status == 404
        assert served.app.sessions_open() == 0


async def test_sessions_expire_in_the_order_of_their_last_use(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(light_sessions, "monotonic", lambda: now)
    async with serving(app_with(echo), session_idle_timeout_s=60) as served:
        for _ in range(3):
            await served.send(initialize())
        now += 40
        assert (await served.send(session_call("echo", {"text": "used"}, session=0))).status == 200
        now += 40
        assert served.app.sessions_open() == 1
        statuses = [(await served.send(request("ping", session=number))).status for number in range(3)]
        assert statuses == [200, 404, 404]


async def test_a_session_that_has_just_ended_is_left_to_fastmcp() -> None:
    async with serving(app_with(echo, with_context)) as served:
        await served.send(initialize())
        await served.send(session_call("with_context", {"text": "promoted"}))
        manager = served.app._manager
        assert manager is not None
        (transport,) = manager._server_instances.values()
        before = served.lane_calls()
        await transport.terminate()
        assert (await served.send(session_call("echo", {"text": "late"}))).status == 404
        assert served.lane_calls() == before


async def test_an_sdk_session_does_not_expire_while_the_lane_serves_it() -> None:
    release = asyncio.Event()

    async def waits() -> str:
        await release.wait()
        return "done"

    async with serving(app_with(waits, with_context), session_idle_timeout_s=60) as served:
        await served.send(initialize())
        assert text_of(await served.send(session_call("with_context", {"text": "promoted"}))) == "promoted 1"
        call = asyncio.create_task(served.send(session_call("waits", {})))
        manager = served.app._manager
        assert manager is not None
        (transport,) = manager._server_instances.values()
        while transport._requests_in_flight == 0:  # noqa: ASYNC110 - a count has no event
            await asyncio.sleep(0)
        assert transport.idle_scope is not None
        assert transport.idle_scope.deadline == float("inf")
        release.set()
        assert text_of(await call) == "done"
        assert transport._requests_in_flight == 0
        assert transport.idle_scope.deadline < float("inf"), "the countdown has restarted"
        assert served.lane_calls() == 1


async def test_a_session_is_light_until_a_request_needs_an_sdk_session() -> None:
    async with serving(app_with(echo, with_context)) as served:
        manager = served.app._manager
        assert manager is not None
        await served.send(initialize())
        await served.send(notification("notifications/initialized"))
        assert text_of(await served.send(session_call("echo", {"text": "light"}))) == "light"
        assert (await served.send(request("ping"))).status == 200
        assert (await served.send(request("tools/list"))).status == 200
        assert not manager._server_instances
        assert served.app.sessions_open() == 1
        assert text_of(await served.send(session_call("with_context", {"text": "heavy"}))) == "heavy 1"
        assert list(manager._server_instances) == [served.sessions[0].decode()], "it keeps its id"
        assert served.app.sessions_open() == 1
        assert text_of(await served.send(session_call("echo", {"text": "still quick"}))) == "still quick"
        assert served.lane_calls() == 2
        assert (await served.send(delete())).status == 200
        assert served.app.sessions_open() == 0
        assert (await served.send(session_call("echo", {"text": "gone"}))).status == 404


async def test_an_event_stream_promotes_the_session_and_calls_stay_on_the_lane() -> None:
    async with serving(app_with(echo)) as served:
        await served.send(initialize())
        opened = asyncio.Event()
        stream = asyncio.create_task(served.listen(opened))
        await asyncio.wait_for(opened.wait(), 30)
        manager = served.app._manager
        assert manager is not None
        assert len(manager._server_instances) == 1
        assert text_of(await served.send(session_call("echo", {"text": "beside it"}))) == "beside it"
        assert served.lane_calls() == 1
        await served.send(delete())
        await stream


async def test_concurrent_requests_promote_a_session_once() -> None:
    async with serving(app_with(with_context)) as served:
        await served.send(initialize())
        answers = await asyncio.gather(
            *(served.send(session_call("with_context", {"text": f"{n}"}, identity=n)) for n in range(5))
        )
        assert [text_of(answer) for answer in answers] == [f"{n} {n}" for n in range(5)]
        assert served.app.sessions_open() == 1


async def test_light_sessions_count_towards_the_limit() -> None:
    async with serving(app_with(echo, with_context), max_sessions=2) as served:
        for _ in range(2):
            assert (await served.send(initialize())).status == 200
        refused = await served.send(initialize())
        assert refused.status == 503
        assert "Too many open sessions" in refused.body
        assert (
            text_of(await served.send(session_call("with_context", {"text": "a light one"})))
            == "a light one 1"
        )
        assert (await served.send(initialize())).status == 503, "as many are open as before"
        await served.send(delete())
        assert (await served.send(initialize())).status == 200


async def test_ten_thousand_idle_sessions_are_kept_and_cost_little() -> None:
    async with serving(app_with(echo), max_sessions=10_000) as served:
        for _ in range(100):
            assert (await served.send(initialize())).status == 200
        app, session_ids = served.app, served.sessions
        # Most sessions are opened without a request, which takes 40 times as long as opening one.
        light_sessions = app._lane._light_sessions  # type: ignore[union-attr]
        params = next(iter(light_sessions._sessions.values())).initialize_params
        for _ in range(9_400):
            light_sessions.open("2025-11-25", params, None)
        gc.collect()
        tracemalloc.start()
        before_bytes, _ = tracemalloc.get_traced_memory()
        for _ in range(500):
            served.sessions = []  # keeps the memory of the test's own records out of the figure
            assert (await served.send(initialize())).status == 200
        gc.collect()
        grown_bytes = tracemalloc.get_traced_memory()[0] - before_bytes
        tracemalloc.stop()
        assert app.sessions_open() == 10_000
        assert grown_bytes / 500 < 2_000
        refused = await served.send(initialize())
        assert (refused.status, "Too many open sessions" in refused.body) == (503, True)
        served.sessions = session_ids
        answers = [await served.send(session_call("echo", {"text": "hi"}, session=n)) for n in range(100)]
        assert {text_of(answer) for answer in answers} == {"hi"}


async def test_the_context_in_a_promoted_session_has_its_id() -> None:
    async def whoami(ctx: Context) -> str:
        return ctx.session_id

    async with serving(app_with(whoami)) as served:
        await served.send(initialize())
        assert text_of(await served.send(session_call("whoami", {}))) == served.sessions[0].decode()


async def hide(name: str, ctx: Context) -> str:
    await ctx.disable_components(names={name})
    return f"{name} is hidden"


async def test_a_tool_hidden_in_a_session_is_hidden_on_the_lane() -> None:
    async with serving(app_with(echo, hide)) as served:
        await served.send(initialize())
        await served.send(initialize())
        assert text_of(await served.send(session_call("echo", {"text": "seen"}))) == "seen"
        assert text_of(await served.send(session_call("hide", {"name": "echo"}))) == "echo is hidden"
        assert "Unknown tool" in text_of(await served.send(session_call("echo", {"text": "hidden"})))
        other = await served.send(session_call("echo", {"text": "elsewhere"}, session=1))
        assert text_of(other) == "elsewhere"
