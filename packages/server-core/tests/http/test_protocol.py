"""Requests that take the shortcut, compared with the usual way on the same app."""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar
from typing import Any

import pytest
from fastmcp import FastMCP
from memory_connection import (
    ANN,
    BOB,
    Connection,
    MakeApp,
    Serving,
    call,
    connected,
    connected_beside,
    in_session,
    post,
    result_of,
    status_of,
)

from server_core import PlainTool, caller
from server_core.http.protocol import head_and_body

pytestmark = pytest.mark.anyio


async def test_a_call_takes_the_shortcut_with_the_same_response(make_app: MakeApp, serving: Serving) -> None:
    app = make_app()
    async with connected(app, serving) as short, connected_beside(app) as usual:
        for text in ("hi", "again, with a known head", "ö"):
            request = call("echo", text=text)
            assert await short.exchange(request) == await usual.exchange(request)
        assert short.protocol.answered == 3
        assert app.traffic.responses == {200: 7}
        assert app._lane.answered == 7


async def test_calls_restart_the_idle_time_of_their_session(
    make_app: MakeApp, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server_core.fastlane import light_sessions

    now = [1000.0]
    monkeypatch.setattr(light_sessions, "monotonic", lambda: now[0])
    app = make_app(session_idle_timeout_s=10)
    async with serving(app) as wires:
        session = await wires.open_session()
        connection = Connection(app)
        request = in_session(session, "tools/call", {"name": "echo", "arguments": {"text": "hi"}})
        for _ in range(4):
            answer = await connection.exchange(request)
            assert f"mcp-session-id: {session}\r\n".encode() in answer
            assert result_of(answer) == "hi"
            now[0] += 9
        assert connection.protocol.answered == 4
        # Another method with the same head takes the usual way.
        assert b'"tools"' in await connection.exchange(in_session(session, "tools/list", {}))
        now[0] += 11
        assert status_of(await connection.exchange(request)) == 404
        connection.close()


async def test_the_body_limit_holds_for_known_heads(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(max_body_bytes=400), serving) as connection:
        assert status_of(await connection.exchange(call("echo", text="x"))) == 200
        assert status_of(await connection.exchange(call("echo", text="x" * 400))) == 413


async def test_each_call_costs_one_token(make_app: MakeApp, serving: Serving) -> None:
    app = make_app(rate_limit_per_s=0.001, rate_limit_burst=5)
    async with connected(app, serving) as connection:  # the first call
        statuses = [status_of(await connection.exchange(call("echo", text="x"))) for _ in range(3)]
        statuses.append(status_of(await connection.exchange(call("echo", text=1))))  # answered by FastMCP
        statuses.append(status_of(await connection.exchange(call("echo", text="x"))))
        assert statuses == [200, 200, 200, 200, 429]
        assert connection.protocol.answered == 3


async def test_tokens_are_checked_and_identify_the_caller(make_app: MakeApp, serving: Serving) -> None:
    mcp: FastMCP[Any] = FastMCP("who")

    @mcp.tool
    async def echo(text: str) -> str:
        return text

    @mcp.tool
    async def who() -> str | None:
        return caller().client

    async with connected(make_app(mcp, auth_tokens=[ANN, BOB]), serving) as connection:
        ann = result_of(await connection.exchange(call("who", token=ANN)))
        bob = result_of(await connection.exchange(call("who", token=BOB)))
        assert ann != bob
        assert result_of(await connection.exchange(call("who", token=ANN))) == ann
        assert status_of(await connection.exchange(call("who"))) == 401
        assert status_of(await connection.exchange(call("who", token="x" * 24))) == 401
        assert connection.protocol.answered == 3


async def test_sessions_belong_to_the_token_that_opened_them(make_app: MakeApp, serving: Serving) -> None:
    app = make_app(auth_tokens=[ANN, BOB])
    async with connected(app, serving) as connection:
        hello = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        opening = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}  # fmt: skip
        answer = await connection.exchange(post(opening, {"Authorization": f"Bearer {ANN}"}))
        session = answer.split(b"mcp-session-id: ")[1].split(b"\r\n")[0].decode()
        params = {"name": "echo", "arguments": {"text": "x"}}
        for token, status in ((ANN, 200), (BOB, 404), (ANN, 200)):
            request = in_session(session, "tools/call", params, Authorization=f"Bearer {token}")
            assert status_of(await connection.exchange(request)) == status


