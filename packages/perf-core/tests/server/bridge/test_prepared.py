"""Servers that a real bridge starts before a client asks for them."""

from __future__ import annotations

import os
import sys
from typing import Any

import psutil
import pytest

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
