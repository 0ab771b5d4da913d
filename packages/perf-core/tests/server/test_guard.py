"""A lab that is killed leaves no server and no folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from perf_core.adapter import Launch
from perf_core.server import daemon, guard_process
from perf_core.server.listeners import has_ended
from perf_core.server.orphan import Orphan, end_orphan
from perf_core.server.process import ServerProcess

pytestmark = pytest.mark.process

SERVERS = Path(__file__).parents[1] / "servers"
ADDER = str(SERVERS / "adder.py")
IDLE = (sys.executable, "-c", "import threading; threading.Event().wait()")

_LAB = """
import json, sys, threading
from pathlib import Path
import psutil
from perf_core.adapter import Launch
from perf_core.server.process import ServerProcess

launch, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
with ServerProcess(Launch(**launch), "session", folder / "log") as server:
    tree = [server.root, *server.root.children(recursive=True)]
    print(json.dumps([server._guard.pid, [each.pid for each in tree]]), flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="guard-") as name:
        yield Path(name)


def until_all_have_ended(processes: list[psutil.Process]) -> None:
    patience_s = time.monotonic() + 30
    while not all(map(has_ended, processes)):
        assert time.monotonic() < patience_s, processes


LAUNCHES: dict[str, dict[str, Any]] = {
    "http": {"argv": [sys.executable, ADDER, "--ready-file", "{ready_file}"]},
    "deaf": {
        "argv": [sys.executable, ADDER, "--ready-file", "{ready_file}", "--fault", "deaf"],
        "stop_timeout_s": 0.3,
    },
    "stdio": {"argv": [sys.executable, str(SERVERS / "stdio_adder.py")], "transport": "stdio-shared"},
    "daemon": {
        "argv": [
            *(sys.executable, str(SERVERS / "daemon.py"), "--forks", "2"),
            *("--", "--ready-file", "{ready_file}"),
        ]
    },
}


@pytest.mark.skipif(sys.platform == "win32", reason="the servers fork and handle signals")
@pytest.mark.parametrize("kind", LAUNCHES)
def test_a_killed_lab_leaves_no_server_and_no_folder(kind: str, folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _LAB, json.dumps(LAUNCHES[kind]), str(tmp_path)]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as lab:
        assert lab.stdout is not None
        guard_pid, pids = json.loads(lab.stdout.readline())
        processes = [psutil.Process(pid) for pid in (guard_pid, *pids)]
        try:
            assert list(folder.iterdir())
            os.kill(lab.pid, signal.SIGKILL)
            until_all_have_ended(processes)
        finally:
            daemon.kill(processes)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_a_guard_ends_with_the_server_and_no_signal_to_the_lab_ends_it_before(tmp_path: Path) -> None:
    launch = Launch((sys.executable, ADDER, "--ready-file", "{ready_file}"))
    with ServerProcess(launch, "session", tmp_path / "log") as server:
        assert server._guard is not None
        guard = psutil.Process(server._guard.pid)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            guard.send_signal(number)
        assert guard not in server.root.children(recursive=True)
        assert "TMPDIR" not in guard.environ() or guard.environ()["TMPDIR"] != str(server.temporary_folder)
        assert not has_ended(guard)
    assert not guard.is_running()


def test_a_server_whose_guard_was_killed_ends_all_the_same(tmp_path: Path) -> None:
    launch = Launch((sys.executable, ADDER, "--ready-file", "{ready_file}"))
    with ServerProcess(launch, "session", tmp_path / "log") as server:
        assert server._guard is not None
        daemon.kill([psutil.Process(server._guard.pid)])
        root, temporary = server.root, server.temporary_folder
    assert has_ended(root)
    assert temporary is not None
    assert not temporary.exists()


def test_a_guard_of_a_server_that_could_not_be_started_ends(tmp_path: Path) -> None:
    before = {process.pid for process in psutil.Process().children()}
    with pytest.raises(Exception, match="cannot start no-such-server"):
        ServerProcess(Launch(("no-such-server",)), "session", tmp_path / "log").__enter__()
    assert {process.pid for process in psutil.Process().children()} <= before


def orphan_of(process: psutil.Process, mark: Path, **changes: Any) -> Orphan:
    return Orphan(
        **{
            "mark": str(mark),
            "folders": [str(mark)],
            "grace_s": 5.0,
            "ends_with_input": False,
            "pid": process.pid,
            "created_s": process.create_time(),
            **changes,
        }
    )


def test_a_process_that_has_the_number_of_the_server_by_now_is_left_alone(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.mkdir()
    stranger = psutil.Popen(IDLE)
    try:
        end_orphan(orphan_of(stranger, mark, created_s=stranger.create_time() - 1))
        assert not has_ended(stranger)
        assert not mark.exists()
        for pid in (None, 0, 1, -1):
            end_orphan(orphan_of(stranger, mark, pid=pid))
        assert not has_ended(stranger)
        end_orphan(orphan_of(stranger, mark))
        assert has_ended(stranger)
    finally:
        daemon.kill([stranger])
        stranger.wait(10)


def test_a_server_that_ends_with_its_input_gets_time_for_that(tmp_path: Path) -> None:
    by_itself = (sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(7)")
    process = psutil.Popen(by_itself, stdin=subprocess.PIPE)
    process.stdin.close()
    end_orphan(orphan_of(process, tmp_path / "mark", ends_with_input=True))
    assert process.wait(10) == 7


@pytest.mark.parametrize("text", [b"", b'"end"\n', b'{"mark": "/x"}\n"end"\n'])
def test_a_guard_that_knows_no_server_or_is_told_the_end_does_nothing(text: bytes) -> None:
    done = subprocess.run(guard_process.ARGV, input=text, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