async def test_context_variables_set_by_a_tool_stay_with_its_call(
    make_app: MakeApp, serving: Serving
) -> None:
    mcp: FastMCP[Any] = FastMCP("contexts")
    mark: ContextVar[str] = ContextVar("mark", default="unset")

    async def echo(text: str) -> str:
        before = mark.get()
        mark.set(text)
        return before

    mcp.add_tool(PlainTool.from_function(echo))  # FastMCP calls other tools with context variables
    async with connected(make_app(mcp), serving) as connection:
        assert result_of(await connection.exchange(call("echo", text="one"))) == "unset"
        assert result_of(await connection.exchange(call("echo", text="two"))) == "unset"
        assert connection.protocol.answered == 2


async def test_libraries_detect_asyncio_in_a_tool(make_app: MakeApp, serving: Serving) -> None:
    mcp: FastMCP[Any] = FastMCP("libraries")

    @mcp.tool
    async def echo(text: str) -> bool:
        return asyncio.current_task() is not None and asyncio.get_running_loop().is_running()

    async with connected(make_app(mcp), serving) as connection:
        assert result_of(await connection.exchange(call("echo", text="x"))) is True
        assert connection.protocol.answered == 1
        assert asyncio.current_task() is not None


def divide(*_arguments: Any) -> None:
    raise ZeroDivisionError


def cancel(*_arguments: Any) -> None:
    raise asyncio.CancelledError("by a tool")


@pytest.mark.parametrize("fail", [divide, cancel])
async def test_an_internal_error_is_answered_500_and_logged(
    make_app: MakeApp,
    serving: Serving,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fail: Any,
) -> None:
    app = make_app()
    async with connected(app, serving) as connection:
        for _ in range(2):
            await connection.exchange(call("echo", text="the head is known"))
        monkeypatch.setattr(app.immediate_calls, "answer", fail)
        assert status_of(await connection.exchange(call("echo", text="x"))) == 500
        assert connection.pipe.is_closed
    assert ("ZeroDivisionError" if fail is divide else "CancelledError") in caplog.text


async def test_a_drain_closes_the_connection_after_the_response(make_app: MakeApp, serving: Serving) -> None:
    app = make_app()
    async with connected(app, serving) as connection:
        await connection.exchange(call("echo", text="x"))
        app.drain()
        answer = await connection.exchange(call("echo", text="x"))
        assert b"connection: close\r\n" in answer
        assert result_of(answer) == "x"
        assert connection.pipe.is_closed


async def test_only_idle_connections_are_closed_by_the_keep_alive_timer(
    make_app: MakeApp, serving: Serving
) -> None:
    async with connected(make_app(), serving) as connection:
        protocol = connection.protocol
        for _ in range(2):
            await connection.exchange(call("echo", text="x"))
        timer = protocol.timeout_keep_alive_task
        protocol.timeout_keep_alive_handler()  # started after the first call; the second one came since
        assert not connection.pipe.is_closed
        assert protocol.timeout_keep_alive_task is not timer
        timer.cancel()
        protocol._answered_at_s -= protocol.timeout_keep_alive
        protocol.timeout_keep_alive_handler()
        assert connection.pipe.is_closed


async def test_a_connection_remembers_at_most_eight_heads(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(), serving) as connection:
        sizes = []
        for number in range(30):
            await connection.exchange(call("echo", text="x", more={"X-Number": str(number)}))
            sizes.append(len(connection.protocol._heads))
        assert max(sizes) == 8
        before = set(connection.protocol._heads)
        await connection.exchange(call("echo", text="x", more={"X-Long": "x" * 2000}))
        assert set(connection.protocol._heads) == before
        assert connection.protocol.answered == 31


