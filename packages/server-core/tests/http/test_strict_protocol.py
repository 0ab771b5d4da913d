"""Requests that do not keep to the rules, sent to a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from socket_client import call, connected_to, post

from server_core.http.strict_protocol import MAX_FIELDS, MAX_HEAD_BYTES

pytestmark = [pytest.mark.anyio, pytest.mark.process]

Start = Callable[..., Any]
LANES = pytest.mark.parametrize("options", [(), ("--no-fast-lane",)], ids=["lane", "no lane"])


def head(*lines: str) -> bytes:
    return "\r\n".join(["GET /health HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()


def fields(count: int) -> list[str]:
    return [f"a{number}: b" for number in range(count)]


@LANES
async def test_a_head_has_a_limit(start_server: Start, options: tuple[str, ...]) -> None:
    server = start_server(*options)
    room = MAX_HEAD_BYTES - len(head("a: ")) - 50
    good = {
        "one large field": head("a: " + "b" * room),
        "many fields": head(*fields(MAX_FIELDS - 1)),
        "long URL": head().replace(b"/health", b"/health?" + b"b" * room),
    }
    bad = {
        "one large field": head("a: " + "b" * MAX_HEAD_BYTES),
        "large name": head("b" * MAX_HEAD_BYTES + ": a"),
        "many large fields": head(*["a: " + "b" * 9000] * 8),
        "many fields": head(*fields(MAX_FIELDS)),
        "thousands of fields": head(*["a:"] * 10_000),
        "long URL": head().replace(b"/health", b"/health?" + b"b" * MAX_HEAD_BYTES),
        "of a call": call("process_id", "a: " + "b" * MAX_HEAD_BYTES),
        "fields of a call": call("process_id", *fields(MAX_FIELDS)),
    }
    for name, data in good.items():
        async with connected_to(server.url) as client:
            assert (await client.exchange(data)).status == 200, name
            assert (await client.exchange(head())).status == 200, name
    for name, data in bad.items():
        for begin in (b"", head(), call("process_id")):
            async with connected_to(server.url) as client:
                await client.send(begin + data)
                if begin:
                    assert (await client.answer()).status == 200, name
                answer = await client.answer()
                assert (answer.status, answer.headers["connection"]) == (431, "close"), name
                assert await client.rest() == b""
    assert await asyncio.to_thread(server.stop) == 0
    assert "Traceback" not in "".join(server.log)


async def test_a_head_without_end_is_refused_as_it_arrives(shared_server: Any) -> None:
    for piece in (200, 5000, 70_000):
        for begin in (b"GET /health HTTP/1.1\r\na: ", b"GET /", b"GET /health HTTP/1.1\r\n"):
            async with connected_to(shared_server.url) as client:
                await client.send(begin)
                answer = asyncio.ensure_future(client.answer())
                sent = 0
                while not answer.done() and sent < 10 * MAX_HEAD_BYTES:
                    await client.send(b"b" * piece)
                    sent += piece
                    await asyncio.wait((answer,), timeout=0.001)
                assert (await answer).status == 431, (piece, begin)


async def test_hostile_heads_leave_no_memory_behind(start_server: Start) -> None:
    server = start_server()
    process = psutil.Process(server.process.pid)

    async def attack(data: bytes) -> int:
        async with connected_to(server.url) as client:
            await client.send(data)
            return (await client.answer()).status

    async with connected_to(server.url) as client:
        assert (await client.exchange(call("process_id"))).status == 200
        tiny = head(*["a:"] * 2_000_000)
        one = head("a: " + "b" * 16_000_000)
        before, used = process.memory_info().rss, process.cpu_times().user
        assert {await attack(data) for data in (tiny, one) * 5} == {431}
        assert process.memory_info().rss - before < 20e6
        assert process.cpu_times().user - used < 2
        assert (await client.exchange(call("process_id"))).status == 200


CHUNKED = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"


SURROUNDINGS = {
    "chunk extension": b"1;" + b"a" * 9_000_000,
    "trailers": b"1\r\na\r\n0\r\n" + b"a: b\r\n" * 1_500_000,
    "one trailer": b"1\r\na\r\n0\r\na: " + b"b" * 9_000_000,
}


async def test_what_surrounds_chunks_has_a_limit(shared_server: Any) -> None:
    for name, data in SURROUNDINGS.items():
        async with connected_to(shared_server.url) as client:
            await client.send(CHUNKED + data)
            assert (await client.answer()).status == 431, name


async def test_trailers_do_not_become_headers(shared_server: Any) -> None:
    whole = call("process_id")
    top, _, body = whole.partition(b"\r\n\r\n")
    lines = [line for line in top.split(b"\r\n") if not line.startswith((b"Content-Length", b"Mcp-Method"))]
    request = b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b""])
    chunk = b"%x\r\n%b\r\n0\r\n" % (len(body), body)
    async with connected_to(shared_server.url) as client:
        # FastMCP requires Mcp-Method; in a trailer it does not count.
        assert (await client.exchange(request + chunk + b"Mcp-Method: tools/call\r\n\r\n")).status == 400
        request = request.replace(b"Mcp-Name", b"Mcp-Method: tools/call\r\nMcp-Name")
        assert (await client.exchange(request + chunk + b"Mcp-Method: ping\r\n\r\n")).status == 200


WISHES = [
    (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAAA",
    ),
    ("connection: upgrade", "upgrade: TLS/1.2"),
    ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA=="),
    ("Connection: keep-alive, Upgrade", "Upgrade: h2c, foo/2"),
]


@pytest.mark.parametrize(
    "options",
    [(), ("--no-fast-lane",), pytest.param(("--workers", "2"), marks=pytest.mark.long)],
    ids=" ".join,
)
async def test_a_wish_for_another_protocol_is_ignored(start_server: Start, options: tuple[str, ...]) -> None:
    server = start_server(*options)
    for wish in WISHES:
        await make_calls_with(wish, server.url)
    assert await asyncio.to_thread(server.stop) == 0
    assert "Traceback" not in "".join(server.log)
    assert "WARNING" not in "".join(server.log)


async def make_calls_with(wish: tuple[str, ...], url: str) -> None:
    request = call("process_id", *wish)
    async with connected_to(url) as client:
        for _ in range(3):
            assert (await client.exchange(request)).result
        await client.send(request + call("process_id") + request)  # pipelined
        assert all([(await client.answer()).result for _ in range(3)])
        begin, _, end = request.partition(b"\r\n\r\n")
        for cut in (10, len(begin) - 3, len(begin) + 2, len(begin) + 4, len(request) - 4):
            await client.send(request[:cut])
            assert (await client.exchange(request[cut:])).result, cut
        chunked = begin.replace(b"Content-Length: %d" % len(end), b"Transfer-Encoding: chunked")
        assert (await client.exchange(chunked + b"\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(end), end))).result


@pytest.mark.long
async def test_a_session_of_another_worker_is_reached_with_such_a_wish(
    start_server: Start, wires_to: Any
) -> None:
    server = start_server("--workers", "2")
    async with wires_to(server.url) as wires:
        session = await wires.open_session()
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"process_id","arguments":{}}}'
    request = post(body, f"Mcp-Session-Id: {session}", "Mcp-Protocol-Version: 2025-11-25", *WISHES[0])
    workers = set()
    while len(workers) < 2:  # connections are spread over the workers, one of which forwards
        async with connected_to(server.url) as client:
            assert (await client.exchange(request)).result
            workers.add((await client.exchange(call("process_id"))).result)
    assert await asyncio.to_thread(server.stop) == 0
    assert "Traceback" not in "".join(server.log)


async def test_what_is_no_request_of_http_1_is_400(shared_server: Any) -> None:
    for data in (
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
        b"CONNECT /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ):
        async with connected_to(shared_server.url) as client:
            assert (await client.exchange(data)).status == 400
            assert await client.rest() == b""


SMALL = b"GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.long
@LANES
async def test_requests_that_wait_take_little_memory(start_server: Start, options: tuple[str, ...]) -> None:
    server = start_server(*options)
    process = psutil.Process(server.process.pid)
    async with connected_to(server.url) as client:
        await client.exchange(call("process_id"))
        before = process.memory_info().rss
        sending = asyncio.create_task(client.send(SMALL * 100_000))
        for _ in range(200):
            assert (await client.answer()).status == 404
        assert process.memory_info().rss - before < 15_000_000
        sending.cancel()
        await asyncio.wait([sending])
    async with connected_to(server.url) as client:
        assert (await client.exchange(call("process_id"))).status == 200


@pytest.mark.parametrize("first", ["call", "slow call"])
async def test_many_requests_in_one_read_are_all_answered_in_order(
    shared_server: Any, held: Any, first: str
) -> None:
    begin = call("hold", port=held.port) if first == "slow call" else call("process_id")
    middle = [SMALL, call("process_id"), SMALL.replace(b"/x", b"/health"), post(b"{}" * 40_000)] * 50
    async with connected_to(shared_server.url) as client:
        sending = asyncio.create_task(client.send(begin + b"".join(middle) + call("process_id")))
        if first == "slow call":
            await held.arrived.wait()
            held.release("end")
        statuses = [(await client.answer()).status for _ in range(len(middle) + 2)]
        assert statuses == [200, *[404, 200, 200, 400] * 50, 200]
        await sending


async def test_an_error_is_answered_after_the_responses_that_are_due(shared_server: Any, held: Any) -> None:
    async with connected_to(shared_server.url) as client:
        await client.send(call("hold", port=held.port))
        await held.arrived.wait()
        await client.send(call("process_id") + b"nonsense\r\n\r\n")
        held.release("first")
        assert (await client.answer()).result == "first"
        assert (await client.answer()).status == 200
        assert (await client.answer()).status == 400
        assert await client.rest() == b""


async def test_an_error_in_a_body_ends_its_request(start_server: Start, held: Any) -> None:
    server = start_server()
    async with connected_to(server.url) as client:
        await client.send(call("hold", port=held.port))
        await held.arrived.wait()
        await client.send(CHUNKED)
        await client.send(b"no size\r\n")
        held.release("first")
        assert (await client.answer()).result == "first"
        assert (await client.answer()).status == 400
        assert await client.rest() == b""
    async with connected_to(server.url) as client:
        await client.send(CHUNKED + b"1\r\na\r\nno size\r\n")
        assert (await client.answer()).status == 400
        assert await client.rest() == b""
    assert await asyncio.to_thread(server.stop) == 0
    assert "Traceback" not in "".join(server.log)


def test_the_helper_makes_complete_requests() -> None:
    assert post(b"{}").endswith(b"Content-Length: 2\r\n\r\n{}")


async def test_paths_near_the_endpoint_are_404_before_any_limit(start_server: Start) -> None:
    url = start_server("--rate-limit-per-s", "0.001", "--rate-limit-burst", "1").url
    async with connected_to(url) as client:
        for path in (
            "/mcp%0a",
            "/mcp%0d%0a",
            "//mcp",
            "/./mcp",
            "/x/../mcp",
            "/mcp;x",
            "/MCP",
            "*",
            "/mcp%00",
        ):
            assert (await client.exchange(call("process_id", path=path))).status == 404, path
        for path, status in (("/%6dcp?a=b", 200), ("http://127.0.0.1/mcp", 429), ("/mcp", 429)):
            assert (await client.exchange(call("process_id", path=path))).status == status, path


async def test_calls_on_the_shortcut_are_limited_by_the_address_that_a_trusted_proxy_tells(
    start_server: Start,
) -> None:
    limits = ("--rate-limit-per-s", "0.001", "--rate-limit-burst", "2")
    for options, expected in (
        (("--trusted-proxies", "127.0.0.1"), [200, 200, 429] * 2),
        ((), [200, 200, *[429] * 4]),
    ):
        async with connected_to(start_server(*limits, *options).url) as client:
            statuses = []
            for address in ("1.2.3.4", "1.2.3.5"):
                request = call("process_id", f"X-Forwarded-For: {address}")
                statuses += [(await client.exchange(request)).status for _ in range(3)]
            assert statuses == expected


async def test_a_coding_that_nobody_decodes_is_400(shared_server: Any) -> None:
    chunked = CHUNKED + b"2\r\n{}\r\n0\r\n\r\n"
    for coding in (b"gzip, chunked", b"identity", b"chunked, chunked", b"chunked;q=1", b"deflate"):
        async with connected_to(shared_server.url) as client:
            answer = await client.exchange(chunked.replace(b"Encoding: chunked", b"Encoding: " + coding))
            assert (answer.status, answer.headers["connection"]) == (400, "close"), coding
    for coding in (b"CHUNKED", b"chunked ", b"\tchunked"):
        async with connected_to(shared_server.url) as client:
            again = chunked.replace(b"Encoding: chunked", b"Encoding: " + coding)
            assert b"transfer coding" not in (await client.exchange(again)).body, coding


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://127.0.0.1/mcp", "127.0.0.1", 200),
        ("http://127.0.0.1/mcp", "elsewhere.example", 200),
        ("HTTP://localhost:80/mcp?a=b", "elsewhere.example", 200),
        ("http://[::1]:80/mcp", "elsewhere.example", 200),
        ("http://elsewhere.example/mcp", "127.0.0.1", 421),
        ("http://127.0.0.1@elsewhere.example/mcp", "127.0.0.1", 421),
    ],
)
async def test_a_whole_url_names_the_host(shared_server: Any, target: str, host: str, status: int) -> None:
    request = call("process_id", path=target).replace(b"Host: 127.0.0.1", b"Host: " + host.encode())
    async with connected_to(shared_server.url) as client:
        assert (await client.exchange(request)).status == status
