"""The lane in a running app: the requests that it answers, and those that it leaves to FastMCP."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastmcp import Context, FastMCP
from fastmcp.server.middleware import Middleware
from in_memory import (
    Answer,
    MemorySettings,
    Request,
    Served,
    delete,
    initialize,
    notification,
    request,
    session_call,
    stateless_call,
)

from server_core import create_app
from server_core.fastlane import light_sessions

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def serving(mcp: FastMCP[Any], **settings: Any) -> AsyncIterator[Served]:
    served = Served(create_app(mcp, MemorySettings(**settings)))
    await served.start()
    try:
        yield served
    finally:
        await served.stop()


def app_with(*tools: Any) -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("app", version="1")
    for tool in tools:
        mcp.tool(tool)
    return mcp


def text_of(answer: Answer) -> str:
    return str(json.loads(answer.body)["result"]["content"][0]["text"])


async def echo(text: str) -> str:
    return text


async def with_context(text: str, ctx: Context) -> str:
    return f"{text} {ctx.request_id}"


async def test_plain_calls_are_answered_on_both_wires_and_counted() -> None:
    async with serving(app_with(echo)) as served:
        await served.send(initialize())
        assert text_of(await served.send(stateless_call("echo", {"text": "hi"}))) == "hi"
        assert text_of(await served.send(session_call("echo", {"text": "ho"}))) == "ho"
        assert served.lane_calls() == 2
        metrics = served.app.metrics.exposition("")[0].decode()
        assert 'mcp_tool_calls_total{tool="echo"} 2.0' in metrics
        assert "mcp_fast_lane_calls_total 2.0" in metrics
        assert 'mcp_fast_lane_tool{reason="",tool="echo"} 1.0' in metrics


async def test_a_request_that_is_passed_on_arrives_complete() -> None:
    async with serving(app_with(with_context)) as served:
        assert (
            text_of(await served.send(stateless_call("with_context", {"text": "x" * 5000})))
            == "x" * 5000 + " 1"
        )
        assert served.lane_calls() == 0
        metrics = served.app.metrics.exposition("")[0].decode()
        assert (
            'mcp_fast_lane_tool{reason="it takes a context or dependencies",tool="with_context"} 0.0'
            in metrics
        )


async def test_fastmcp_explains_wrong_arguments() -> None:
    async with serving(app_with(echo)) as served:
        answer = await served.send(stateless_call("echo", {"text": [1]}))
        assert "valid string" in text_of(answer)
        assert served.lane_calls() == 0


async def test_a_replaced_tool_is_examined_again() -> None:
    mcp = app_with(echo)
    async with serving(mcp) as served:
        assert text_of(await served.send(stateless_call("echo", {"text": "old"}))) == "old"
        mcp.local_provider.remove_tool("echo")
        assert "Unknown tool" in text_of(await served.send(stateless_call("echo", {"text": "gone"})))

        @mcp.tool(name="echo")
        async def louder(text: str) -> str:
            return text.upper()

        assert text_of(await served.send(stateless_call("echo", {"text": "new"}))) == "NEW"
        assert served.lane_calls() == 2
        mcp.local_provider.remove_tool("echo")
        mcp.tool(with_context, name="echo")
        assert (
            text_of(await served.send(stateless_call("echo", {"text": "with_context"}))) == "with_context 1"
        )
        assert served.lane_calls() == 2


@pytest.mark.parametrize("name", ["=?base64?ZWNobw==?=", "\u00e9cho"])
async def test_a_name_that_its_header_cannot_hold_literally_is_left_to_fastmcp(name: str) -> None:
    answers = []
    for fast_lane in (True, False):
        mcp = app_with(echo)
        mcp.tool(echo, name=name)
        async with serving(mcp, fast_lane=fast_lane) as served:
            answers.append(await served.send(stateless_call(name, {"text": "hi"})))
    assert answers[0] == answers[1]


class Shouting(Middleware):
    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        result = await call_next(context)
        result.content[0].text += "!"
        return result


async def test_middleware_takes_effect_immediately() -> None:
    mcp = app_with(echo)
    async with serving(mcp) as served:
        assert text_of(await served.send(stateless_call("echo", {"text": "hi"}))) == "hi"
        mcp.add_middleware(Shouting())
        assert text_of(await served.send(stateless_call("echo", {"text": "hi"}))) == "hi!"


class Lists(Middleware):
    """Changes lists, and records each `initialize`."""

    async def on_list_tools(self, context: Any, call_next: Any) -> Any:
        tools = await call_next(context)
        return [tool.model_copy(update={"description": "changed"}) for tool in tools]

    async def on_initialize(self, context: Any, call_next: Any) -> Any:
        initialized.append("initialize")
        return await call_next(context)


initialized: list[str] = []


async def test_middleware_that_is_added_sees_later_requests_in_sessions() -> None:
    mcp = app_with(echo)
    async with serving(mcp) as served:
        await served.send(initialize())
        assert "changed" not in (await served.send(request("tools/list"))).body
        mcp.add_middleware(Lists())
        mcp.add_middleware(Shouting())
        initialized.clear()
        assert "changed" in (await served.send(request("tools/list"))).body
        assert text_of(await served.send(session_call("echo", {"text": "hi"}))) == "hi!"
        await served.send(initialize())
        assert len(initialized) == 1, "not that of the promoted session, which was opened before"


@pytest.mark.parametrize("call", [stateless_call, session_call])
async def test_a_call_that_takes_too_long_is_stopped_with_fastmcps_message(call: Any) -> None:
    ended = asyncio.Event()

    async def hangs() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "never"

    messages = []
    for fast_lane in (True, False):
        ended.clear()
        async with serving(app_with(hangs), fast_lane=fast_lane, request_timeout_s=0.05) as served:
            await served.send(initialize())
            answer = await served.send(call("hangs", {}))
            assert ended.is_set()
            messages.append((answer.status, text_of(answer)))
    assert messages[0] == messages[1]
    assert "longer than 0.05 s" in messages[0][1]


async def test_a_blocking_tool_does_not_block_the_event_loop() -> None:
    began, go_on = threading.Event(), threading.Event()

    def blocks() -> str:
        began.set()
        assert go_on.wait(60)
        return "done"

    async with serving(app_with(blocks, echo)) as served:
        blocked = asyncio.create_task(served.send(stateless_call("blocks", {})))
        while not began.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0)
        assert text_of(await served.send(stateless_call("echo", {"text": "meanwhile"}))) == "meanwhile"
        go_on.set()
        assert text_of(await blocked) == "done"
        assert served.lane_calls() == 2


class _Fatal(BaseException):
    pass


@pytest.mark.parametrize("call", [stateless_call, session_call])
@pytest.mark.parametrize("error", [_Fatal, SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("in_thread", [True, False])
async def test_an_error_that_would_end_the_process_ends_only_the_call(
    call: Any, error: type[BaseException], *, in_thread: bool
) -> None:
    async def fatal() -> str:
        raise error

    def fatal_in_thread() -> str:
        raise error

    tool = fatal_in_thread if in_thread else fatal
    messages = []
    for fast_lane in (True, False):
        async with serving(app_with(tool, echo), fast_lane=fast_lane) as served:
            await served.send(initialize())
            answer = await served.send(call(tool.__name__, {}))
            messages.append((answer.status, text_of(answer)))
            assert served.app.metrics.calls_in_flight == 0
            assert text_of(await served.send(session_call("echo", {"text": "still here"}))) == "still here"
    assert messages[0] == messages[1]
    assert f"raised {error.__name__}, which is a defect" in messages[0][1]


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


@pytest.mark.parametrize("settings", [{"fast_lane": False}, {"otlp_endpoint": "http://127.0.0.1:9"}])
async def test_calls_are_answered_without_the_lane(settings: dict[str, Any]) -> None:
    app = create_app(app_with(echo), MemorySettings(**settings))
    assert app._lane is None
    async with serving(app_with(echo), fast_lane=False) as served:
        assert text_of(await served.send(stateless_call("echo", {"text": "slow"}))) == "slow"
        assert b"mcp_fast_lane" not in served.app.metrics.exposition("")[0]


async def test_with_event_streams_plain_calls_are_json_and_other_tools_report_progress() -> None:
    async def reports(ctx: Context) -> str:
        await ctx.report_progress(1, 2, "half way")
        return "done"

    async with serving(app_with(echo, reports), json_response=False) as served:
        await served.send(initialize())
        plain = await served.send(session_call("echo", {"text": "hi"}))
        assert (plain.headers["content-type"], text_of(plain)) == ("application/json", "hi")
        params = {"name": "reports", "arguments": {}, "_meta": {"progressToken": 7}}
        reported = await served.send(request("tools/call", params))
        assert reported.headers["content-type"].startswith("text/event-stream")
        assert "half way" in reported.body
        assert "done" in reported.body
        assert served.lane_calls() == 1


async def test_the_lane_ignores_other_paths() -> None:
    async with serving(app_with(echo), path="/other") as served:
        call = stateless_call("echo", {"text": "x"})
        assert (await served.send(Request(call.method, call.headers, call.body))).status == 404
        assert served.lane_calls() == 0


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
