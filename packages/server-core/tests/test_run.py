"""Real server processes: start, ready file, drain, exit codes, stdio."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import fastmcp
import httpx2
import pytest
from fastmcp import FastMCP
from pydantic_settings import SettingsConfigDict

from server_core import Port, ServerSettings, SettingsError, main, serve

pytestmark = pytest.mark.anyio

Start = Callable[..., Any]
SCRIPT = Path(__file__).with_name("served_app.py")
POSIX_SIGNALS = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows ends a process at once when it is sent a signal"
)


class DemoSettings(ServerSettings):
    """Settings of a server in this process."""

    model_config = SettingsConfigDict(env_prefix="DEMO_", cli_prog_name="demo", env_file=None)

    port: Port = 0


@pytest.mark.process
async def test_the_ready_file_has_the_url_and_is_removed_at_the_end(
    start_server: Start, wires_to: Any
) -> None:
    server = start_server()
    ready_file = next(Path(server.process.args[-1]).parent.glob("ready-*"))
    assert json.loads(ready_file.read_text()) == {"url": server.url, "pid": server.process.pid}
    async with wires_to(server.url) as wires:
        session = await wires.open_session()
        assert (await wires.delete(session)).status_code == 200
        assert (await wires.http.get("/health")).json()["service"] == "served"
    assert server.stop() == 0
    assert not ready_file.exists()
    assert not list(ready_file.parent.glob("*.tmp"))


@pytest.mark.process
@POSIX_SIGNALS
@pytest.mark.parametrize(
    ("mode", "number"),
    [("stateless", signal.SIGTERM), ("session", signal.SIGINT), ("events", signal.SIGTERM)],
)
async def test_a_signal_lets_requests_finish(
    start_server: Start, wires_to: Any, held: Any, mode: str, number: signal.Signals
) -> None:
    server = start_server(*(["--no-json-response"] if mode == "events" else []))
    async with wires_to(server.url) as wires:
        session = "" if mode == "stateless" else await wires.open_session()
        arguments = {"port": held.port}
        call = asyncio.create_task(
            wires.call("hold", arguments)
            if mode == "stateless"
            else wires.call_in_session(session, "hold", arguments)
        )
        await held.arrived.wait()
        server.process.send_signal(number)
        await asyncio.to_thread(server.wait_for, "draining: 1 requests in flight")
        if mode == "events":
            # sse-starlette checks twice a second whether the server ends, and would cut the stream off.
            answered, _ = await asyncio.wait({call}, timeout=0.7)
            assert not answered, "the drain must let a request in flight finish"
        held.release("released")
        answer = await call
        assert answer.status_code == 200
        assert "released" in answer.text
        assert await asyncio.to_thread(server.finish) == 0
    assert "has stopped" in server.log[-1]


@pytest.mark.process
@POSIX_SIGNALS
async def test_idle_streams_do_not_delay_a_drain(start_server: Start, wires_to: Any) -> None:
    server = start_server("--drain-timeout-s", "60")
    async with wires_to(server.url) as wires:
        session = await wires.open_session()
        headers = {**wires.session_headers(session), "accept": "text/event-stream"}
        async with wires.http.stream("GET", wires.path, headers=headers) as stream:
            assert stream.status_code == 200
            stopping = asyncio.create_task(asyncio.to_thread(server.stop, timeout_s=50))
            assert [chunk async for chunk in stream.aiter_bytes()] == []
        assert await stopping == 0
    assert not any("ERROR" in line for line in server.log), server.log


@pytest.mark.process
@POSIX_SIGNALS
async def test_a_drain_has_a_time_limit(start_server: Start, wires_to: Any, held: Any) -> None:
    server = start_server("--drain-timeout-s", "0.2")
    async with wires_to(server.url) as wires:
        call = asyncio.create_task(wires.call("hold", {"port": held.port}))
        await held.arrived.wait()
        assert await asyncio.to_thread(server.stop) == 0
        await asyncio.gather(call, return_exceptions=True)


@pytest.mark.process
@POSIX_SIGNALS
async def test_a_second_signal_does_not_wait_for_requests(
    start_server: Start, wires_to: Any, held: Any
) -> None:
    server = start_server("--drain-timeout-s", "100")
    async with wires_to(server.url) as wires:
        call = asyncio.create_task(wires.call("hold", {"port": held.port}))
        await held.arrived.wait()
        server.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(server.wait_for, "draining")
        await asyncio.to_thread(server.stop)
        await asyncio.gather(call, return_exceptions=True)


@pytest.mark.process
async def test_misbehaving_clients_do_not_affect_others(
    start_server: Start, wires_to: Any, held: Any
) -> None:
    server = start_server("--max-body-bytes", "1000")
    async with wires_to(server.url) as wires:
        session = await wires.open_session()
        async with wires_to(server.url) as leaving:
            calls = [
                asyncio.create_task(leaving.call("hold", {"port": held.port})),
                asyncio.create_task(leaving.call_in_session(session, "hold", {"port": held.port})),
            ]
            while len(held.writers) < 2:
                await held.arrived.wait()
                held.arrived.clear()
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        port = _port(server.url)
        with socket.create_connection(("127.0.0.1", port)) as half:
            half.sendall(b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n{")
        huge = b"x" * 2000
        for request in (
            b"content-length: 2000\r\n\r\n" + huge,
            b"transfer-encoding: chunked\r\n\r\n7d0\r\n" + huge + b"\r\n0\r\n\r\n",
        ):
            assert (await _status_line(port, request)).startswith(b"HTTP/1.1 413 ")
        assert (await _status_line(port, b"content-length: many\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        held.release("unread")
        text = {"text": "still here"}
        assert (await wires.call("shout", text)).status_code == 200
        assert (await wires.call_in_session(session, "shout", text)).status_code == 200
    assert await asyncio.to_thread(server.stop) == 0
    assert not any("Traceback" in line for line in server.log), server.log


def _port(url: str) -> int:
    return httpx2.URL(url).port or 0


async def _status_line(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n" + request)
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


@pytest.fixture
def _process_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restores what `serve` sets for the whole process."""
    monkeypatch.setattr(fastmcp.settings, "telemetry_mode", fastmcp.settings.telemetry_mode)
    loggers = [
        logging.getLogger(name) for name in ("", "fastmcp", "mcp", "uvicorn", "opentelemetry", "asyncio")
    ]
    before = [(logger, logger.level, logger.handlers[:], logger.propagate) for logger in loggers]
    yield
    for logger, level, handlers, propagate in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate = propagate


