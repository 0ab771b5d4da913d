"""One connection of the probe to a server that streams at known times."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx2
import pytest

from perf_core import Expectation, Step
from perf_core.adapter import Wire
from perf_core.errors import TargetError
from perf_core.load.probe.connection import MOST_REOPENED, Connection
from perf_core.load.probe.observations import ProbedCall
from perf_core.server.credentials.access import OPEN
from perf_core.server.credentials.masking import masked

STEP_S = 0.06
Start = Callable[..., Any]
Result = TypeVar("Result")


def step(tool: str, **arguments: object) -> Step:
    return Step(tool, arguments, Expectation.anything())  # type: ignore[arg-type] # JSON values


def connected(
    url: str, work: Callable[[Connection], Awaitable[Result]], wire: Wire = "session", timeout_s: float = 10.0
) -> Result:
    """Return the result of ``work`` with an open connection, which is closed afterwards."""

    async def run() -> Result:
        async with httpx2.AsyncClient(trust_env=False, timeout=10.0) as http:
            connection = Connection(http, url, wire, OPEN, timeout_s)
            await connection.open()
            try:
                return await work(connection)
            finally:
                await connection.close()

    return asyncio.run(run())


def call(url: str, tool: str, wire: Wire = "session", timeout_s: float = 10.0) -> ProbedCall:
    async def work(connection: Connection) -> ProbedCall:
        return (await connection.call(step(tool)))[0]

    return connected(url, work, wire, timeout_s)


@pytest.mark.parametrize("wire", ["session", "stateless"])
def test_messages_are_timed_as_they_arrive(wire: Wire, streamer: Start) -> None:
    probed = call(streamer().url, "steps", wire)
    assert probed.problem == ""
    assert probed.progress == 3
    expected_s = [STEP_S, 2 * STEP_S, 3 * STEP_S]
    # A busy machine may be late, but nothing can arrive before it was sent.
    assert len(probed.events_s) == 3
    assert all(0 <= at_s - due_s < 0.5 for at_s, due_s in zip(probed.events_s, expected_s, strict=True))
    assert probed.total_s is not None
    assert 4 * STEP_S <= probed.total_s < 4 * STEP_S + 0.5
    assert probed.size_bytes > 300


def test_answer_without_a_stream_has_no_messages(streamer: Start) -> None:
    probed = call(streamer().url, "quick")
    assert (probed.events_s, probed.is_streamed, probed.problem) == ((), False, "")
    assert probed.total_s is not None
    assert probed.total_s < 1


def test_request_of_the_server_is_answered_so_that_the_call_ends(streamer: Start) -> None:
    server = streamer()

    async def work(connection: Connection) -> tuple[ProbedCall, Any]:
        return await connection.call(step("asks"))

    probed, result = connected(server.url, work)
    assert probed.server_methods == ("elicitation/create",)
    assert probed.problem == ""
    assert "decline" in result["content"][0]["text"]
    assert server.server.capabilities == {}, "like k6, the probe declares nothing"


def test_input_that_the_stateless_wire_requires_is_named(streamer: Start) -> None:
    probed = call(streamer().url, "asks", "stateless")
    assert probed.server_methods == ("elicitation/create",)


def test_call_without_an_answer_ends_in_time(streamer: Start) -> None:
    began = time.monotonic()
    probed = call(streamer().url, "silent", timeout_s=0.2)
    assert time.monotonic() - began < 4
    assert probed.total_s is None
    assert probed.problem == "no answer within 0.2 s"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"error": {"code": -32602, "message": "no such tool"}}, "JSON-RPC error -32602: no such tool"),
        ({"result": {"isError": True, "content": [{"text": "sick"}]}}, 'isError: [{"text": "sick"}]'),
        ({"result": 7}, "neither a result nor an error"),
        ({"id": 99, "result": {}}, "status 200 without an answer"),
    ],
)
def test_wrong_answer_is_described(answer: dict[str, Any], problem: str, streamer: Start) -> None:
    def reply(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1, **answer})

    async def work() -> ProbedCall:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(reply)) as http:
            connection = Connection(http, "http://server/mcp", "stateless", OPEN, 5.0)
            # The token takes a number, too.
            connection._numbers = iter((0, 1))  # type: ignore[assignment] # as few as are needed
            return (await connection.call(step("add")))[0]

    assert asyncio.run(work()).problem == problem


def test_refused_and_unusual_handshakes_are_errors() -> None:
    async def open_with(response: httpx2.Response) -> None:
        transport = httpx2.MockTransport(lambda _request: response)
        async with httpx2.AsyncClient(transport=transport) as http:
            await Connection(http, "http://server/mcp", "session", OPEN, 5.0).open()

    with pytest.raises(httpx2.HTTPStatusError):
        asyncio.run(open_with(httpx2.Response(401)))
    with pytest.raises(TargetError, match="result of initialize"):
        asyncio.run(open_with(httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": 5})))


async def held(connection: Connection, until: Callable[[], Awaitable[object]] | None = None) -> list[Any]:
    """Hold a stream until it is refused or ``until`` returns, which is called once it is accepted."""
    accepted = asyncio.Event()
    async with asyncio.timeout(10):
        holding = asyncio.create_task(connection.hold(accepted))
        if until is not None:
            await accepted.wait()
            await until()
            holding.cancel()
        await asyncio.wait({holding})
    return [accepted.is_set(), *connection.held]


def test_held_stream_stays_open_until_it_is_given_up(streamer: Start) -> None:
    async def work(connection: Connection) -> list[Any]:
        # The stream brings its message before the answer to this call.
        return await held(connection, lambda: connection.call(step("beside")))

    accepted, stream = connected(streamer("held").url, work)
    assert accepted is True
    assert (stream.end, stream.status, stream.events) == ("open", 200, 3)
    assert stream.held_s >= STEP_S


def test_refused_stream_is_not_opened_again(streamer: Start) -> None:
    server = streamer("refused")
    accepted, stream = connected(server.url, held)
    assert accepted is False
    assert (stream.end, stream.status) == ("refused", 405)
    assert server.counts["GET"] == 1


@pytest.mark.parametrize("end", ["dropped", "closed"])
def test_stream_that_ends_is_opened_again(end: str, streamer: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perf_core.load.probe.connection._REOPENED_AFTER_S", 0.0)
    monkeypatch.setattr("perf_core.load.probe.connection._SHORTEST_PAUSE_S", 0.0)
    server = streamer(end)
    accepted, *streams = connected(server.url, held)
    assert accepted is True
    assert [stream.end for stream in streams] == [end] * (1 + MOST_REOPENED)
    assert server.counts["GET"] == 1 + MOST_REOPENED


def test_progress_on_a_held_stream_belongs_to_its_call(streamer: Start) -> None:
    async def work(connection: Connection) -> ProbedCall:
        calls = []

        async def beside() -> None:
            calls.append(await connection.call(step("beside")))

        await held(connection, beside)
        return calls[0][0]

    probed = connected(streamer("held").url, work)
    assert (probed.progress, len(probed.events_s)) == (1, 1)
    assert probed.total_s is not None
    assert probed.events_s[0] < probed.total_s


def mocked(handler: Callable[[httpx2.Request], httpx2.Response]) -> ProbedCall:
    """Return a call to a server that is only a function."""

    async def run() -> ProbedCall:
        transport = httpx2.MockTransport(handler)
        async with httpx2.AsyncClient(trust_env=False, transport=transport) as http:
            return (await Connection(http, "http://h/mcp", "stateless", OPEN, 5.0).call(step("x")))[0]

    return asyncio.run(run())


def test_failed_connection_without_a_text_has_the_name_of_its_error() -> None:
    def fail(_request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadError("")

    assert mocked(fail).problem == "no answer: ReadError"


def test_pause_that_a_server_states_may_have_any_length() -> None:
    async def run() -> None:
        headers = {"Content-Type": "text/event-stream"}
        stated = f"retry: 1{'0' * 400}\ndata: {{}}\n\n"
        transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, text=stated))
        async with httpx2.AsyncClient(trust_env=False, transport=transport) as http:
            connection = Connection(http, "http://h/mcp", "stateless", OPEN, 5.0)
            holding = asyncio.create_task(connection.hold(asyncio.Event()))
            await asyncio.wait({holding}, timeout=0.3)
            assert connection.held
            holding.cancel()
            with pytest.raises(asyncio.CancelledError):
                await holding

    asyncio.run(run())


@pytest.mark.parametrize(("event_id", "sent"), [("7-a", "7-a"), ("é", None), ("\x1b[2J", None)])
def test_id_of_an_event_is_sent_back_if_a_header_can_have_it(
    event_id: str, sent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perf_core.load.probe.connection._REOPENED_AFTER_S", 0.0)
    monkeypatch.setattr("perf_core.load.probe.connection._SHORTEST_PAUSE_S", 0.0)
    received: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        received.append(request.headers.get("Last-Event-ID"))
        headers = {"Content-Type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, text=f"id: {event_id}\ndata: {{}}\n\n")

    async def run() -> None:
        async with httpx2.AsyncClient(trust_env=False, transport=httpx2.MockTransport(answer)) as http:
            await Connection(http, "http://h/mcp", "stateless", OPEN, 5.0).hold(asyncio.Event())

    asyncio.run(run())
    assert received == [None] + [sent] * MOST_REOPENED


@pytest.mark.parametrize("is_error", [True, False])
def test_secret_at_the_end_of_a_shown_problem_is_masked(is_error: bool) -> None:
    text = "x" * 170 + " opensesame-" + "7" * 40
    failed = (
        {"error": {"code": 1, "message": text}}
        if is_error
        else {"result": {"isError": True, "content": [{"type": "text", "text": text}]}}
    )
    problem = mocked(lambda _: httpx2.Response(200, json={"jsonrpc": "2.0", "id": 2, **failed})).problem
    assert problem
    assert "opens" not in masked(problem, [f"opensesame-{'7' * 40}"])


async def slowly(connection: Connection, bytes_per_s: float, limit_s: float) -> tuple[float, int, bool]:
    async with httpx2.AsyncClient(trust_env=False, timeout=10.0) as http:
        return await connection.read_slowly(http, step("long"), bytes_per_s, limit_s)


def test_long_answer_is_read_at_a_bounded_rate(streamer: Start) -> None:
    async def work(connection: Connection) -> tuple[float, int, bool]:
        return await slowly(connection, bytes_per_s=32_000_000, limit_s=20)

    read_s, size_bytes, is_whole = connected(streamer().url, work)
    assert is_whole
    assert size_bytes > 16_000_000
    assert read_s >= 0.5

    async def too_slow(connection: Connection) -> tuple[float, int, bool]:
        return await slowly(connection, bytes_per_s=1_000_000, limit_s=0.2)

    read_s, size_bytes, is_whole = connected(streamer().url, too_slow)
    assert not is_whole
    assert 0.2 <= read_s < 2
    assert size_bytes < 16_000_000


def test_sessions_are_deleted(streamer: Start) -> None:
    server = streamer()
    call(server.url, "quick")
    assert server.counts["DELETE"] == 1
    assert not server.server.sessions


def test_the_phases_of_a_call_are_timed(streamer: Start) -> None:
    probed = call(streamer().url, "quick")
    assert probed.head_s is not None
    assert probed.total_s is not None
    assert 0 < probed.sent_s < probed.head_s <= probed.total_s
    assert probed.server_timing == ""


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [("application/json", "total;dur=2.5, db;dur=1"), ("text/event-stream", "")],
    ids=["JSON", "stream, whose head precedes the work"],
)
def test_the_servers_own_time_is_read_from_its_answer(content_type: str, expected: str) -> None:
    def reply(request: httpx2.Request) -> httpx2.Response:
        number = json.loads(request.content)["id"]
        text = json.dumps({"jsonrpc": "2.0", "id": number, "result": {}})
        headers = {"Content-Type": content_type, "Server-Timing": "total;dur=2.5, db;dur=1"}
        body = text if content_type == "application/json" else f"data: {text}\n\n"
        return httpx2.Response(200, headers=headers, text=body)

    async def work() -> ProbedCall:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(reply)) as http:
            return (await Connection(http, "http://server/mcp", "stateless", OPEN, 5.0).call(step("add")))[0]

    probed = asyncio.run(work())
    assert probed.problem == ""
    assert (probed.server_timing, probed.tells_times) == (expected, bool(expected))


def test_a_header_without_end_is_cut() -> None:
    def reply(request: httpx2.Request) -> httpx2.Response:
        number = json.loads(request.content)["id"]
        answer = {"jsonrpc": "2.0", "id": number, "result": {}}
        return httpx2.Response(200, headers={"Server-Timing": "x;dur=1," * 5000}, json=answer)

    async def work() -> ProbedCall:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(reply)) as http:
            return (await Connection(http, "http://server/mcp", "stateless", OPEN, 5.0).call(step("add")))[0]

    assert len(asyncio.run(work()).server_timing) == 1000
