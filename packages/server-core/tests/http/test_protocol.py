"""Requests that take the shortcut, byte by byte, compared with the usual way on the same app."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextvars import ContextVar, copy_context
from typing import Any

import pytest
from fastmcp import FastMCP
from uvicorn import Config
from uvicorn.server import ServerState

from server_core import PlainTool, caller
from server_core.http.protocol import head_and_body, protocol_class
from server_core.http.strict_protocol import StrictProtocol

pytestmark = pytest.mark.anyio

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]

ANN, BOB = "ann" * 8, "bob" * 8
HEAD = {
    "Host": "127.0.0.1:8000",
    "User-Agent": "test/1",
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Pipe(asyncio.Transport):
    """A transport that records what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("127.0.0.1", 8000), "peername": ("127.0.0.1", 50000)}.get(name, default)

    def write(self, data: Any) -> None:
        if not self.is_closed:
            self.written += data

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def write_eof(self) -> None:
        self.is_closed = True  # what follows is dropped until the client closes


class Connection:
    """A connection to an app, with the test as the client."""

    def __init__(self, app: Any, *, shortcut: bool = True) -> None:
        protocol = (
            protocol_class(app.immediate_calls, "/mcp", app.seen_by_app) if shortcut else StrictProtocol
        )
        config = Config(app, http=protocol, log_config=None, access_log=False, lifespan="off")
        self.loop = asyncio.get_running_loop()
        self._context = copy_context()  # all reads of a connection share a context, as in a server
        self.protocol: Any = protocol(config, ServerState(), {}, self.loop)
        self.pipe = Pipe()
        self.protocol.connection_made(self.pipe)

    async def send(self, *reads: bytes) -> None:
        """Send each argument as one read, and run the callbacks that are ready."""
        for read in reads:
            if not self.pipe.is_closed:
                self.loop.call_soon(self.protocol.data_received, read, context=self._context)
            for _ in range(20):
                await asyncio.sleep(0)

    async def received(self, answers: int) -> bytes:
        """Return all data received, once it has this many responses or the connection is closed."""
        async with asyncio.timeout(30):
            while self.pipe.written.count(b"HTTP/1.1 ") < answers and not self.pipe.is_closed:  # noqa: ASYNC110 - a transport has no event
                await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)
        return self.pipe.written

    async def exchange(self, *reads: bytes, answers: int = 1) -> bytes:
        """Send data and return the responses to it."""
        before = len(self.pipe.written)
        so_far = self.pipe.written.count(b"HTTP/1.1 ")
        await self.send(*reads)
        return (await self.received(so_far + answers))[before:]

    def close(self) -> None:
        self.pipe.close()
        self.protocol.connection_lost(None)
        if self.protocol.timeout_keep_alive_task is not None:
            self.protocol.timeout_keep_alive_task.cancel()


@contextlib.asynccontextmanager
async def connected(app: Any, serving: Serving, *, shortcut: bool = True) -> AsyncIterator[Connection]:
    async with serving(app):
        connection = Connection(app, shortcut=shortcut)
        # A client's first request takes the usual way, because the guard has not admitted its Host yet.
        await connection.exchange(call("echo", text="first", token=ANN))
        yield connection
        connection.close()


def post(body: Any, headers: dict[str, str], *, line: str = "POST /mcp HTTP/1.1") -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{name}: {value}" for name, value in {**HEAD, **headers}.items()]
    lines.insert(2, f"Content-Length: {len(content)}")
    return "\r\n".join([line, *lines, "", ""]).encode() + content


def call(tool: str, token: str | None = None, more: dict[str, str] | None = None, **arguments: Any) -> bytes:
    params = {"name": tool, "arguments": arguments, "_meta": META}
    headers = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return post(message, {**headers, **(more or {})})


def in_session(session: str, method: str, params: dict[str, Any], **more: str) -> bytes:
    headers = {"Mcp-Protocol-Version": "2025-11-25", "Mcp-Session-Id": session, **more}
    return post({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}, headers)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def result_of(answer: bytes) -> Any:
    result = json.loads(answer.partition(b"\r\n\r\n")[2])["result"]
    return result["structuredContent"]["result"]


async def test_a_call_takes_the_shortcut_with_the_same_response(make_app: MakeApp, serving: Serving) -> None:
    app = make_app()
    async with connected(app, serving) as short, connected_beside(app) as usual:
        for text in ("hi", "again, with a known head", "ö"):
            request = call("echo", text=text)
            assert await short.exchange(request) == await usual.exchange(request)
        assert short.protocol.answered == 3
        assert app.traffic.responses == {200: 7}
        assert app._lane.answered == 7


@contextlib.asynccontextmanager
async def connected_beside(app: Any, *, shortcut: bool = False) -> AsyncIterator[Connection]:
    connection = Connection(app, shortcut=shortcut)
    yield connection
    connection.close()


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


