"""Odd requests, alone and in streams that are cut anywhere: they are answered as by uvicorn alone."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from memory_connection import MakeApp, Serving, call, connected_beside, in_session, post

pytestmark = pytest.mark.anyio

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
