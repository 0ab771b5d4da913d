"""The lane in a running app: the requests that it answers, and those that it leaves to FastMCP."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from fastmcp import Context
from fastmcp.server.middleware import Middleware
from in_memory import Request, initialize, request, session_call, stateless_call
from lane_apps import app_with, served_app, serving, text_of
from lane_tools import echo, with_context

pytestmark = pytest.mark.anyio


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


@pytest.mark.parametrize("settings", [{"fast_lane": False}, {"otlp_endpoint": "http://127.0.0.1:9"}])
async def test_calls_are_answered_without_the_lane(settings: dict[str, Any]) -> None:
    assert served_app(app_with(echo), **settings).app._lane is None
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
