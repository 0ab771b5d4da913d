"""Requests that take the short way, byte by byte, beside uvicorn's own protocol on the same app."""

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
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from server_core import caller
from server_core.http.protocol import head_and_body, protocol_class

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
    """What a protocol writes to."""

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


class Connection:
    """One connection to an app, of which the test is the client."""

    def __init__(self, app: Any, *, short_way: bool = True) -> None:
        protocol = protocol_class(app.immediate_calls, "/mcp") if short_way else HttpToolsProtocol
        config = Config(app, http=protocol, log_config=None, access_log=False, lifespan="off")
        self.loop = asyncio.get_running_loop()
        self._context = copy_context()  # one for all reads of a connection, as in a server
        self.protocol: Any = protocol(config, ServerState(), {}, self.loop)
        self.pipe = Pipe()
        self.protocol.connection_made(self.pipe)

    async def say(self, *reads: bytes) -> None:
        """Send, each argument in a read of its own, and let whatever is ready happen."""
        for read in reads:
            if not self.pipe.is_closed:
                self.loop.call_soon(self.protocol.data_received, read, context=self._context)
            for _ in range(20):
                await asyncio.sleep(0)

    async def heard(self, answers: int) -> bytes:
        """Return all that was answered, once there are as many answers, or the connection is closed."""
        async with asyncio.timeout(10):
            while self.pipe.written.count(b"HTTP/1.1 ") < answers and not self.pipe.is_closed:  # noqa: ASYNC110 - a transport has no event
                await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)
        return self.pipe.written

    async def ask(self, *reads: bytes, answers: int = 1) -> bytes:
        """Return the answers to what is said now."""
        before = len(self.pipe.written)
        so_far = self.pipe.written.count(b"HTTP/1.1 ")
        await self.say(*reads)
        return (await self.heard(so_far + answers))[before:]

    def close(self) -> None:
        self.pipe.close()
        self.protocol.connection_lost(None)
        if self.protocol.timeout_keep_alive_task is not None:
            self.protocol.timeout_keep_alive_task.cancel()


@contextlib.asynccontextmanager
async def connected(app: Any, serving: Serving, *, short_way: bool = True) -> AsyncIterator[Connection]:
    async with serving(app):
        connection = Connection(app, short_way=short_way)
        # The first request of a client goes the usual way: the guard remembers whom it admitted.
        await connection.ask(call("echo", text="first", token=ANN))
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


def said(answer: bytes) -> Any:
    result = json.loads(answer.partition(b"\r\n\r\n")[2])["result"]
    return result["structuredContent"]["result"]


async def test_a_call_takes_the_short_way_and_looks_the_same(make_app: MakeApp, serving: Serving) -> None:
    app = make_app()
    async with connected(app, serving) as short, connected_beside(app) as usual:
        for text in ("hi", "and again, the head known by now", "ö"):
            request = call("echo", text=text)
            assert await short.ask(request) == await usual.ask(request)
        assert short.protocol.answered == 3
        assert app.traffic.responses == {200: 7}
        assert app._lane.answered == 7


@contextlib.asynccontextmanager
async def connected_beside(app: Any, *, short_way: bool = False) -> AsyncIterator[Connection]:
    connection = Connection(app, short_way=short_way)
    yield connection
    connection.close()


