"""Real workers at one port; each new connection reaches any of them."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from fastmcp import FastMCP

from server_core import ServerSettings
from server_core.workers import supervisor as supervisor_module
from server_core.workers.http_parts import NO_PARTS

pytestmark = [
    pytest.mark.long,
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="workers share a port, which Windows cannot"),
]

Start = Callable[..., Any]


@pytest.fixture
def reconnecting(wires_to: Any) -> Any:
    """Returns a context manager that yields a client with a new connection for each request."""

    @contextlib.asynccontextmanager
    async def connect(url: str) -> AsyncIterator[Any]:
        async with wires_to(url) as wires:
            wires.http.headers["connection"] = "close"
            yield wires

    return connect


@pytest.fixture
def temporary_folder() -> Iterator[Path]:
    """A folder with a short path, as paths of sockets must be short."""
    with tempfile.TemporaryDirectory(prefix="t-") as name:
        yield Path(name)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def workers_of(server: Any) -> dict[int, psutil.Process]:
    """Return the worker processes by number."""
    workers = {}
    for child in psutil.Process(server.process.pid).children():
        for connection in child.net_connections("unix"):
            name = Path(str(connection.laddr)).stem
            if name.startswith("worker-") and connection.status != "ESTABLISHED":
                workers[int(name.removeprefix("worker-"))] = child
    return workers


def number_of(session: str) -> int:
    return int(session.partition(".")[0])


async def sessions_of_both(wires: Any) -> dict[int, str]:
    """Open sessions until each of two workers has one, and close the others."""
    sessions: dict[int, str] = {}
    while len(sessions) < 2:
        session = await wires.open_session()
        if number_of(session) in sessions:
            assert (await wires.delete(session)).status_code == 200
        else:
            sessions[number_of(session)] = session
    return sessions


async def answering_process(wires: Any, session: str = "") -> int:
    answer = await (
        wires.call_in_session(session, "process_id", {}) if session else wires.call("process_id", {})
    )
    assert answer.status_code == 200, answer.text
    return int(answer.json()["result"]["content"][0]["text"])


async def test_sessions_stay_with_their_worker_and_stateless_calls_spread(
    start_server: Start, reconnecting: Any
) -> None:
    server = start_server("--workers", "2")
    workers = workers_of(server)
    assert len(workers) == 2
    async with reconnecting(server.url) as wires:
        stateless = [await answering_process(wires) for _ in range(40)]
        assert set(stateless) == {worker.pid for worker in workers.values()}
        sessions = await sessions_of_both(wires)
        for number, session in sessions.items():
            processes = {await answering_process(wires, session) for _ in range(20)}
            assert processes == {workers[number].pid}
            listed = [await wires.in_session(session, "tools/list") for _ in range(6)]
            assert len({len(answer.json()["result"]["tools"]) for answer in listed}) == 1
            promoted = [await wires.in_session(session, "prompts/get", {"name": "none"}) for _ in range(6)]
            assert {answer.status_code for answer in promoted} == {200}
            assert {answer.headers["mcp-session-id"] for answer in promoted} == {session}
        metrics = (await wires.http.get("/metrics")).text
        assert 'mcp_tool_calls_total{tool="process_id"} 80.0' in metrics
        assert "mcp_workers 2.0" in metrics
        assert "mcp_sessions_open 2.0" in metrics
        for session in sessions.values():
            assert (await wires.delete(session)).status_code == 200
            gone = [(await wires.in_session(session, "ping")).status_code for _ in range(6)]
            assert set(gone) == {404}
        for strange in ("7.abc", "1.abc", "abc", "0.", ".", "99999999999.abc"):
            assert (await wires.in_session(strange, "ping")).status_code == 404
    assert await asyncio.to_thread(server.stop) == 0
    assert not any(psutil.pid_exists(worker.pid) for worker in workers.values())
    assert not any("Traceback" in line for line in server.log), server.log


async def test_an_event_stream_is_relayed_by_another_worker(start_server: Start, reconnecting: Any) -> None:
    server = start_server("--workers", "2", "--drain-timeout-s", "60")
    async with reconnecting(server.url) as wires, contextlib.AsyncExitStack() as stack:
        sessions = await sessions_of_both(wires)
        headers = {"accept": "text/event-stream"}
        streams = []
        for session in sessions.values():
            own = {**wires.session_headers(session), **headers}
            streams.append(await stack.enter_async_context(wires.http.stream("GET", wires.path, headers=own)))
            # A session's second stream is refused, whichever worker it reaches.
            refused = [(await wires.http.get(wires.path, headers=own)).status_code for _ in range(4)]
            assert set(refused) == {409}
        assert {stream.status_code for stream in streams} == {200}
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        for stream in streams:
            assert [chunk async for chunk in stream.aiter_bytes()] == []
        assert await stopping == 0


async def test_a_killed_worker_is_replaced_while_the_other_keeps_serving(
    start_server: Start, reconnecting: Any
) -> None:
    server = start_server("--workers", "2")
    async with reconnecting(server.url) as wires:
        sessions = await sessions_of_both(wires)
        before = workers_of(server)
        before[0].kill()
        await asyncio.to_thread(server.wait_for, "worker 0 ended with exit code -9, and its sessions with it")
        # The other worker accepts the connections of the dead one: none is refused, and none waits.
        processes = {await answering_process(wires, sessions[1]) for _ in range(12)}
        assert processes == {before[1].pid}
        lost = {(await wires.in_session(sessions[0], "ping")).status_code for _ in range(12)}
        assert lost == {404}
        while before[1].pid == await answering_process(wires):
            pass  # until the replacement is ready
        stateless = {await answering_process(wires) for _ in range(40)}
        after = workers_of(server)
        assert stateless == {worker.pid for worker in after.values()}
        assert after[1].pid == before[1].pid
        assert after[0].pid != before[0].pid
        assert number_of((await sessions_of_both(wires))[0]) == 0
    assert await asyncio.to_thread(server.stop) == 0


async def test_no_connection_waits_for_the_replacement_of_a_killed_worker(
    start_server: Start, reconnecting: Any, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    server = start_server("--workers", "3", environment={"SERVED_STARTS_WHILE": str(gate)})
    async with reconnecting(server.url) as wires:
        wires.http.timeout = 5
        before = workers_of(server)
        gate.unlink()
        for number in (0, 2):
            before[number].kill()
            await asyncio.to_thread(server.wait_for, f"worker {number} ended with exit code -9")
        # No replacement can start for now.
        assert {await answering_process(wires) for _ in range(60)} == {before[1].pid}
        gate.touch()
        stateless: set[int] = set()
        while len(stateless) < 3 or stateless != {worker.pid for worker in workers_of(server).values()}:
            stateless = {await answering_process(wires) for _ in range(30)}
    assert await asyncio.to_thread(server.stop) == 0


async def test_a_call_whose_worker_is_killed_is_answered_502(
    start_server: Start, wires_to: Any, held: Any
) -> None:
    server = start_server("--workers", "2")
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(wires_to(server.url))
        session = await first.open_session()
        # Connect until the other worker is reached.
        while True:
            other = await stack.enter_async_context(wires_to(server.url))
            if number_of(await other.open_session()) != number_of(session):
                break
        call = asyncio.create_task(other.call_in_session(session, "hold", {"port": held.port}))
        await held.arrived.wait()
        workers_of(server)[number_of(session)].kill()
        answer = await call
        assert answer.status_code == 502
        assert "open a new session" in answer.json()["error"]["message"]
    assert await asyncio.to_thread(server.stop) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_drain_waits_for_calls_forwarded_to_another_worker(
    start_server: Start, wires_to: Any, held: Any, number: signal.Signals
) -> None:
    server = start_server("--workers", "2")
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(wires_to(server.url))
        session = await first.open_session()
        calls = []
        seen = set()
        while len(seen) < 2:
            wires = await stack.enter_async_context(wires_to(server.url))
            seen.add(number_of(await wires.open_session()))
            calls.append(asyncio.create_task(wires.call_in_session(session, "hold", {"port": held.port})))
        while len(held.writers) < len(calls):
            held.arrived.clear()
            await held.arrived.wait()
        # Control-C reaches all processes of a terminal; the workers leave it to their supervisor.
        for worker in workers_of(server).values():
            worker.send_signal(signal.SIGINT)
        server.process.send_signal(number)
        await asyncio.to_thread(server.wait_for, "draining")
        held.release("released")
        answers = await asyncio.gather(*calls)
        assert [answer.status_code for answer in answers] == [200] * len(calls)
        assert all("released" in answer.text for answer in answers)
        assert await asyncio.to_thread(server.finish) == 0


async def test_a_second_signal_ends_all_workers(start_server: Start, wires_to: Any, held: Any) -> None:
    server = start_server("--workers", "2", "--drain-timeout-s", "100")
    async with wires_to(server.url) as wires:
        call = asyncio.create_task(wires.call("hold", {"port": held.port}))
        await held.arrived.wait()
        server.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(server.wait_for, "draining")
        assert await asyncio.to_thread(server.stop) == 0
        await asyncio.gather(call, return_exceptions=True)


async def test_workers_share_one_rate_limit(start_server: Start, reconnecting: Any) -> None:
    server = start_server("--workers", "2", "--rate-limit-per-s", "0.01", "--rate-limit-burst", "20")
    async with reconnecting(server.url) as wires:
        statuses = [(await wires.call("process_id", {})).status_code for _ in range(40)]
        assert statuses == [200] * 20 + [429] * 20
        assert "mcp_rate_limited_total 20.0" in (await wires.http.get("/metrics")).text
    assert await asyncio.to_thread(server.stop) == 0


async def test_forwarded_requests_keep_their_token(start_server: Start, reconnecting: Any) -> None:
    ann, bob = "ann-" + "a" * 20, "bob-" + "b" * 20
    server = start_server("--workers", "2", environment={"SERVED_AUTH_TOKENS": f"{ann},{bob}"})
    async with reconnecting(server.url) as wires:
        assert (await wires.http.get("/metrics")).status_code == 401
        wires.http.headers["authorization"] = f"Bearer {ann}"
        session = await wires.open_session()
        assert {(await wires.in_session(session, "ping")).status_code for _ in range(8)} == {200}
        assert "mcp_workers 2.0" in (await wires.http.get("/metrics")).text
        wires.http.headers["authorization"] = f"Bearer {bob}"
        assert {(await wires.in_session(session, "ping")).status_code for _ in range(8)} == {404}
    assert await asyncio.to_thread(server.stop) == 0


async def test_workers_end_with_their_supervisor_and_leave_no_folder(
    start_server: Start, wires_to: Any, temporary_folder: Path
) -> None:
    server = start_server("--workers", "2", environment={"TMPDIR": str(temporary_folder)})
    workers = list(workers_of(server).values())
    assert [name[:4] for name in names_in(temporary_folder)] == ["mcp-"]
    async with wires_to(server.url) as wires:
        await wires.open_session()
    os.kill(server.process.pid, signal.SIGKILL)
    gone, alive = await asyncio.to_thread(psutil.wait_procs, workers, timeout=60)
    assert len(gone) == 2
    assert not alive
    assert names_in(temporary_folder) == []


def test_a_worker_that_cannot_start_ends_the_server(start_server: Start) -> None:
    server = start_server(
        "--workers", "2", "--port", "0", environment={"SERVED_REFUSES_TO_START": "1"}, ready=False
    )
    assert server.finish() == 1
    log = "".join(server.log)
    assert "configured not to start" in log
    assert server.log[-1].startswith("served-app: worker ")
    assert "ended with exit code 1 before it was ready" in server.log[-1]


async def test_every_worker_refuses_a_body_above_the_limit(start_server: Start, reconnecting: Any) -> None:
    server = start_server("--workers", "2", "--max-body-bytes", "500")
    async with reconnecting(server.url) as wires:
        session = await wires.open_session()
        big = [await wires.call_in_session(session, "shout", {"text": "x" * 600}) for _ in range(8)]
        assert {answer.status_code for answer in big} == {413}
        half = httpx2.Request("POST", server.url, content=b"{", headers={"mcp-session-id": session})
        assert (await wires.http.send(half)).status_code in (400, 406)
    assert await asyncio.to_thread(server.stop) == 0


class FakeProcess:
    """A worker process that does not react to signals."""

    exitcode = 1

    def __init__(self) -> None:
        self.signals: list[str] = []

    def kill(self) -> None:
        self.signals.append("kill")

    def terminate(self) -> None:
        self.signals.append("terminate")


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Any]:
    """A supervisor of one worker that has been ready."""
    receiving, sending = socket.socketpair()
    with receiving, sending:
        instance = supervisor_module._Supervisor(
            lambda: FastMCP("app"),
            ServerSettings(_env_file=None, drain_timeout_s=3),
            [],
            parts=NO_PARTS,
            folder=tmp_path,
            signals=receiving,
            on_ready=lambda: None,
        )
        instance._has_been_ready = True
        yield instance


def worker_with(process: FakeProcess) -> Any:
    pipe, _ = multiprocessing.Pipe()
    return supervisor_module._Worker(0, process, pipe)  # type: ignore[arg-type]


def test_restart_pauses_grow_up_to_half_a_minute(supervisor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "monotonic", lambda: 100.0)
    pauses_s = []
    for _ in range(9):
        supervisor._replace(worker_with(FakeProcess()))
        pauses_s.append(supervisor._starts_at_s[0] - 100.0)
    assert pauses_s == [1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_a_worker_that_does_not_end_is_killed(supervisor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr(supervisor_module, "monotonic", lambda: now_s[0])
    process = FakeProcess()
    supervisor._workers = {0: worker_with(process)}
    supervisor._stop()
    for now_s[0] in (115.0, 115.9):
        supervisor._advance()
    assert process.signals == ["terminate"]
    now_s[0] = 116.1  # two drains of 3 s and 10 s to end
    supervisor._advance()
    assert process.signals == ["terminate", "kill"]
