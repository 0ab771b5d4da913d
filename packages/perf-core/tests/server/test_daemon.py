"""Servers that leave the process that was started: found, measured, and ended, and never a foreign one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from perf_core.adapter import Launch
from perf_core.errors import TargetError
from perf_core.server import daemon
from perf_core.server.listeners import has_ended
from perf_core.server.live import StartedServer
from perf_core.server.process import ServerProcess

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork"),
]

SERVERS = Path(__file__).parents[1] / "servers"
IDLE = (sys.executable, "-c", "import threading; threading.Event().wait()")


def daemon_launch(*options: str, ready_timeout_s: float = 20.0) -> Launch:
    command = (sys.executable, str(SERVERS / "daemon.py"), *options, "--", "--ready-file", "{ready_file}")
    return Launch(command, ready_timeout_s=ready_timeout_s, stop_timeout_s=5)


@pytest.mark.parametrize("options", [("--forks", "1"), ("--forks", "2"), ("--forks", "2", "--wait")])
def test_daemon_is_the_server_and_ends_with_the_context(options: tuple[str, ...], tmp_path: Path) -> None:
    with ServerProcess(daemon_launch(*options), "session", tmp_path / "log") as server:
        assert server.handshake.server_name == "adder"
        root = psutil.Process(server.pid)
        assert str(SERVERS / "adder.py") in root.cmdline()
        assert os.getsid(root.pid) == root.pid or options == ("--forks", "2", "--wait")
        assert server.exit_code is None
        assert server.how_ended() == ""
    assert has_ended(root)
    assert server.exit_code is not None


def test_daemon_that_dies_is_told(tmp_path: Path) -> None:
    with ServerProcess(daemon_launch(), "session", tmp_path / "log") as server:
        started = StartedServer(server)
        assert started.pid == server.pid
        assert started.ended() == ""
        daemon.kill([server.root])
        assert server.exit_code == 0
        assert "had left the process that the lab started" in started.ended()


class Untouchable:
    """A process of another user, as psutil shows it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def terminate(self) -> None:
        self.asked.append("terminate")
        raise psutil.AccessDenied(0)

    def kill(self) -> None:
        self.asked.append("kill")
        raise psutil.AccessDenied(0)

    def is_running(self) -> bool:
        raise psutil.AccessDenied(0)


def test_process_of_another_user_does_not_keep_the_others_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "_KILLED_S", 0.2)
    foreign = Untouchable()
    own = psutil.Popen(IDLE)
    try:
        daemon.end([foreign, own], 0.1)  # type: ignore[list-item] # a fake process
        assert own.wait(10) != 0
    finally:
        daemon.kill([own])
    assert foreign.asked == ["terminate", "kill"]
    assert not has_ended(foreign)  # type: ignore[arg-type] # a fake process


def test_process_that_ends_and_leaves_nothing_is_an_error(tmp_path: Path) -> None:
    server = ServerProcess(daemon_launch("--vanish"), "session", tmp_path / "log")
    with pytest.raises(TargetError, match="exited with code 0 and left no process running before it could"):
        server.__enter__()


def test_daemon_that_never_answers_is_ended(tmp_path: Path) -> None:
    script = (
        "import os, threading, pathlib, sys\n"
        "if os.fork() == 0:\n"
        "    os.setsid(); pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); threading.Event().wait()\n"
    )
    pid_file = tmp_path / "pid"
    launch = Launch(
        (sys.executable, "-c", script, str(pid_file), "{ready_file}"), ready_timeout_s=1, stop_timeout_s=5
    )
    with pytest.raises(TargetError, match="did not write its ready file within 1 s"):
        ServerProcess(launch, "session", tmp_path / "log").__enter__()
    pid = int(pid_file.read_text())
    assert not psutil.pid_exists(pid) or has_ended(psutil.Process(pid))


def test_what_a_server_leaves_outside_its_tree_is_ended(tmp_path: Path) -> None:
    # The helper is orphaned at once, while the server itself goes on.
    script = (
        "import os, pathlib, runpy, sys, threading\n"
        "read, write = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    if os.fork() > 0: os._exit(0)\n"
        "    os.setsid(); os.write(write, str(os.getpid()).encode()); threading.Event().wait()\n"
        "pathlib.Path(sys.argv[1]).write_bytes(os.read(read, 20)); os.wait()\n"
        "sys.argv = sys.argv[2:]; runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    pid_file = tmp_path / "pid"
    adder = (str(SERVERS / "adder.py"), "--ready-file", "{ready_file}")
    launch = Launch((sys.executable, "-c", script, str(pid_file), *adder))
    with ServerProcess(launch, "session", tmp_path / "log") as server:
        helper = psutil.Process(int(pid_file.read_text()))
        assert not has_ended(helper)
        assert server.pid != helper.pid
        assert helper not in psutil.Process(server.pid).children(recursive=True)
    assert has_ended(helper)


@pytest.fixture
def folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        yield name


def test_only_processes_with_the_mark_are_taken(folder: str) -> None:
    with (
        subprocess.Popen(IDLE, env={**os.environ, "TMPDIR": folder}) as marked,
        subprocess.Popen(IDLE, env={**os.environ, "TMPDIR": f"{folder}-other"}) as foreign,
    ):
        try:
            assert [process.pid for process in daemon.marked_processes(folder)] == [marked.pid]
            root = daemon.daemon_of(folder)
            assert root is not None
            assert root.pid == marked.pid
            assert daemon.daemon_of(f"{folder}-none") is None
            daemon.end(daemon.marked_processes(folder), grace_s=5)
            assert has_ended(psutil.Process(marked.pid))
            assert foreign.poll() is None
        finally:
            marked.kill()
            foreign.kill()


def test_lab_and_what_has_started_it_are_never_taken(folder: str) -> None:
    # The outer process and the inner one, which looks, both have the mark.
    look = "from perf_core.server.daemon import marked_processes as m; print(m(sys.argv[1]))"
    outer = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'import sys; {look}', sys.argv[1]])"
    )
    environment = {**os.environ, "TMPDIR": folder}
    done = subprocess.run(
        [sys.executable, "-c", outer, folder], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "()"


def test_empty_folder_marks_no_process() -> None:
    with pytest.raises(ValueError, match="got an empty text"):
        daemon.marked_processes("")


def test_root_is_the_parent_of_the_others(folder: str) -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "TMPDIR": folder}, stdin=subprocess.PIPE
    ) as parent:
        deadline = threading.Event()
        while len(daemon.marked_processes(folder)) < 2:
            assert parent.poll() is None
            deadline.wait(0.01)
        root = daemon.daemon_of(folder)
        assert root is not None
        assert root.pid == parent.pid
        parent.communicate(b"\n")


def test_process_that_ignores_sigterm_is_killed(folder: str) -> None:
    deaf = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", deaf],
        env={**os.environ, "TMPDIR": folder},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        daemon.end(daemon.marked_processes(folder), grace_s=0.1)
        assert process.wait(5) == -9
