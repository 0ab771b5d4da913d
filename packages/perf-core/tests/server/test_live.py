"""Servers that are started or running already, and whether they stay the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from perf_core import interruption
from perf_core.adapter import Launch
from perf_core.interruption import Interruption
from perf_core.server.live import RunningServer, StartedServer, StartOptions, live_server
from perf_core.server.process import ServerProcess
from perf_core.server.subject import DerivedAdapter, Subject

pytestmark = pytest.mark.process

ADDER = str(Path(__file__).parents[1] / "servers" / "adder.py")

SUPERVISOR = """
import subprocess, sys

while True:
    subprocess.run([sys.executable, *sys.argv[1:]])
"""


@pytest.fixture
def adder_url(tmp_path: Path) -> Iterator[str]:
    """Yield the URL of an adder that the lab did not start."""
    ready = tmp_path / "adder.json"
    with subprocess.Popen([sys.executable, ADDER, "--ready-file", str(ready)]) as adder:
        try:
            while not ready.exists():
                wait_a_moment(psutil.Process(adder.pid))
            yield json.loads(ready.read_text())["url"]
        finally:
            adder.kill()


def wait_a_moment(process: psutil.Process) -> None:
    """Return after a moment during which a process must not end."""
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(0.01)


def test_running_server_is_known_by_its_listener(adder_url: str) -> None:
    server = RunningServer(adder_url, "session")
    assert server.pid is not None
    assert ADDER in psutil.Process(server.pid).cmdline()
    assert server.ended() == ""
    assert server.changed() == ""


def test_running_server_that_ended_says_so(adder_url: str) -> None:
    server = RunningServer(adder_url, "session")
    assert server.pid is not None
    process = psutil.Process(server.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    # Its parent has not waited for it: it is still in the process table.
    assert server.ended() == "the server's process ended during the run"


@pytest.mark.parametrize("on_purpose", [False, True])
def test_child_that_a_supervisor_restarts_is_a_restart(on_purpose: bool, tmp_path: Path) -> None:
    argv = (sys.executable, "-c", SUPERVISOR, ADDER, "--port", "{port}")
    launch = Launch(argv=argv, url="http://127.0.0.1:{port}/mcp")
    with ServerProcess(launch, "session", tmp_path / "log") as process:
        server = StartedServer(process)
        assert server.changed() == ""
        supervisor = psutil.Process(process.pid)
        (child,) = supervisor.children()
        child.kill()
        while not (
            now := [each for each in supervisor.children() if each != child and each.net_connections()]
        ):
            wait_a_moment(supervisor)
        assert server.ended() == ""
        if on_purpose:
            assert server.changed({child.pid}) == ""
        else:
            assert server.changed() == (
                f"the server was restarted during the run: process {child.pid} listened at its start and "
                f"process {now[0].pid} in the end"
            )


def test_start_that_takes_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "_TOLD_EVERY_S", 0.01)
    told: list[str] = []
    launch = Launch((sys.executable, ADDER, "--ready-file", "{ready_file}"))
    options = StartOptions(tmp_path / "log", on_progress=lambda step, _share: told.append(step))
    subject = Subject(DerivedAdapter("adder", None, launch, {}))
    with live_server(subject, "session", options, Interruption()):
        assert told[0] == "starting adder: no answer for 0 s"
        before = len(told)
    assert len(told) == before, "it answers"
