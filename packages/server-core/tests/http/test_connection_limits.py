"""Limits on connections, in memory and with a real server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from socket_client import SocketClient, call, connected_to, post

from server_core.http.connection_limits import ConnectionCounts

pytestmark = pytest.mark.anyio

Start = Callable[..., Any]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other loopback addresses are only there on Linux")


def test_each_address_has_its_own_count() -> None:
    counts = ConnectionCounts(2, lambda address: address == "10.0.0.1")
    keys = [counts.add(("192.0.2.1", port)) for port in range(3)]
    assert keys[0] == keys[1]
    assert keys[2] is None
    assert counts.add(("192.0.2.2", 1)) is not None
    assert {counts.add((f"2001:db8::{number}", 1)) is None for number in (1, 2)} == {False}
    assert counts.add(("2001:db8::3", 1)) is None
    assert all(counts.add(("10.0.0.1", port)) == b"" for port in range(9))
    assert counts.add(None) == b"", "other workers connect over Unix sockets"
    for key in keys[:2]:
        assert key is not None
        counts.remove(key)
    assert counts.add(("192.0.2.1", 9)) is not None
    counts.remove(b"")


def test_the_counts_of_clients_that_left_are_forgotten() -> None:
    counts = ConnectionCounts(2, lambda _address: False)
    for number in range(100):
        key = counts.add((f"192.0.2.{number}", 1))
        assert key is not None
        counts.remove(key)
    assert not counts._counts


@LINUX
@pytest.mark.process
async def test_one_address_cannot_take_all_connections(start_server: Start) -> None:
    server = start_server("--max-connections-per-address", "5")
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected_to(server.url)) for _ in range(5)]
        for client in clients:
            assert (await client.exchange(call("process_id"))).status == 200
        for _ in range(20):
            async with connected_to(server.url) as surplus:
                assert b" 503 " in (await surplus.rest()).partition(b"\r\n")[0]
        async with connected_to(server.url, source="127.0.0.2") as other:
            assert (await other.exchange(call("process_id"))).status == 200
        clients[0].writer.close()
        await clients[0].writer.wait_closed()
        status = 503
        while status == 503:
            async with connected_to(server.url) as client:
                status = (await client.exchange(call("process_id"))).status
        assert status == 200


@LINUX
@pytest.mark.process
async def test_the_soft_limit_on_files_is_raised(start_server: Start) -> None:
    script = __file__.replace("http/test_connection_limits.py", "served_app.py")
    limited = ["bash", "-c", 'ulimit -Sn 200; exec "$@"', "bash", sys.executable, script]
    server = start_server(command=limited)
    soft, hard = psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft == min(hard, 1 << 20) > 200
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected_to(server.url)) for _ in range(300)]
        for client in clients[::30]:
            assert (await client.exchange(call("process_id"))).status == 200


@pytest.mark.process
async def test_a_client_that_never_reads_is_cut_off(start_server: Start) -> None:
    server = start_server("--request-timeout-s", "1.5")
    request = call("repeat", text="x" * 1000, times=8000)
    clients = []
    for _ in range(3):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", int(server.url.rpartition(":")[2].partition("/")[0])))
        client.sendall(request)
        clients.append(client)
    async with connected_to(server.url) as reader:
        assert len((await reader.exchange(request)).body) > 8_000_000
        process = psutil.Process(server.process.pid)
        async with asyncio.timeout(30):
            while len(process.net_connections("tcp")) > 2:  # noqa: ASYNC110 - the listener and the reader
                await asyncio.sleep(0.05)
        assert (await reader.exchange(call("process_id"))).status == 200
    for client in clients:
        client.close()
    assert await asyncio.to_thread(server.stop) == 0
    assert "Traceback" not in "".join(server.log)


async def uploaded(client: SocketClient, data: bytes) -> int:
    """Send all data before reading, as many clients do; return the status of the response."""
    client.writer.write(data)
    await client.writer.drain()
    return (await client.answer()).status


@pytest.mark.process
async def test_a_refusal_can_be_read_after_the_whole_body_was_sent(start_server: Start) -> None:
    server = start_server("--max-body-bytes", "1000", "--auth-tokens", "t" * 20)
    token = f"Authorization: Bearer {'t' * 20}"
    large = b"x" * 30_000_000
    for _ in range(3):
        async with connected_to(server.url) as client:
            assert await uploaded(client, post(large, token)) == 413
            assert await client.rest() == b""
        async with connected_to(server.url) as client:
            assert await uploaded(client, post(large)) == 401
        async with connected_to(server.url) as client:
            assert await uploaded(client, post(large, path="/elsewhere")) == 404


@pytest.mark.process
async def test_pipelined_requests_before_a_close_leave_no_traceback(start_server: Start, held: Any) -> None:
    server = start_server()
    port = int(server.url.rpartition(":")[2].partition("/")[0])
    first = {
        "plain": call("process_id"),
        "close": call("process_id", "Connection: close"),
        "stream": b"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n",
        "slow": call("hold", port=held.port),
    }
    for request in first.values():
        for number in range(10):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(request + call("process_id") * 7)
            if number % 2:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            client.close()
    held.release("end")
    async with connected_to(server.url) as client:
        in_flight = 0.0
        async with asyncio.timeout(60):
            while in_flight != 1:
                page = await client.exchange(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                lines = page.body.split(b"\n")
                (line,) = [each for each in lines if each.startswith(b"mcp_requests_in_flight ")]
                in_flight = float(line.split()[1])
                held.release("end")
    assert await asyncio.to_thread(server.stop) == 0
    assert "Traceback" not in "".join(server.log)