async def test_a_session_is_used_by_its_calls(
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
            answer = await connection.ask(request)
            assert f"mcp-session-id: {session}\r\n".encode() in answer
            assert said(answer) == "hi"
            now[0] += 9
        assert connection.protocol.answered == 4
        # Another method with the same head goes the usual way.
        assert b'"tools"' in await connection.ask(in_session(session, "tools/list", {}))
        now[0] += 11
        assert status_of(await connection.ask(request)) == 404
        connection.close()


@pytest.mark.parametrize("known", [False, True], ids=["head unknown", "head known"])
async def test_a_request_may_come_in_pieces(make_app: MakeApp, serving: Serving, known: bool) -> None:
    request = call("echo", text="pieces")
    async with connected(make_app(), serving) as connection:
        expected = await connection.ask(request)
        for cut in range(1, len(request)):
            if not known:
                connection.protocol._heads.clear()
            assert await connection.ask(request[:cut], request[cut:]) == expected, cut
        assert connection.protocol.answered > 1


async def test_time_limits_hold_for_what_does_not_arrive(make_app: MakeApp, serving: Serving) -> None:
    app = make_app()
    async with connected(app, serving) as connection:
        request = call("echo", text="x")
        for _ in range(2):
            await connection.say(request[:-5])
            assert app.traffic.in_flight == 1  # the app waits for the rest, and knows for how long
            await connection.ask(request[-5:])


async def test_a_body_is_no_request(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(auth_tokens=[ANN]), serving) as connection:
        inner = call("echo", token=ANN, text="inner")
        assert said(await connection.ask(inner)) == "inner"
        outer = post(inner, {})
        # Refused for its head, while its body is still to come.
        assert status_of(await connection.ask(outer[: -len(inner)])) == 401
        await connection.say(inner)
        assert connection.pipe.written.count(b"HTTP/1.1 ") == 3
        assert said(await connection.ask(inner)) == "inner"


async def test_several_requests_in_one_read_are_answered_in_order(
    make_app: MakeApp, serving: Serving
) -> None:
    texts = ["one", "two", "three", "four"]
    async with connected(make_app(), serving) as connection:
        for _ in range(2):  # the head is known the second time
            answers = await connection.ask(b"".join(call("echo", text=text) for text in texts), answers=4)
            assert [said(b"HTTP/1.1 " + each) for each in answers.split(b"HTTP/1.1 ")[1:]] == texts
            await connection.ask(call("echo", text="alone"))
        # One of each read, so that one client cannot have the loop for long.
        assert connection.protocol.answered == 4


async def test_nothing_overtakes_a_call_that_waits(make_app: MakeApp, serving: Serving) -> None:
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
        await connection.ask(call("echo", text="the head is known"))
        before = len(connection.pipe.written)
        await connection.say(call("wait"), call("echo", text="next"))
        assert len(connection.pipe.written) == before
        release.set()
        answers = (await connection.heard(4))[before:]
        assert answers.index(b"waited") < answers.index(b"next")


ECHO = {"name": "echo", "arguments": {"text": "x"}}
OF_A_CALL = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "echo"}
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
    "no JSON": post(b"{", OF_A_CALL),
    "no body": post(b"", OF_A_CALL),
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
    "HTTP/1.0", "HTTP/1.0, kept", "close", "upgrade", "two lengths", "length with a sign", "chunked",
    "no HTTP",
    "a bad header", "no body", "too long",
)  # fmt: skip


@pytest.mark.parametrize("known", [False, True], ids=["head unknown", "head known"])
@pytest.mark.parametrize("name", ODD)
async def test_whatever_comes_is_answered_as_by_uvicorn(
    make_app: MakeApp, serving: Serving, name: str, known: bool
) -> None:
    app = make_app(max_body_bytes=2000)
    heard = []
    async with serving(app) as wires:
        await wires.call("echo", {"text": "the guard knows the host"})
        for short_way in (True, False):
            async with connected_beside(app, short_way=short_way) as connection:
                if known:
                    await connection.ask(call("echo", text="first"))
                await connection.say(ODD[name], call("echo", text="next"))
                heard.append((await connection.heard(2 + known), connection.pipe.is_closed))
    assert heard[0][1] == heard[1][1]
    assert _without_ids(heard[0][0]) == _without_ids(heard[1][0])