def _run_main(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    code = main(lambda _settings: FastMCP("demo"), DemoSettings, arguments)
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err.splitlines()


@pytest.mark.usefixtures("_process_as_before")
def test_a_port_in_use_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert _run_main(capsys, "--port", str(port)) == (
            1,
            [
                f"demo: cannot listen on 127.0.0.1:{port}: expected a free port, got one in use: stop the "
                "other program, or choose another port with --port or DEMO_PORT (0 picks a free one)"
            ],
        )


def test_serve_refuses_several_workers() -> None:
    with pytest.raises(SettingsError, match="expected 1 worker, got 2: `serve` has one app; use `main`"):
        serve(FastMCP("demo"), DemoSettings(workers=2))


@pytest.mark.usefixtures("_process_as_before")
def test_a_ready_file_that_cannot_be_written_is_reported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = tmp_path / "missing" / "ready.json"
    code, lines = _run_main(capsys, "--port", "0", "--ready-file", str(missing))
    assert code == 1
    (line,) = lines
    assert str(missing) in line
    assert "its folder must exist and be writable" in line


def test_each_malformed_variable_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_PORT", "eighty")
    monkeypatch.setenv("DEMO_MAX_SESSIONS", "-1")
    code, lines = _run_main(capsys)
    assert code == 2
    first, second = lines
    assert first.startswith("demo: DEMO_PORT or --port: expected a valid integer")
    assert second.startswith("demo: DEMO_MAX_SESSIONS or --max-sessions: expected greater than")


async def _stdio(*lines: str, options: Sequence[str] = ()) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        "--transport",
        "stdio",
        *options,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    for line in lines:
        process.stdin.write(f"{line}\n".encode())
    await process.stdin.drain()
    return process


INITIALIZE = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
)