ECHO = {"name": "echo", "arguments": {"text": "x"}}
CALL_HEADERS = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "echo"}
ODD: dict[str, bytes] = {
    "HTTP/1.0": call("echo", text="x").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.0, kept": call("echo", more={"Connection": "keep-alive"}, text="x").replace(b"1.1", b"1.0"),
    "neither wire": in_session("", "tools/call", ECHO).replace(b"Mcp-", b"Not-"),
    "close": call("echo", text="x", more={"Connection": "close"}),
    "continue": call("echo", text="x", more={"Expect": "100-continue"}),
    "upgrade": call("echo", text="x", more={"Connection": "Upgrade", "Upgrade": "h2c"}),
    "other path": call("echo", text="x").replace(b"/mcp", b"/mc"),
    "query": call("echo", text="x").replace(b"/mcp", b"/mcp?a=b"),
    "escaped": call("echo", text="x").replace(b"/mcp", b"/mc%70"),
    "PUT": call("echo", text="x").replace(b"POST", b"PUT"),
    "foreign host": call("echo", text="x").replace(b"127.0.0.1:8000", b"example.org:80"),
    "foreign origin": call("echo", text="x", more={"Origin": "http://example.org"}),
    "no such tool": call("nothing", text="x"),
    "wrong arguments": call("echo", text=1),
    "a tool that fails": call("fail"),
    "name and body differ": call("echo", more={"Mcp-Name": "fail"}, text="x"),
    "no JSON": post(b"{", CALL_HEADERS),
    "no body": post(b"", CALL_HEADERS),
    "too long": call("echo", text="x" * 3000),
    "two lengths": call("echo", text="x").replace(b"\r\nAccept", b"\r\nContent-Length: 3\r\nAccept"),
    "length in another header": call("echo", text="x", more={"X-A": "b Content-Length: 3"}),
    "length with a sign": call("echo", text="x").replace(b"Content-Length: ", b"Content-Length: +"),
    "length with noughts": call("echo", text="x").replace(b"Content-Length: ", b"Content-Length: 00"),
    "chunked": call("echo", text="x").replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX-Length"),
    "no HTTP": b"hello\r\n\r\n",
    "a bad header": call("echo", text="x", more={"X\x00": "1"}),
    "unknown session": in_session("no-such", "tools/call", {"name": "echo", "arguments": {"text": "x"}}),
    "initialize": post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}, {}),
    "GET": b"GET /health/none HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n",
    "plain": call("echo", text="x"),
    "lower case": call("echo", text="lower").replace(b"Content-Length", b"content-length"),
}  # fmt: skip


ENDS_THE_CONNECTION = (
    "HTTP/1.0", "HTTP/1.0, kept", "close", "two lengths", "length with a sign", "chunked",
    "no HTTP",
    "a bad header", "no body", "too long",
)  # fmt: skip


@pytest.mark.parametrize("head_is_known", [False, True], ids=["head unknown", "head known"])
@pytest.mark.parametrize("name", ODD)
async def test_odd_requests_are_answered_as_by_uvicorn(
    make_app: MakeApp, serving: Serving, name: str, head_is_known: bool
) -> None:
    app = make_app(max_body_bytes=2000)
    received = []
    async with serving(app) as wires:
        await wires.call("echo", {"text": "the guard admits the host"})
        for shortcut in (True, False):
            async with connected_beside(app, shortcut=shortcut) as connection:
                if head_is_known:
                    await connection.exchange(call("echo", text="first"))
                await connection.send(ODD[name], call("echo", text="next"))
                received.append((await connection.received(2 + head_is_known), connection.pipe.is_closed))
    assert received[0][1] == received[1][1]
    assert _without_ids(received[0][0]) == _without_ids(received[1][0])


@pytest.mark.parametrize("seed", range(12))
async def test_streams_of_requests_get_the_same_responses_wherever_they_are_cut(
    make_app: MakeApp, serving: Serving, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secrets
    harmless = [name for name in ODD if name not in ENDS_THE_CONNECTION]
    requests = [ODD[rng.choice([*harmless, *["plain"] * 10])] for _ in range(12)]
    stream = b"".join(requests)
    cuts = sorted(rng.sample(range(1, len(stream)), 12)) if seed % 2 else _ends(requests)
    reads = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    app = make_app()
    received = []
    async with serving(app) as wires:
        await wires.call("echo", {"text": "the guard admits the host"})
        for shortcut in (True, False):
            async with connected_beside(app, shortcut=shortcut) as connection:
                await connection.send(*reads)
                received.append(await connection.received(len(requests)))
    assert received[0].count(b"HTTP/1.1 ") >= len(requests)
    assert _without_ids(received[0]) == _without_ids(received[1])


def _ends(requests: Sequence[bytes]) -> list[int]:
    return [sum(map(len, requests[: number + 1])) for number in range(len(requests) - 1)]


def _without_ids(answers: bytes) -> list[bytes]:
    return [line for line in answers.split(b"\r\n") if not line.startswith(b"mcp-session-id")]


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


async def test_an_internal_error_is_answered_500_and_logged(
    make_app: MakeApp, serving: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    async with connected(app, serving) as connection:
        for _ in range(2):
            await connection.exchange(call("echo", text="the head is known"))
        monkeypatch.setattr(app.immediate_calls, "answer", lambda *_: 1 / 0)
        assert status_of(await connection.exchange(call("echo", text="x"))) == 500
        assert connection.pipe.is_closed
    assert "ZeroDivisionError" in caplog.text


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