@pytest.mark.parametrize("seed", range(12))
async def test_streams_of_requests_cut_anywhere_are_answered_alike(
    make_app: MakeApp, serving: Serving, seed: int
) -> None:
    drawn = random.Random(seed)  # noqa: S311 - draws requests, no secrets
    harmless = [name for name in ODD if name not in ENDS_THE_CONNECTION]
    requests = [ODD[drawn.choice([*harmless, *["plain"] * 10])] for _ in range(12)]
    stream = b"".join(requests)
    cuts = sorted(drawn.sample(range(1, len(stream)), 12)) if seed % 2 else _ends(requests)
    reads = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    app = make_app()
    heard = []
    async with serving(app) as wires:
        await wires.call("echo", {"text": "the guard knows the host"})
        for short_way in (True, False):
            async with connected_beside(app, short_way=short_way) as connection:
                await connection.say(*reads)
                heard.append(await connection.heard(len(requests)))
    assert heard[0].count(b"HTTP/1.1 ") >= len(requests)
    assert _without_ids(heard[0]) == _without_ids(heard[1])


def _ends(requests: Sequence[bytes]) -> list[int]:
    return [sum(map(len, requests[: number + 1])) for number in range(len(requests) - 1)]


def _without_ids(answers: bytes) -> list[bytes]:
    return [line for line in answers.split(b"\r\n") if not line.startswith(b"mcp-session-id")]


async def test_the_limit_on_bodies_holds_for_known_heads(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(max_body_bytes=400), serving) as connection:
        assert status_of(await connection.ask(call("echo", text="x"))) == 200
        assert status_of(await connection.ask(call("echo", text="x" * 400))) == 413


async def test_each_call_costs_one_token(make_app: MakeApp, serving: Serving) -> None:
    app = make_app(rate_limit_per_s=0.001, rate_limit_burst=5)
    async with connected(app, serving) as connection:  # the first call
        statuses = [status_of(await connection.ask(call("echo", text="x"))) for _ in range(3)]
        statuses.append(status_of(await connection.ask(call("echo", text=1))))  # FastMCP's to answer
        statuses.append(status_of(await connection.ask(call("echo", text="x"))))
        assert statuses == [200, 200, 200, 200, 429]
        assert connection.protocol.answered == 3


async def test_strangers_are_refused_and_callers_known(make_app: MakeApp, serving: Serving) -> None:
    mcp: FastMCP[Any] = FastMCP("who")

    @mcp.tool
    async def echo(text: str) -> str:
        return text

    @mcp.tool
    async def who() -> str | None:
        return caller().client

    async with connected(make_app(mcp, auth_tokens=[ANN, BOB]), serving) as connection:
        ann = said(await connection.ask(call("who", token=ANN)))
        bob = said(await connection.ask(call("who", token=BOB)))
        assert ann != bob
        assert said(await connection.ask(call("who", token=ANN))) == ann
        assert status_of(await connection.ask(call("who"))) == 401
        assert status_of(await connection.ask(call("who", token="x" * 24))) == 401
        assert connection.protocol.answered == 3


async def test_sessions_belong_to_who_opened_them(make_app: MakeApp, serving: Serving) -> None:
    app = make_app(auth_tokens=[ANN, BOB])
    async with connected(app, serving) as connection:
        hello = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        opening = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}  # fmt: skip
        answer = await connection.ask(post(opening, {"Authorization": f"Bearer {ANN}"}))
        session = answer.split(b"mcp-session-id: ")[1].split(b"\r\n")[0].decode()
        params = {"name": "echo", "arguments": {"text": "x"}}
        for token, status in ((ANN, 200), (BOB, 404), (ANN, 200)):
            request = in_session(session, "tools/call", params, Authorization=f"Bearer {token}")
            assert status_of(await connection.ask(request)) == status


async def test_what_a_tool_sets_stays_with_its_call(make_app: MakeApp, serving: Serving) -> None:
    mcp: FastMCP[Any] = FastMCP("contexts")
    mark: ContextVar[str] = ContextVar("mark", default="unset")

    @mcp.tool
    async def echo(text: str) -> str:
        before = mark.get()
        mark.set(text)
        return before

    async with connected(make_app(mcp), serving) as connection:
        assert said(await connection.ask(call("echo", text="one"))) == "unset"
        assert said(await connection.ask(call("echo", text="two"))) == "unset"
        assert connection.protocol.answered == 2


