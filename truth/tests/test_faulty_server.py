"""The faulty server does what its modes say, and its account agrees."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

SERVER = Path(__file__).parents[1] / "faulty_server.py"

pytestmark = pytest.mark.process

STATELESS = {"MCP-Protocol-Version": "2026-07-28", "Content-Type": "application/json"}


class Server:
    """A started server, to which the test speaks without a library's help."""

    def __init__(self, *modes: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER), *modes], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def send(
        self, document: dict[str, Any], headers: dict[str, str], *, method: str = "POST"
    ) -> tuple[int, str, Any]:
        """Return status, body and headers."""
        response = httpx2.request(
            method, self.url, json=document, headers=headers, timeout=5, trust_env=False
        )
        return response.status_code, response.text, response.headers

    def call(
        self, tool: str = "add", *, headers: dict[str, str] = STATELESS, **arguments: object
    ) -> tuple[int, str]:
        """Call a tool on the stateless wire, `add` of 1 and 2 unless arguments are given."""
        params = {"name": tool, "arguments": arguments or {"a": 1, "b": 2}}
        message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
        status, body, _ = self.send(message, headers)
        return status, body

    def truth(self) -> dict[str, Any]:
        """Return the server's account."""
        response = httpx2.get(self.url.removesuffix("/mcp") + "/truth", timeout=5, trust_env=False)
        return response.json()  # type: ignore[no-any-return] # it is an object


@pytest.fixture
def start() -> Iterator[Any]:
    """Return a function that starts a server, which ends with the test."""
    servers: list[Server] = []

    def started(*modes: str) -> Server:
        servers.append(Server(*modes))
        return servers[-1]

    yield started
    for server in servers:
        server.process.terminate()
        server.process.communicate(timeout=10)


def test_without_modes_every_answer_is_right(start: Any) -> None:
    server = start()
    status, body = server.call()
    assert (status, json.loads(body)["result"]["structuredContent"]) == (200, {"result": 3})
    assert json.loads(server.call("echo", text="hello")[1])["result"]["content"][0]["text"] == "hello"
    assert json.loads(server.call("fail")[1])["result"]["isError"] is True
    truth = server.truth()
    assert truth["received"] == 3
    assert truth["outcomes"]["right"] == 3


def test_sessions_open_and_end(start: Any) -> None:
    server = start()
    initialize = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    status, _, headers = server.send(initialize, {})
    session = {"Mcp-Session-Id": headers["Mcp-Session-Id"]}
    assert status == 200
    assert server.call(headers=session)[0] == 200
    assert server.send({}, session, method="DELETE")[0] == 200
    assert server.call(headers=session)[0] == 404
    assert server.call(headers={})[0] == 400


@pytest.mark.parametrize(
    ("mode", "status", "expected"),
    [
        ("wrong_every=1", 200, '"result":4}'),
        ("prefix_every=1", 200, '"result":31}'),
        ("truncate_every=1", 200, '"structuredContent":{"result":3},"isError":false'),
        ("garbage_every=1", 200, "}]}<html>"),
        ("meta_only_every=1", 200, '"_meta":{"content":[{"type":"text","text":"3"}],"structuredContent"'),
        ("wrong_id_every=1", 200, '"id":8,'),
        ("rpc_error_every=1", 200, '"data":{"result":{}}'),
        ("soft_error_every=1", 200, '"isError":true}'),
        ("is_error_every=1", 200, '"isError":true'),
        ("http_500_every=1", 500, "Traceback"),
        ("http_503_every=1", 503, "busy"),
        ("http_429_every=1", 429, "busy"),
        ("sse=1", 200, "event: message\ndata: {"),
    ],
)
def test_each_fault_shows_in_the_answer_and_in_the_account(
    start: Any, mode: str, status: int, expected: str
) -> None:
    server = start(mode)
    answer = server.call()
    assert answer[0] == status
    assert expected in answer[1]
    fault = mode.partition("_every")[0]
    assert server.truth()["outcomes"] == {"right" if "sse" in fault else fault: 1, "unanswered": 0}


def test_faults_strike_every_nth_call(start: Any) -> None:
    server = start("wrong_every=3")
    wrong = ['"result":4' in server.call()[1] for _ in range(6)]
    assert wrong == [False, False, True, False, False, True]


def test_lost_sessions_are_unknown(start: Any) -> None:
    server = start("lose_session_after=2", "gauges=1")
    initialize = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    session = {"Mcp-Session-Id": server.send(initialize, {})[2]["Mcp-Session-Id"]}
    assert [server.call(headers=session)[0] for _ in range(3)] == [200, 200, 404]
    truth = server.truth()
    assert truth["sessions_lost"] == 1
    assert truth["outcomes"] == {"right": 2, "session_lost": 1, "unanswered": 0}


def test_cpu_of_forked_children_is_in_the_account(start: Any) -> None:
    server = start("fork_cpu_us=20000")
    for _ in range(3):
        server.call()
    truth = server.truth()
    assert truth["forks"] == 3
    assert truth["cpu_s"] >= 0.06


def test_the_account_is_appended_when_the_server_ends(start: Any, tmp_path: Path) -> None:
    account = tmp_path / "truth.jsonl"
    server = start("--truth-file", str(account))
    server.call()
    server.process.terminate()
    server.process.communicate(timeout=10)
    assert json.loads(account.read_text(encoding="utf-8"))["outcomes"]["right"] == 1


def test_an_unknown_mode_is_refused_with_a_near_name(start: Any) -> None:
    server = start("wrong_evry=3")
    assert server.process.wait(10) == 2
    assert server.process.stderr is not None
    assert "wrong_every" in server.process.stderr.read()


def test_only_calls_of_the_counted_client_are_in_the_account(start: Any) -> None:
    server = start("counted_agent=k6", "wrong_every=2")
    right = server.call()[1]
    wrong = server.call(headers={**STATELESS, "User-Agent": "Grafana k6/1.1.0"})[1]
    assert '"result":3' in right
    assert '"result":4' in wrong, "faults strike by the number of all calls"
    assert server.truth()["outcomes"] == {"wrong": 1, "unanswered": 0}
    assert '"result":3' in server.call()[1]
    assert '"result":4' in server.call()[1], "calls that are not counted meet the faults, too"


def test_limiter_refuses_at_once_what_exceeds_it(start: Any) -> None:
    server = start("admits_per_s=0.001", "admits_burst=2", "service_ms=20")
    assert [server.call()[0] for _ in range(4)] == [200, 200, 429, 429]
    assert server.truth()["outcomes"]["http_429"] == 2


def test_calls_wait_for_the_workers(start: Any) -> None:
    server = start("service_ms=30", "workers=1")
    assert [server.call()[0] for _ in range(3)] == [200, 200, 200]
    assert server.truth()["duration_ms"]["med"] == pytest.approx(30, abs=10)
