"""The lane in a running app: what it takes, what it leaves, and that nothing is lost in between."""

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


def answered(served: Served) -> int:
    lane = served.app._lane
    return lane.answered if lane is not None else -1


def text_of(answer: Answer) -> str:
    return str(json.loads(answer.body)["result"]["content"][0]["text"])


async def echo(text: str) -> str:
    return text


async def asks(text: str, ctx: Context) -> str:
    return f"{text} {ctx.request_id}"


async def test_plain_calls_are_answered_on_both_wires_and_counted() -> None:
    async with serving(app_with(echo)) as served:
        await served.send(initialize())
        assert text_of(await served.send(stateless_call("echo", {"text": "hi"}))) == "hi"
        assert text_of(await served.send(session_call("echo", {"text": "ho"}))) == "ho"
        assert answered(served) == 2
        metrics = served.app.metrics.exposition("")[0].decode()
        assert 'mcp_tool_calls_total{tool="echo"} 2.0' in metrics
        assert "mcp_fast_lane_calls_total 2.0" in metrics
        assert 'mcp_fast_lane_tool{reason="",tool="echo"} 1.0' in metrics


async def test_request_that_is_handed_over_arrives_whole() -> None:
    async with serving(app_with(asks)) as served:
        assert text_of(await served.send(stateless_call("asks", {"text": "x" * 5000}))) == "x" * 5000 + " 1"
        assert answered(served) == 0
        metrics = served.app.metrics.exposition("")[0].decode()
        assert 'mcp_fast_lane_tool{reason="it takes a context or dependencies",tool="asks"} 0.0' in metrics


async def test_wrong_arguments_are_fastmcps_to_explain() -> None:
    async with serving(app_with(echo)) as served:
        answer = await served.send(stateless_call("echo", {"text": [1]}))
        assert "valid string" in text_of(answer)
        assert answered(served) == 0


async def test_tool_that_is_replaced_is_looked_at_anew() -> None:
    mcp = app_with(echo)
    async with serving(mcp) as served:
        assert text_of(await served.send(stateless_call("echo", {"text": "old"}))) == "old"
        mcp.local_provider.remove_tool("echo")
        assert "Unknown tool" in text_of(await served.send(stateless_call("echo", {"text": "gone"})))

        @mcp.tool(name="echo")
        async def louder(text: str) -> str:
            return text.upper()

        assert text_of(await served.send(stateless_call("echo", {"text": "new"}))) == "NEW"
        assert answered(served) == 2
        mcp.local_provider.remove_tool("echo")
        mcp.tool(asks, name="echo")
        assert text_of(await served.send(stateless_call("echo", {"text": "asks"}))) == "asks 1"
        assert answered(served) == 2


@pytest.mark.parametrize("name", ["=?base64?ZWNobw==?=", "\u00e9cho"])
async def test_name_that_its_header_does_not_spell_out_is_fastmcps_to_judge(name: str) -> None:
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


async def test_middleware_takes_effect_at_once() -> None:
    mcp = app_with(echo)
    async with serving(mcp) as served:
        assert text_of(await served.send(stateless_call("echo", {"text": "hi"}))) == "hi"
        mcp.add_middleware(Shouting())
        assert text_of(await served.send(stateless_call("echo", {"text": "hi"}))) == "hi!"


class Lists(Middleware):
    """Adds to lists, and to what a session begins with."""

    async def on_list_tools(self, context: Any, call_next: Any) -> Any:
        tools = await call_next(context)
        return [tool.model_copy(update={"description": "changed"}) for tool in tools]

    async def on_initialize(self, context: Any, call_next: Any) -> Any:
        seen.append("initialize")
        return await call_next(context)


seen: list[str] = []


async def test_middleware_sees_what_sessions_ask_from_then_on() -> None:
    mcp = app_with(echo)
    async with serving(mcp) as served:
        await served.send(initialize())
        assert "changed" not in (await served.send(request("tools/list"))).body
        mcp.add_middleware(Lists())
        mcp.add_middleware(Shouting())
        seen.clear()
        assert "changed" in (await served.send(request("tools/list"))).body
        assert text_of(await served.send(session_call("echo", {"text": "hi"}))) == "hi!"
        await served.send(initialize())
        assert len(seen) == 2, "that of the light session that became FastMCP's, and a new one"


@pytest.mark.parametrize("call", [stateless_call, session_call])
async def test_call_that_takes_too_long_is_stopped_with_the_same_words(call: Any) -> None:
    ended = asyncio.Event()

    async def hangs() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "never"

    words = []
    for fast_lane in (True, False):
        ended.clear()
        async with serving(app_with(hangs), fast_lane=fast_lane, request_timeout_s=0.05) as served:
            await served.send(initialize())
            answer = await served.send(call("hangs", {}))
            assert ended.is_set()
            words.append((answer.status, text_of(answer)))
    assert words[0] == words[1]
    assert "longer than 0.05 s" in words[0][1]