async def test_a_tool_runs_under_asyncio_as_far_as_libraries_can_tell(
    make_app: MakeApp, serving: Serving
) -> None:
    mcp: FastMCP[Any] = FastMCP("libraries")

    @mcp.tool
    async def echo(text: str) -> bool:
        return asyncio.current_task() is not None and asyncio.get_running_loop().is_running()

    async with connected(make_app(mcp), serving) as connection:
        assert said(await connection.ask(call("echo", text="x"))) is True
        assert connection.protocol.answered == 1
        assert asyncio.current_task() is not None


async def test_a_mistake_of_ours_is_not_told_as_the_clients(
    make_app: MakeApp, serving: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    async with connected(app, serving) as connection:
        for _ in range(2):
            await connection.ask(call("echo", text="the head is known"))
        monkeypatch.setattr(app.immediate_calls, "answer", lambda *_: 1 / 0)
        assert status_of(await connection.ask(call("echo", text="x"))) == 500
        assert connection.pipe.is_closed
    assert "ZeroDivisionError" in caplog.text


async def test_a_drain_tells_the_client_to_leave(make_app: MakeApp, serving: Serving) -> None:
    app = make_app()
    async with connected(app, serving) as connection:
        await connection.ask(call("echo", text="x"))
        app.drain()
        answer = await connection.ask(call("echo", text="x"))
        assert b"connection: close\r\n" in answer
        assert said(answer) == "x"
        assert connection.pipe.is_closed


async def test_only_idle_connections_are_closed(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(), serving) as connection:
        protocol = connection.protocol
        for _ in range(2):
            await connection.ask(call("echo", text="x"))
        timer = protocol.timeout_keep_alive_task
        protocol.timeout_keep_alive_handler()  # armed after the first of them, and the second came since
        assert not connection.pipe.is_closed
        assert protocol.timeout_keep_alive_task is not timer
        timer.cancel()
        protocol._answered_at_s -= protocol.timeout_keep_alive
        protocol.timeout_keep_alive_handler()
        assert connection.pipe.is_closed


async def test_a_connection_remembers_few_heads(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(), serving) as connection:
        for number in range(30):
            await connection.ask(call("echo", text="x", more={"X-Number": str(number)}))
            assert len(connection.protocol._heads) <= 8
        before = set(connection.protocol._heads)
        await connection.ask(call("echo", text="x", more={"X-Long": "x" * 2000}))
        assert set(connection.protocol._heads) == before
        assert connection.protocol.answered == 31


async def test_answers_bear_the_headers_that_uvicorn_gives_to_all(
    make_app: MakeApp, serving: Serving
) -> None:
    async with connected(make_app(), serving) as connection:
        for date in (b"today", b"tomorrow"):
            connection.protocol.server_state.default_headers = [(b"date", date)]
            assert b"\r\ndate: " + date + b"\r\n" in await connection.ask(call("echo", text="x"))


async def test_who_has_no_use_for_the_short_way_is_asked_less_and_less(
    make_app: MakeApp, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    async with connected(app, serving) as connection:
        asked = []
        known = app.immediate_calls.admit

        def counted(scope: Any) -> Any:
            asked.append(scope)
            return known(scope)

        monkeypatch.setattr(app.immediate_calls, "admit", counted)
        for _ in range(300):
            await connection.ask(call("echo", text=1))  # FastMCP says what is wrong with it
        assert len(asked) < 15
        monkeypatch.undo()
        before = connection.protocol.answered
        for _ in range(70):
            await connection.ask(call("echo", text="x"))
        # Once it is of use it is there for each of them.
        assert connection.protocol.answered - before >= 5
        answered = connection.protocol.answered
        await connection.ask(call("echo", text="x"))
        assert connection.protocol.answered == answered + 1


async def test_a_client_that_does_not_read_is_waited_for(make_app: MakeApp, serving: Serving) -> None:
    async with connected(make_app(), serving) as connection:
        for _ in range(2):
            await connection.ask(call("echo", text="x"))
        before = len(connection.pipe.written)
        connection.protocol.pause_writing()
        await connection.say(call("echo", text="much"))
        assert len(connection.pipe.written) == before
        connection.protocol.resume_writing()
        assert b"much" in (await connection.heard(4))[before:]


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
