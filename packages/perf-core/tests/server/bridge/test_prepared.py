"""Servers that a real bridge starts before a client asks for them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

import psutil
import pytest

from perf_core.server.bridge import prepared as module
from perf_core.server.bridge.messages import read_request
from perf_core.server.bridge.pages import prepare_servers

pytestmark = pytest.mark.process

Bridge = Any


def initialize(**params: object) -> dict[str, object]:
    offer = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "other"}, **params}
    return {"jsonrpc": "2.0", "id": 77, "method": "initialize", "params": offer}


def test_sessions_get_the_processes_that_were_prepared(bridge: Bridge) -> None:
    before = {process.pid for process in bridge.children()}
    starts_s = prepare_servers(bridge.url, 2, initialize(), 20)
    assert len(starts_s) == 2
    assert all(start_s > 0 for start_s in starts_s)
    prepared = {process.pid for process in bridge.children()} - before
    assert len(prepared) == 2
    started = bridge.counts.started
    sessions = [bridge.session() for _ in range(3)]
    assert bridge.counts.started == started + 1, "only the third session has to start one"
    pids = [s.add(1, 1_000).json()["result"]["structuredContent"]["pid"] for s in sessions]
    assert set(pids[:2]) == prepared
    assert len(set(pids)) == 3
    assert [session.delete() for session in sessions] == [200] * 3
    assert not any(map(psutil.pid_exists, pids))


def test_answer_to_initialize_has_the_id_of_the_client(bridge: Bridge) -> None:
    prepare_servers(bridge.url, 1, initialize(), 20)
    response = bridge.initialize()
    assert response.json()["id"] == 0
    assert response.json()["result"]["serverInfo"]


def test_client_that_offers_something_else_gets_a_process_of_its_own(bridge: Bridge) -> None:
    prepare_servers(bridge.url, 1, initialize(protocolVersion="2025-06-18"), 20)
    started = bridge.counts.started
    bridge.session().delete()
    assert bridge.counts.started == started + 1


OWN = {"clientInfo": {"name": "perf-core", "version": "1"}}


class Own:
    """A session of the lab's own client."""

    def __init__(self, bridge: Bridge, **params: object) -> None:
        self.bridge = bridge
        response = bridge.http.post(bridge.url, json=initialize(**OWN, **params))
        assert response.status_code == 200
        self.headers = {"Mcp-Session-Id": response.headers["Mcp-Session-Id"]}
        self.send("notifications/initialized", number=None)

    def send(self, method: str, number: int | None = 1, **params: object) -> Any:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        body = message if number is None else {**message, "id": number}
        return self.bridge.http.post(self.bridge.url, json=body, headers=self.headers)

    def close(self) -> None:
        assert self.bridge.http.delete(self.bridge.url, headers=self.headers).status_code == 200


def test_process_that_was_only_looked_at_is_given_to_the_next_client(bridge: Bridge) -> None:
    own = Own(bridge)
    for method in ("tools/list", "ping"):
        assert own.send(method).status_code == 200
    own.close()
    started = bridge.counts.started
    session = bridge.session()
    assert session.total(1, 2) == 3
    assert bridge.counts.started == started
    session.delete()


@pytest.mark.parametrize("what", ["call", "other revision", "k6"])
def test_process_that_is_not_as_new_or_does_not_suit_is_not_given_away(what: str, bridge: Bridge) -> None:
    if what == "k6":
        bridge.session().delete()
    else:
        own = Own(bridge, **({"protocolVersion": "2025-03-26"} if what == "other revision" else {}))
        if what == "call":
            own.send("tools/call", name="add", arguments={"a": 1, "b": 2})
        own.close()
    started = bridge.counts.started
    bridge.session().delete()
    assert bridge.counts.started == started + 1
    if what == "other revision":
        again = Own(bridge, protocolVersion="2025-03-26")
        assert bridge.counts.started == started + 1
        again.send("tools/call", name="add", arguments={"a": 1, "b": 2})
        again.close()


