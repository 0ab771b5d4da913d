"""Servers on stdio that fail get clear errors, and none of their processes is left, whoever is killed."""

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

pytestmark = pytest.mark.process

Bridge = Any
Start = Callable[..., Bridge]
Wait = Callable[..., Any]

ADDER = str(Path(__file__).parents[2] / "servers" / "stdio_adder.py")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither SIGTERM nor process groups")


def message_of(response: httpx2.Response) -> str:
    text: str = response.json()["error"]["message"]
    return text


def runs(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def grandchild_of(bridge: Bridge, wait_until: Wait) -> int:
    lines = wait_until(
        lambda: [line for line in bridge.log_text().splitlines() if "grandchild" in line], "a grandchild"
    )
    return int(lines[0].split()[-1])


def test_crash_during_a_call_is_told_with_its_exit_code_and_stderr(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "crash")
    session, other = bridge.session(), bridge.session()
    assert [session.total(1, n) for n in (1, 2)] == [2, 3]
    failed = session.add(1, 3)
    assert failed.status_code == 500
    assert failed.json()["id"] == session.last_id
    assert "ended with exit code 3" in message_of(failed)
    assert message_of(failed).endswith("the reactor is cold")
    after = session.add(1, 4)
    assert after.status_code == 404, "a client must open another session"
    assert "ended with exit code 3" in message_of(after)
    assert other.total(1, 1) == 2, "the process of another session is not affected"
    (end,) = bridge.counts.ends
    assert (bridge.counts.ended, end.how) == (1, "ended with exit code 3")
    assert "the reactor is cold" in end.stderr
    assert "[child 1] the reactor is cold" in bridge.log_text()
    assert "child 1: ended with exit code 3 by itself" in bridge.log_text()
    assert bridge.session().total(1, 1) == 2, "another session starts another process"


@posix
def test_killed_process_is_told_by_its_signal(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "mute")
    session = bridge.session()
    (process,) = bridge.children()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(session.add, 1, 2)
        while bridge.counts.requests != 2:
            pass
        process.kill()
        assert "was ended by SIGKILL" in message_of(call.result(10))


def test_crash_of_a_shared_process_ends_all_sessions_and_the_next_starts_it_again(
    start_bridge: Start,
) -> None:
    bridge = start_bridge("--fault", "crash", shared=True)
    first, second = bridge.session(), bridge.session()
    assert [first.total(1, 1), second.total(1, 2)] == [2, 3]
    assert first.add(1, 3).status_code == 500
    assert second.add(1, 4).status_code == 404
    assert bridge.session().total(1, 1) == 2
    assert (bridge.counts.started, bridge.counts.ended) == (2, 1)


def test_crash_before_the_first_answer_fails_the_handshake(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "crash-at-start")
    response = bridge.initialize()
    assert response.status_code == 500
    assert "ended with exit code 4" in message_of(response)
    assert "no reactor at all" in message_of(response)


def test_launcher_that_ends_is_told_and_its_child_does_not_stay(
    start_bridge: Start, wait_until: Wait
) -> None:
    bridge = start_bridge("--fault", "launcher")
    response = bridge.initialize()
    assert response.status_code == 500
    assert "ended with exit code 0" in message_of(response)
    wait_until(lambda: not bridge.children(), "an end of what it had started")


def test_command_that_does_not_exist_is_told(start_command: Start) -> None:
    response = start_command("--", "no-such-program").initialize()
    assert response.status_code == 500
    assert "cannot start the server" in message_of(response)


def test_banner_is_skipped_counted_and_quoted(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "banner")
    session = bridge.session()
    assert [session.total(1, n) for n in (1, 2)] == [2, 3]
    assert bridge.counts.skipped_lines == 2
    assert bridge.counts.first_skipped_line == "Loading the reactor ..."


def test_answer_that_nobody_asked_for_is_dropped(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "other-id")
    assert bridge.session().total(1, 2) == 3
    assert bridge.counts.late_answers == 1


def test_batch_is_taken_apart(start_bridge: Start) -> None:
    assert start_bridge("--fault", "batch").session().total(1, 2) == 3


def test_request_of_a_client_that_left_is_forgotten(start_bridge: Start, wait_until: Wait) -> None:
    bridge = start_bridge("--fault", "late")
    session = bridge.session()
    with httpx2.Client(timeout=0.05, trust_env=False) as hasty, pytest.raises(httpx2.ReadTimeout):
        hasty.post(
            session.url,
            json={
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": "add", "arguments": {"a": 1, "b": 2}},
            },
            headers=session.headers,
        )
    wait_until(lambda: bridge.counts.late_answers == 1, "a late answer")
    session.last_id = 0
    assert session.total(1, 2) == 3, "its id can be used again"


def test_client_that_leaves_during_the_handshake_leaves_no_process(
    start_bridge: Start, wait_until: Wait
) -> None:
    bridge = start_bridge("--fault", "slow-start")
    with httpx2.Client(timeout=0.3, trust_env=False) as hasty, pytest.raises(httpx2.ReadTimeout):
        bridge.initialize(hasty)
    wait_until(lambda: bridge.counts.started == 1 and not bridge.children(), "an end of its process")


def test_process_that_closes_its_output_is_told(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "closes")
    session = bridge.session()
    assert session.total(1, 1) == 2
    assert "closed its standard output" in message_of(session.add(1, 2))


@pytest.mark.long
def test_long_answer_is_passed_on_and_one_over_the_limit_is_an_error(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "long")
    session = bridge.session()
    whole = session.add(20_000_000, 0).json()["result"]["content"][0]["text"]
    assert len(whole) == 20_000_000
    refused = session.add(70_000_000, 0)
    assert refused.status_code == 500
    assert "at most 64 MiB, got one of 7000" in message_of(refused)
    assert bridge.counts.overlong_lines == 1
    assert session.add(5, 0).status_code == 200


@posix
@pytest.mark.parametrize("fault", ["stubborn", "forks"])
@pytest.mark.long
def test_session_with_stubborn_processes_ends(fault: str, start_bridge: Start, wait_until: Wait) -> None:
    bridge = start_bridge("--fault", fault)
    session = bridge.session()
    assert session.total(1, 2) == 3
    pids = [process.pid for process in bridge.children()]
    assert len(pids) == (2 if fault == "forks" else 1)
    assert session.delete() == 200
    wait_until(lambda: not any(map(runs, pids)), "an end of all its processes")
    assert bridge.counts.ended == 0, "it was asked to end"


@posix
@pytest.mark.parametrize("how", ["terminated", "killed", "its lab is gone"])
@pytest.mark.parametrize("fault", ["stubborn", "forks"])
@pytest.mark.long
def test_no_process_outlives_the_bridge(fault: str, how: str, start_bridge: Start, wait_until: Wait) -> None:
    bridge = start_bridge("--fault", fault, stop_timeout_s=0.1)
    bridge.session()
    pids = [process.pid for process in bridge.children()]
    assert pids
    if how == "terminated":
        bridge.process.terminate()
    elif how == "killed":
        bridge.process.kill()
    else:
        bridge.process.stdin.close()
    bridge.process.wait(10)
    wait_until(lambda: not any(map(runs, pids)), "an end of all its processes")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to an ancestor of choice")
def test_daemon_of_a_session_ends_with_the_bridge(start_bridge: Start, wait_until: Wait) -> None:
    bridge = start_bridge("--fault", "daemon")
    session = bridge.session()
    pid = grandchild_of(bridge, wait_until)
    session.delete()
    assert runs(pid), "it left its process group, so that nobody knows whose it is"
    assert pid in [process.pid for process in bridge.children()]
    bridge.process.terminate()
    assert bridge.process.wait(10) == 0
    wait_until(lambda: not runs(pid), "an end of the daemon")


@posix
def test_low_limit_of_open_files_is_raised() -> None:
    script = (
        "import resource; limit = resource.RLIMIT_NOFILE; _, most = resource.getrlimit(limit);"
        "resource.setrlimit(limit, (200, most));"
        "from perf_core.server.bridge.__main__ import allow_many_files;"
        "allow_many_files(); soft, hard = resource.getrlimit(limit);"
        "print(soft == min(most, 65536), hard == most)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


@posix
def test_bridge_that_is_terminated_while_calls_wait_answers_them(start_bridge: Start) -> None:
    bridge = start_bridge("--fault", "mute")
    session = bridge.session()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(session.add, 1, 2)
        while bridge.counts.requests < 2:
            pass
        began = time.monotonic()
        bridge.process.send_signal(signal.SIGTERM)
        assert call.result(10).status_code == 500
        assert bridge.process.wait(10) == 0
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--sse", "ftp://x/sse"],
        ["--sse", "http://x/sse", "--", "command"],
        ["--sse", "https://x/sse", "--ca-file", "no-such-file"],
    ],
)
def test_command_line_that_makes_no_sense_is_refused(
    options: list[str], capsys: pytest.CaptureFixture
) -> None:
    from perf_core.server.bridge.__main__ import main

    with pytest.raises(SystemExit) as caught:
        main(options)
    assert caught.value.code == 2
    assert re.search("expected|No such file", capsys.readouterr().err)