@pytest.mark.process
async def test_stdio_carries_only_the_protocol_and_ends_when_stdin_is_closed() -> None:
    process = await _stdio(
        INITIALIZE,
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"shout","arguments":{"text":"hey"}}}',
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers = [json.loads(await process.stdout.readline()) for _ in range(2)]
    assert answers[0]["result"]["serverInfo"]["name"] == "served"
    assert answers[1]["result"]["content"][0]["text"] == "hey"
    process.stdin.close()
    rest, errors = await process.communicate()
    assert rest == b""
    assert b"hey" in errors, "what a tool prints goes to stderr"
    assert process.returncode == 0


@pytest.mark.process
@POSIX_SIGNALS
async def test_stdio_ends_on_a_signal_after_the_calls_in_flight(held: Any) -> None:
    call = {"name": "hold", "arguments": {"port": held.port}}
    process = await _stdio(
        INITIALIZE,
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}),
    )
    await held.arrived.wait()
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    assert process.stderr is not None
    while b"stops on a signal" not in await process.stderr.readline():
        pass
    held.release("released")
    output = await process.stdout.read()
    assert await process.wait() == 0
    assert b"released" in output
    assert process.stdin is not None
    process.stdin.close()


@pytest.mark.process
@POSIX_SIGNALS
async def test_stdio_does_not_wait_for_calls_beyond_the_drain_timeout(held: Any) -> None:
    call = {"name": "hold", "arguments": {"port": held.port}}
    process = await _stdio(
        INITIALIZE,
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}),
        options=("--drain-timeout-s", "0.2"),
    )
    await held.arrived.wait()
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0
    await process.communicate()


@pytest.mark.process
@pytest.mark.parametrize(
    "options",
    [(), pytest.param(("--workers", "2"), marks=pytest.mark.long)],
    ids=["one process", "two workers"],
)
async def test_middleware_and_routes_of_a_program(
    start_server: Any, wires_to: Any, options: tuple[str, ...]
) -> None:
    script = Path(__file__).with_name("served_with_parts.py")
    server = start_server("--auth-tokens", "t" * 20, *options, command=[sys.executable, str(script)])
    async with wires_to(server.url) as wires:
        assert (await wires.http.get("/hello/you")).status_code == 401
        wires.http.headers["authorization"] = f"Bearer {'t' * 20}"
        answer = await wires.http.get("/hello/you")
        assert (answer.text, answer.headers.get_list("x-stamp")) == ("hello you", ["inner", "outer"])
        for _ in range(3):  # a call that could take the shortcut
            called = await wires.call("process_id", {})
            assert (called.status_code, called.headers.get_list("x-stamp")) == (200, ["inner", "outer"])
        assert "mcp_fast_lane_calls_total" in (await wires.http.get("/metrics")).text
    assert await asyncio.to_thread(server.stop) == 0


@pytest.mark.process
async def test_stdio_answers_the_calls_in_flight_when_stdin_is_closed(held: Any) -> None:
    call = {"name": "hold", "arguments": {"port": held.port}}
    process = await _stdio(
        INITIALIZE,
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        *(
            json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call})
            for number in range(1, 21)
        ),
    )
    while len(held.writers) < 20:
        held.arrived.clear()
        await held.arrived.wait()
    assert process.stdin is not None
    process.stdin.close()
    held.release("released")
    output, _ = await process.communicate()
    answers = [json.loads(line) for line in output.splitlines()]
    assert [answer["result"]["content"][0]["text"] for answer in answers[1:]] == ["released"] * 20
    assert process.returncode == 0


@pytest.mark.process
@POSIX_SIGNALS
async def test_stdio_ends_at_once_on_a_signal_after_the_end_of_stdin(held: Any) -> None:
    call = {"name": "hold", "arguments": {"port": held.port}}
    process = await _stdio(
        INITIALIZE,
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}),
        options=("--drain-timeout-s", "600", "--request-timeout-s", "600"),
    )
    await held.arrived.wait()
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.close()
    while b"stdin has ended" not in await process.stderr.readline():
        pass
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 60) == 0
    await process.communicate()