def test_processes_in_reserve_count_among_those_to_prepare(bridge: Bridge) -> None:
    Own(bridge).close()
    started = bridge.counts.started
    starts_s = prepare_servers(bridge.url, 3, initialize(), 20)
    assert len(starts_s) == 3
    assert all(start_s > 0.01 for start_s in starts_s), "those that were there took their time, too"
    assert bridge.counts.started == started + 2
    for session in [bridge.session() for _ in range(3)]:
        session.delete()
    assert bridge.counts.started == started + 2


def test_process_that_suits_nobody_is_ended_before_the_load(bridge: Bridge, wait_until: Any) -> None:
    before = {process.pid for process in bridge.children()}
    Own(bridge, protocolVersion="2025-03-26").close()
    (other,) = (process for process in bridge.children() if process.pid not in before)
    assert prepare_servers(bridge.url, 1, initialize(), 20) != ()
    wait_until(lambda: not other.is_running(), "an end of the other")
    bridge.session().delete()


@pytest.mark.parametrize(
    ("used_percent", "is_theirs", "at_once"),
    [(5.0, True, 6), (100.0, True, 2), (100.0, False, 6)],
    ids=["idle machine", "busy with them", "busy with others"],
)
def test_more_servers_start_at_once_while_they_need_no_cpu(
    used_percent: float, is_theirs: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six servers that never answer in time, with places for two."""
    looks = []

    def cpu_percent() -> float:
        looks.append(1)
        return used_percent

    monkeypatch.setattr(module.psutil, "cpu_percent", cpu_percent)
    monkeypatch.setattr(module, "_children_cpu_s", lambda: time.monotonic() * 2 if is_theirs else 0.0)
    monkeypatch.setattr(module, "_LOOK_S", 0.001)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    waiting = []

    async def run() -> None:
        all_there, end = asyncio.Event(), asyncio.Event()

        async def start(_headers: object) -> None:
            waiting.append(1)
            if len(waiting) == at_once:
                all_there.set()
            await end.wait()
            raise OSError("it does not start")

        upstreams = module.PreparedUpstreams(start)  # type: ignore[arg-type]
        request = read_request(json.dumps(initialize()).encode())
        preparing = asyncio.create_task(upstreams.prepare(request, 6, 20))
        await asyncio.wait_for(all_there.wait(), 20)
        while len(looks) < 10:  # noqa: ASYNC110 - they are made by a task of the code under test
            await asyncio.sleep(0)
        assert len(waiting) == at_once
        end.set()
        assert await preparing == []

    asyncio.run(run())


def test_process_that_ended_while_it_waited_is_not_given_to_a_client(bridge: Bridge) -> None:
    before = {process.pid for process in bridge.children()}
    prepare_servers(bridge.url, 1, initialize(), 20)
    (prepared,) = (process for process in bridge.children() if process.pid not in before)
    prepared.kill()
    prepared.wait(20)
    session = bridge.session()
    assert session.total(1, 2) == 3
    session.delete()


def test_command_that_answers_nothing_prepares_nothing(start_command: Any) -> None:
    mute = start_command("--", "false")
    assert prepare_servers(mute.url, 2, initialize(), 20) == ()


def test_bridge_that_does_not_answer_in_time_prepares_nothing() -> None:
    assert prepare_servers("http://127.0.0.1:9/mcp", 2, initialize(), 1) == ()


def test_servers_that_are_stuck_are_ended_and_no_further_ones_are_started(
    start_command: Any, wait_until: Any
) -> None:
    waits = ("--stop-timeout", "0.3", "--", sys.executable, "-c", "import sys; sys.stdin.read()")
    stuck = start_command(*waits)
    assert prepare_servers(stuck.url, 64, initialize(), 0.3) == ()
    wait_until(lambda: not stuck.children(), "an end of those that were started")
    assert stuck.counts.started <= (os.cpu_count() or 1)
