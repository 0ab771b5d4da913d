"""Tests of the reference servers as processes: their answers and defaults, and the cost of a burn."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx2
import psutil
import pytest

from calculator_server.perf_adapter import mixed_journeys
from lab_references import adapters, node
from perf_core.adapter import Wire
from perf_core.interruption import Interruption
from perf_core.server.client.connection import connect
from perf_core.server.live import LiveServer, StartOptions, live_server
from perf_core.server.process import ServerProcess
from perf_core.server.subject import Subject

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}
BURN_US = 5_000
CALLS = 40
NO_RESULT = ("Division by zero has no result.", "The result is not a finite 64-bit float.")

needs_typescript = pytest.mark.skipif(bool(node.missing()), reason=node.missing())
SERVERS_AND_WIRES = [
    pytest.param((adapters.asgi, "session"), id="asgi-session"),
    pytest.param((adapters.asgi, "stateless"), id="asgi-stateless"),
    pytest.param((adapters.fastmcp, "session"), id="fastmcp-session"),
    pytest.param((adapters.fastmcp, "stateless"), id="fastmcp-stateless"),
    pytest.param((adapters.typescript, "session"), id="typescript-session", marks=needs_typescript),
    pytest.param((adapters.typescript, "stateless"), id="typescript-stateless", marks=needs_typescript),
]


@pytest.fixture(params=SERVERS_AND_WIRES)
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[LiveServer, Wire]]:
    adapter, wire = request.param
    with live_server(Subject(adapter), wire, StartOptions(tmp_path / "server.log"), Interruption()) as server:
        yield server, wire


@pytest.mark.process
def test_answers_equal_those_of_the_calculator(live: tuple[LiveServer, Wire]) -> None:
    server, wire = live
    assert server.handshake.tools == ("add", "divide", "multiply", "subtract")
    with connect(server.url, wire) as client:
        for journey in islice(mixed_journeys(5)["mix"], 12):
            (step,) = journey.steps
            result = client.call(step.tool, step.arguments)
            structured = json.loads(json.dumps(result["structuredContent"]), parse_int=float)
            assert structured == step.expect.value
            (content,) = result["content"]
            assert content["type"] == "text"
            assert json.loads(content["text"], parse_int=float) == structured
            assert not result.get("isError")
        for tool, a, b in (("divide", 1.0, 0.0), ("divide", 0.0, 0.0), ("add", 1e308, 1e308)):
            result = client.call(tool, {"a": a, "b": b})
            assert result["isError"] is True
            assert result["content"][0]["text"] in NO_RESULT
    assert server.changed() == ""


def initialize(server: ServerProcess) -> httpx2.Response:
    with httpx2.Client(trust_env=False) as http:
        return http.post(server.url, json=INITIALIZE, headers=ACCEPT)


@pytest.mark.process
def test_fastmcp_answers_with_event_streams_by_default(tmp_path: Path) -> None:
    with ServerProcess(adapters.fastmcp.launch, "session", tmp_path / "log") as server:
        assert initialize(server).headers["content-type"].startswith("text/event-stream")
        # uvicorn logs a line per request by default; there is no banner.
        assert "POST /mcp" in server.log_tail()
        assert "gofastmcp" not in server.log_tail().lower()


@needs_typescript
def test_typescript_answers_in_json_and_ends_a_deleted_session(tmp_path: Path) -> None:
    with ServerProcess(adapters.typescript.launch, "session", tmp_path / "log") as server:
        answer = initialize(server)
        assert answer.headers["content-type"].startswith("application/json")
        session = {
            **ACCEPT,
            "Mcp-Session-Id": answer.headers["mcp-session-id"],
            "MCP-Protocol-Version": "2025-11-25",
        }
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        with httpx2.Client(trust_env=False) as http:
            assert http.post(server.url, json=ping, headers=session).status_code == 200
            assert http.delete(server.url, headers=session).status_code == 200
            assert http.post(server.url, json=ping, headers=session).status_code == 404
        # Node itself is the measured process, and SIGTERM ends it gracefully.
        assert psutil.Process(server.pid).children() == []
        assert server.stop() == 0


@pytest.mark.process
@pytest.mark.parametrize("adapter", [adapters.asgi, adapters.fastmcp], ids=lambda adapter: adapter.name)
def test_burn_costs_cpu_time(adapter: adapters.ReferenceAdapter, tmp_path: Path) -> None:
    launch = adapters.with_burn(adapter, BURN_US).launch
    with (
        ServerProcess(launch, "session", tmp_path / "log") as server,
        connect(server.url, "session") as client,
    ):
        process = psutil.Process(server.pid)
        before = process.cpu_times()
        for _ in range(CALLS):
            client.call("add", {"a": 1.0, "b": 2.0})
        after = process.cpu_times()
    spent_us = 1e6 * (after.user + after.system - before.user - before.system) / CALLS
    # The upper bound allows for FastMCP's own 2 ms and for the clock's steps of 10 ms over 40 calls.
    assert BURN_US * 0.9 < spent_us < BURN_US * 3