async def test_blocking_tool_leaves_the_loop_free() -> None:
    began, go_on = threading.Event(), threading.Event()

    def blocks() -> str:
        began.set()
        assert go_on.wait(10)
        return "done"

    async with serving(app_with(blocks, echo)) as served:
        blocked = asyncio.create_task(served.send(stateless_call("blocks", {})))
        while not began.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0)
        assert text_of(await served.send(stateless_call("echo", {"text": "meanwhile"}))) == "meanwhile"
        go_on.set()
        assert text_of(await blocked) == "done"
        assert answered(served) == 2


class _Fatal(BaseException):
    pass


@pytest.mark.parametrize("call", [stateless_call, session_call])
@pytest.mark.parametrize("error", [_Fatal, SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("in_thread", [True, False])
async def test_what_would_end_the_process_ends_the_call_with_the_same_words(
    call: Any, error: type[BaseException], *, in_thread: bool
) -> None:
    async def fatal() -> str:
        raise error

    def fatal_in_thread() -> str:
        raise error

    tool = fatal_in_thread if in_thread else fatal
    words = []
    for fast_lane in (True, False):
        async with serving(app_with(tool, echo), fast_lane=fast_lane) as served:
            await served.send(initialize())
            answer = await served.send(call(tool.__name__, {}))
            words.append((answer.status, text_of(answer)))
            assert served.app.metrics.calls_in_flight == 0
            assert text_of(await served.send(session_call("echo", {"text": "still here"}))) == "still here"
    assert words[0] == words[1]
    assert f"raised {error.__name__}, which is a defect" in words[0][1]


async def test_unknown_session_is_not_found() -> None:
    async with serving(app_with(echo)) as served:
        answer = await served.send(session_call("echo", {"text": "x"}, session=9))
        assert answer.status == 404
        assert answered(served) == 0


async def test_session_does_not_expire_while_it_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_session_that_ends_just_now_is_left_to_fastmcp() -> None:
    async with serving(app_with(echo, asks)) as served:
        await served.send(initialize())
        await served.send(session_call("asks", {"text": "FastMCP's now"}))
        manager = served.app._manager
        assert manager is not None
        (transport,) = manager._server_instances.values()
        before = answered(served)
        await transport.terminate()
        assert (await served.send(session_call("echo", {"text": "late"}))).status == 404
        assert answered(served) == before


async def test_fastmcps_session_does_not_expire_while_the_lane_serves_it() -> None:
    release = asyncio.Event()

    async def waits() -> str:
        await release.wait()
        return "done"

    async with serving(app_with(waits, asks), session_idle_timeout_s=60) as served:
        await served.send(initialize())
        assert (
            text_of(await served.send(session_call("asks", {"text": "now FastMCP's"}))) == "now FastMCP's 1"
        )
        call = asyncio.create_task(served.send(session_call("waits", {})))
        manager = served.app._manager
        assert manager is not None
        (transport,) = manager._server_instances.values()
        while transport._requests_in_flight == 0:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        assert transport.idle_scope is not None
        assert transport.idle_scope.deadline == float("inf")
        release.set()
        assert text_of(await call) == "done"
        assert transport._requests_in_flight == 0
        assert transport.idle_scope.deadline < float("inf"), "the countdown began anew"
        assert answered(served) == 1


async def test_session_is_light_until_something_needs_fastmcps() -> None:
    async with serving(app_with(echo, asks)) as served:
        manager = served.app._manager
        assert manager is not None
        await served.send(initialize())
        await served.send(notification("notifications/initialized"))
        assert text_of(await served.send(session_call("echo", {"text": "light"}))) == "light"
        assert (await served.send(request("ping"))).status == 200
        assert (await served.send(request("tools/list"))).status == 200
        assert not manager._server_instances
        assert served.app.sessions_open() == 1
        assert text_of(await served.send(session_call("asks", {"text": "heavy"}))) == "heavy 1"
        assert list(manager._server_instances) == [served.sessions[0].decode()], "it keeps its id"
        assert served.app.sessions_open() == 1
        assert text_of(await served.send(session_call("echo", {"text": "still quick"}))) == "still quick"
        assert answered(served) == 2
        assert (await served.send(delete())).status == 200
        assert served.app.sessions_open() == 0
        assert (await served.send(session_call("echo", {"text": "gone"}))).status == 404


async def test_event_stream_makes_the_session_fastmcps_and_calls_go_on() -> None:
    async with serving(app_with(echo)) as served:
        await served.send(initialize())
        opened = asyncio.Event()
        stream = asyncio.create_task(served.listen(opened))
        await asyncio.wait_for(opened.wait(), 10)
        manager = served.app._manager
        assert manager is not None
        assert len(manager._server_instances) == 1
        assert text_of(await served.send(session_call("echo", {"text": "beside it"}))) == "beside it"
        assert answered(served) == 1
        await served.send(delete())
        await stream


async def test_two_requests_that_need_fastmcps_session_open_one() -> None:
    async with serving(app_with(asks)) as served:
        await served.send(initialize())
        answers = await asyncio.gather(
            *(served.send(session_call("asks", {"text": f"{n}"}, identity=n)) for n in range(5))
        )
        assert [text_of(answer) for answer in answers] == [f"{n} {n}" for n in range(5)]
        assert served.app.sessions_open() == 1


async def test_light_sessions_count_against_the_cap() -> None:
    async with serving(app_with(echo, asks), max_sessions=2) as served:
        for _ in range(2):
            assert (await served.send(initialize())).status == 200
        refused = await served.send(initialize())
        assert refused.status == 503
        assert "Too many open sessions" in refused.body
        assert text_of(await served.send(session_call("asks", {"text": "a light one"}))) == "a light one 1"
        assert (await served.send(initialize())).status == 503, "as many are open as before"
        await served.send(delete())
        assert (await served.send(initialize())).status == 200


async def test_ten_thousand_idle_sessions_are_kept_and_cost_little() -> None:
    async with serving(app_with(echo), max_sessions=10_000) as served:
        warm = [await served.send(initialize()) for _ in range(100)]
        assert {answer.status for answer in warm} == {200}
        tracemalloc.start()
        before_bytes, _ = tracemalloc.get_traced_memory()
        app, identities = served.app, served.sessions
        for _ in range(9_900):
            served.sessions = []  # the harness's own memory of them is not the server's
            assert (await served.send(initialize())).status == 200
        gc.collect()
        grown_bytes = tracemalloc.get_traced_memory()[0] - before_bytes
        tracemalloc.stop()
        assert app.sessions_open() == 10_000
        assert grown_bytes / 9_900 < 2_000
        refused = await served.send(initialize())
        assert (refused.status, "Too many open sessions" in refused.body) == (503, True)
        served.sessions = identities
        answers = [await served.send(session_call("echo", {"text": "hi"}, session=n)) for n in range(100)]
        assert {text_of(answer) for answer in answers} == {"hi"}


async def test_context_of_a_session_that_was_light_knows_its_id() -> None:
    async def whoami(ctx: Context) -> str:
        return ctx.session_id

    async with serving(app_with(whoami)) as served:
        await served.send(initialize())
        assert text_of(await served.send(session_call("whoami", {}))) == served.sessions[0].decode()


@pytest.mark.parametrize("settings", [{"fast_lane": False}, {"otlp_endpoint": "http://127.0.0.1:9"}])
async def test_without_the_lane_calls_are_answered_too(settings: dict[str, Any]) -> None:
    app = create_app(app_with(echo), MemorySettings(**settings))
    assert app._lane is None
    async with serving(app_with(echo), fast_lane=False) as served:
        assert text_of(await served.send(stateless_call("echo", {"text": "slow"}))) == "slow"
        assert b"mcp_fast_lane" not in served.app.metrics.exposition("")[0]


async def test_with_event_streams_plain_calls_are_json_and_others_can_report() -> None:
    async def reports(ctx: Context) -> str:
        await ctx.report_progress(1, 2, "half way")
        return "done"

    async with serving(app_with(echo, reports), json_response=False) as served:
        await served.send(initialize())
        plain = await served.send(session_call("echo", {"text": "hi"}))
        assert (plain.headers["content-type"], text_of(plain)) == ("application/json", "hi")
        asked = {"name": "reports", "arguments": {}, "_meta": {"progressToken": 7}}
        told = await served.send(request("tools/call", asked))
        assert told.headers["content-type"].startswith("text/event-stream")
        assert "half way" in told.body
        assert "done" in told.body
        assert answered(served) == 1


async def test_other_paths_are_not_the_lanes() -> None:
    async with serving(app_with(echo), path="/other") as served:
        call = stateless_call("echo", {"text": "x"})
        assert (await served.send(Request(call.method, call.headers, call.body))).status == 404
        assert answered(served) == 0


async def hide(name: str, ctx: Context) -> str:
    await ctx.disable_components(names={name})
    return f"{name} is hidden"


async def test_session_that_hides_a_tool_does_not_find_it_on_the_lane() -> None:
    async with serving(app_with(echo, hide)) as served:
        await served.send(initialize())
        await served.send(initialize())
        assert text_of(await served.send(session_call("echo", {"text": "seen"}))) == "seen"
        assert text_of(await served.send(session_call("hide", {"name": "echo"}))) == "echo is hidden"
        assert "Unknown tool" in text_of(await served.send(session_call("echo", {"text": "hidden"})))
        other = await served.send(session_call("echo", {"text": "elsewhere"}, session=1))
        assert text_of(other) == "elsewhere"