async def test_responses_have_uvicorns_default_headers(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(), serving) as connection:
        for date in (b"today", b"tomorrow"):
            connection.protocol.server_state.default_headers = [(b"date", date)]
            assert b"\r\ndate: " + date + b"\r\n" in await connection.exchange(call("echo", text="x"))


async def test_serving_does_not_change_the_protocol_class(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(), serving) as connection:
        before = dict(vars(type(connection.protocol)))
        connection.protocol.server_state.default_headers = [(b"date", b"today")]
        await connection.exchange(call("echo", text="x"))
        assert connection.protocol.answered == 1
        assert dict(vars(type(connection.protocol))) == before


async def test_a_client_that_cannot_use_the_shortcut_is_skipped_more_and_more(
    make_app: MakeApp, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    async with connected(app, serving) as connection:
        attempts = []
        admit = app.immediate_calls.admit

        def counted(scope: Any) -> Any:
            attempts.append(scope)
            return admit(scope)

        monkeypatch.setattr(app.immediate_calls, "admit", counted)
        for _ in range(300):
            await connection.exchange(call("echo", text=1))  # FastMCP explains what is wrong with it
        assert 3 < len(attempts) < 15
        monkeypatch.undo()
        before = connection.protocol.answered
        for _ in range(70):
            await connection.exchange(call("echo", text="x"))
        # At most 64 requests are skipped; once the shortcut succeeds, none is.
        assert connection.protocol.answered - before >= 5
        answered = connection.protocol.answered
        await connection.exchange(call("echo", text="x"))
        assert connection.protocol.answered == answered + 1


async def test_a_client_that_does_not_read_delays_its_responses(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(), serving) as connection:
        for _ in range(2):
            await connection.exchange(call("echo", text="x"))
        before = len(connection.pipe.written)
        connection.protocol.pause_writing()
        await connection.send(call("echo", text="much"))
        assert len(connection.pipe.written) == before
        connection.protocol.resume_writing()
        assert b"much" in (await connection.received(4))[before:]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"P / H\r\nContent-Length: 2\r\nA: b\r\n\r\nhi", (b"P / H\r\nContent-Length: \r\nA: b", b"hi")),
        (b"P / H\r\nA: b\r\ncontent-length: 0\r\n\r\n", (b"P / H\r\nA: b\r\ncontent-length: ", b"")),
        (b"P / H\r\nContent-Length: 0000002\r\n\r\nhi", (b"P / H\r\nContent-Length: ", b"hi")),
        (b"P / H\r\nContent-Length: 00000002\r\n\r\nhi", None),
        (b"P / H\r\nContent-Length: 2\r\n\r\nh", None),
        (b"P / H\r\nContent-Length: 2\r\n\r\nhi!", None),
        (b"P / H\r\nContent-Length: 2\r\n", None),
        (b"P / H\r\nContent-Length: \xb2\r\n\r\nhi", None),
        (b"P / H\r\nContent-Length: 2 \r\n\r\nhi", None),
        (b"P / H\r\nContent-Length:\r\n\r\n", None),
        (b"P / H\r\nX: y Content-Length: 2\r\n\r\nhi", None),
        (b"P / H\r\n\r\n\r\nContent-Length: 2\r\n\r\nhi", None),
        (b"", None),
    ],
)  # fmt: skip
def test_head_and_body(data: bytes, expected: tuple[bytes, bytes] | None) -> None:
    assert head_and_body(data) == expected


async def test_the_shortcut_tells_the_times_of_request_and_tool(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(server_timing=True), serving) as connection:
        for _ in range(2):  # with a head that is parsed, and with one that is known
            answer = await connection.exchange(call("echo", text="hi"))
            times = re.search(rb"\r\nserver-timing: total;dur=([\d.]+), tool;dur=([\d.]+)\r\n", answer)
            assert times is not None
            assert 0 <= float(times[2]) <= float(times[1])
            assert result_of(answer) == "hi"
        assert connection.protocol.answered == 2
