"""Requests that arrive in pieces, late, or several at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastmcp import FastMCP
from memory_connection import ANN, Connection, MakeApp, Serving, call, connected, post, result_of, status_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("head_is_known", [False, True], ids=["head unknown", "head known"])
async def test_a_request_may_arrive_in_pieces(
    make_app: MakeApp, serving: Serving, head_is_known: bool
) -> None:
    request = call("echo", text="pieces")
    async with connected(make_app(), serving) as connection:
        expected = await connection.exchange(request)
        for cut in range(1, len(request)):
            if not head_is_known:
                connection.protocol._heads.clear()
            assert await connection.exchange(request[:cut], request[cut:]) == expected, cut
        assert connection.protocol.answered > 1


def head_and_body_of(request: bytes) -> tuple[bytes, bytes]:
    head, end, body = request.partition(b"\r\n\r\n")
    return head + end, body


async def test_a_call_with_its_body_in_a_second_read_takes_the_shortcut(
    make_app: MakeApp, serving: Serving
) -> None:
    async with connected(make_app(), serving) as connection:
        for number, text in enumerate(("the head is new", "the head is known", "and again"), 1):
            head, body = head_and_body_of(call("echo", text=text))
            answer = await connection.exchange(head, body)
            assert result_of(answer) == text
            assert connection.protocol.answered == number
            assert connection.protocol._body_timer is None


async def test_a_head_whose_body_does_not_follow_is_left_to_the_app(
    make_app: MakeApp, serving: Serving
) -> None:
    app = make_app()
    async with connected(app, serving) as connection:
        head, body = head_and_body_of(call("echo", text="late"))
        await connection.send(head)
        assert app.traffic.in_flight == 0
        async with asyncio.timeout(30):
            while app.traffic.in_flight == 0:  # noqa: ASYNC110 - a count has no event
                await asyncio.sleep(0)
        assert result_of(await connection.exchange(body)) == "late"
        assert connection.protocol.answered == 0


HEAD_ONLY, _ = head_and_body_of(call("echo", text="x"))


@pytest.mark.parametrize(
    "head",
    [
        HEAD_ONLY.replace(b"Content-Length: ", b"X-Length: "),
        HEAD_ONLY.replace(b"Content-Length: ", b"Content-Length: 0\r\nX-Length: "),
        HEAD_ONLY.replace(b"Accept:", b"Expect: 100-continue\r\nAccept:"),
        HEAD_ONLY.replace(b"POST", b"PUT"),
        HEAD_ONLY.replace(b"/mcp", b"/other"),
        HEAD_ONLY + HEAD_ONLY,
    ],
    ids=["no length", "no body", "expect", "PUT", "other path", "two heads"],
)
async def test_other_heads_do_not_wait(make_app: MakeApp, serving: Serving, head: bytes) -> None:
    async with connected(make_app(), serving) as connection:
        await connection.send(head)
        assert connection.protocol._lone_head == b""
        assert connection.protocol._body_timer is None


async def test_a_head_that_waits_for_its_body_keeps_the_connection_open(
    make_app: MakeApp, serving: Serving
) -> None:
    async with connected(make_app(), serving) as connection:
        head, body = head_and_body_of(call("echo", text="x"))
        await connection.send(head)
        connection.protocol.timeout_keep_alive_handler()
        assert not connection.pipe.is_closed
        assert result_of(await connection.exchange(body)) == "x"


async def test_a_shutdown_lets_a_request_that_has_begun_end(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(), serving) as connection:
        head, body = head_and_body_of(call("echo", text="x"))
        await connection.send(head)
        connection.protocol.shutdown()
        assert not connection.pipe.is_closed
        assert result_of(await connection.exchange(body)) == "x"
        assert connection.pipe.is_closed


async def test_a_lost_connection_waits_for_nothing(make_app: MakeApp, serving: Serving) -> None:
    app = make_app()
    async with serving(app):
        connection = Connection(app)
        await connection.exchange(call("echo", text="first"))
        await connection.send(head_and_body_of(call("echo", text="x"))[0])
        timer = connection.protocol._body_timer
        connection.close()
        assert timer.cancelled()
        assert app.traffic.in_flight == 0


async def test_a_body_that_does_not_arrive_is_left_to_the_app(make_app: MakeApp, serving: Serving) -> None:
    app = make_app()
    async with connected(app, serving) as connection:
        request = call("echo", text="x")
        for _ in range(2):
            await connection.send(request[:-5])
            assert app.traffic.in_flight == 1  # the app waits for the rest, within its time limit
            await connection.exchange(request[-5:])


async def test_a_request_inside_a_body_is_not_answered(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(auth_tokens=[ANN]), serving) as connection:
        inner = call("echo", token=ANN, text="inner")
        assert result_of(await connection.exchange(inner)) == "inner"
        outer = post(inner, {})
        # Refused by its head, before its body arrives.
        assert status_of(await connection.exchange(outer[: -len(inner)])) == 401
        await connection.send(inner)
        assert connection.pipe.written.count(b"HTTP/1.1 ") == 3
        assert result_of(await connection.exchange(inner)) == "inner"


async def test_several_requests_in_one_read_are_answered_in_order(
    make_app: MakeApp, serving: Serving
) -> None:
    texts = ["one", "two", "three", "four"]
    async with connected(make_app(), serving) as connection:
        for _ in range(2):  # the head is known the second time
            answers = await connection.exchange(
                b"".join(call("echo", text=text) for text in texts), answers=4
            )
            assert [result_of(b"HTTP/1.1 " + each) for each in answers.split(b"HTTP/1.1 ")[1:]] == texts
            await connection.exchange(call("echo", text="alone"))
        # One per read, so that no client blocks the loop.
        assert connection.protocol.answered == 4


async def test_no_request_overtakes_a_call_that_waits(make_app: MakeApp, serving: Serving) -> None:
    mcp: FastMCP[Any] = FastMCP("waiting")
    release = asyncio.Event()

    @mcp.tool
    async def wait() -> str:
        await release.wait()
        return "waited"

    @mcp.tool
    async def echo(text: str) -> str:
        return text

    async with connected(make_app(mcp), serving) as connection:
        await connection.exchange(call("echo", text="the head is known"))
        before = len(connection.pipe.written)
        await connection.send(call("wait"), call("echo", text="next"))
        assert len(connection.pipe.written) == before
        release.set()
        answers = (await connection.received(4))[before:]
        assert answers.index(b"waited") < answers.index(b"next")
