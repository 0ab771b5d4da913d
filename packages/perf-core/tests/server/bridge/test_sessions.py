"""Sessions through a real bridge: a process for each, for each connection without one, or for all."""

import functools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import psutil
import pytest

from perf_core.server.bridge import echo_child

pytestmark = pytest.mark.process

Bridge = Any
Start = Callable[..., Bridge]
STATELESS = {"MCP-Protocol-Version": "2026-07-28"}


def call(number: object = 1, a: int = 1, b: int = 2) -> dict:
    params = {"name": "add", "arguments": {"a": a, "b": b}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def pid_of(response: httpx2.Response) -> int:
    pid: int = response.json()["result"]["structuredContent"]["pid"]
    return pid


def test_each_session_has_a_process_that_ends_with_it(bridge: Bridge) -> None:
    first, second = bridge.session(), bridge.session()
    pids = [pid_of(session.add(1, 1_000)) for session in (first, second)]
    assert len(set(pids)) == 2
    assert all(map(psutil.pid_exists, pids))
    assert first.delete() == 200
    assert not psutil.pid_exists(pids[0])
    assert first.add(1, 2).status_code == 404
    assert first.delete() == 404
    assert second.total(1, 2) == 3
    assert second.delete() == 200
    assert not psutil.pid_exists(pids[1])


@pytest.mark.parametrize("number", [7, "seven", 'a\\"b', 7.0, 2**40])
@pytest.mark.parametrize("style", ["python", "typescript", "blanks"])
def test_answers_are_passed_through_whatever_their_ids(
    style: str, number: object, styles: dict[str, Bridge]
) -> None:
    session = styles[style].session()
    response = session.http.post(session.url, json=call(number), headers=session.headers)
    assert response.json()["id"] == number
    assert response.json()["result"]["structuredContent"] == {"result": 3}
    session.delete()


@pytest.mark.skipif(not hasattr(psutil.Process, "num_fds"), reason="counts files on POSIX only")
def test_process_has_no_files_of_the_bridge(bridge: Bridge) -> None:
    sessions = [bridge.session(), bridge.session()]
    assert [process.num_fds() for process in bridge.children()] == [3, 3], "its standard ones"
    for session in sessions:
        session.delete()


def test_answer_is_the_very_line_of_the_server(bridge: Bridge) -> None:
    session = bridge.session()
    text = session.http.post(session.url, json=call(), headers=session.headers).text
    result = {"content": [{"type": "text", "text": "3"}], "structuredContent": {"result": 3}}
    assert text == json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}, separators=(",", ":"))
    session.delete()


def test_connections_without_sessions_have_a_process_each(
    bridge: Bridge, wait_until: Callable[..., Any]
) -> None:
    with httpx2.Client(trust_env=False) as first, httpx2.Client(trust_env=False) as second:
        pids = [
            pid_of(client.post(bridge.url, json=call(n, b=1_000), headers=STATELESS))
            for n, client in ((1, first), (1, second), (2, first), (2, second))
        ]
        assert pids[0] == pids[2]
        assert pids[1] == pids[3]
        assert pids[0] != pids[1]
    wait_until(lambda: not any(map(psutil.pid_exists, pids)), "an end of both processes")


def test_shared_process_serves_all_sessions_with_equal_ids(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "late", shared=True)
    clients = [httpx2.Client(timeout=20, trust_env=False) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        sessions = list(pool.map(bridge.session, clients))
        totals = list(pool.map(lambda pair: pair[1].total(pair[0], 10), enumerate(sessions)))
        stateless = clients[0].post(bridge.url, json=call(), headers=STATELESS)
    assert totals == [10, 11, 12, 13]
    assert stateless.json()["result"]["structuredContent"] == {"result": 3}
    assert len(bridge.children()) == 1
    assert [session.delete() for session in sessions] == [200] * 4
    assert len(bridge.children()) == 1, "the shared process stays"
    assert bridge.counts.started == 1
    for client in clients:
        client.close()


def test_progress_is_streamed_to_a_client_that_asks_for_it(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "progress")
    session = bridge.session()
    assert session.add(1, 2).headers["content-type"] == "application/json"
    response = session.add(1, 2, progressToken="t")
    assert response.headers["content-type"] == "text/event-stream"
    data = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    assert [message.get("method") for message in data] == ["notifications/progress"] * 2 + [None]
    assert data[-1]["result"]["structuredContent"] == {"result": 3}
    assert bridge.counts.notifications == {"notifications/progress": 2}
    assert session.total(2, 2) == 4


def test_requests_of_the_server_are_declined_so_that_calls_end(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "asks")
    session = bridge.session()
    text = session.add(1, 2).json()["result"]["content"][0]["text"]
    assert json.loads(text) == [{"action": "decline"}, -1, {"roots": []}, {}]
    assert set(bridge.counts.server_requests.values()) == {1}
    assert len(bridge.counts.server_requests) == 4


@pytest.mark.parametrize(
    ("request_line", "headers", "body", "status"),
    [
        ("GET /mcp", {}, "", 405),
        ("PUT /mcp", {}, "{}", 405),
        ("DELETE /mcp", {}, "", 400),
        ("DELETE /mcp", {"Mcp-Session-Id": "no-such"}, "", 404),
        ("POST /mcp", {}, "no JSON", 400),
        ("POST /mcp", {}, json.dumps(call()), 400),
        ("POST /mcp", {"Mcp-Session-Id": "no-such"}, json.dumps(call()), 404),
        ("POST /mcp", {"Origin": "http://evil.test"}, json.dumps(call()), 403),
        ("GET /other", {}, "", 404),
    ],
)
def test_other_requests_are_refused(
    bridge: Bridge, request_line: str, headers: dict, body: str, status: int
) -> None:
    method, path = request_line.split()
    url = bridge.url.removesuffix("/mcp") + path
    assert bridge.http.request(method, url, headers=headers, content=body).status_code == status


def test_id_that_waits_already_is_refused(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "late")
    session = bridge.session()
    with ThreadPoolExecutor(2) as pool:
        post = functools.partial(httpx2.post, session.url, json=call(5), headers=session.headers)
        posts = [pool.submit(post, trust_env=False) for _ in "ab"]
    assert sorted(post.result().status_code for post in posts) == [200, 400]


@pytest.mark.long
def test_hundred_processes_at_once(start_command: Start) -> None:
    bridge = start_command("--", *echo_child.ARGV)
    limits = httpx2.Limits(max_connections=None)
    with httpx2.Client(timeout=60, trust_env=False, limits=limits) as http, ThreadPoolExecutor(25) as pool:
        sessions = list(pool.map(lambda _: bridge.session(http), range(100)))
        assert len(bridge.children()) == 100
        answers = list(pool.map(lambda session: session.post("ping", {}).json(), sessions))
        assert answers == [{"jsonrpc": "2.0", "id": 1, "result": {}}] * 100
        # Half of the sessions are left to the end of the bridge.
        assert set(pool.map(lambda session: session.delete(), sessions[:50])) == {200}
        left = bridge.children()
    assert len(left) == 50
    bridge.process.terminate()
    assert bridge.process.wait(20) == 0
    assert not any(process.is_running() for process in left)
