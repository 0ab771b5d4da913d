"""Workers of a killed supervisor end, whatever they are doing, and leave no folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from server_core.layers.forwarding import WorkerPlace
from server_core.workers.orphans import end_when_orphaned, remove_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no workers on Windows")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, as paths of sockets must be short."""
    with tempfile.TemporaryDirectory(prefix="orphans-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def place(number: int, folder: Path) -> WorkerPlace:
    return WorkerPlace(number, 3, folder, b"")


def test_the_last_worker_removes_the_folder(folder: Path) -> None:
    (folder / "rates").write_bytes(b"limits")
    places = [place(number, folder) for number in range(3)]
    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as last:
        for number, listener in ((0, first), (2, last)):
            listener.bind(str(places[number].socket_path(number)))
            listener.listen()
        # Worker 1 was killed, and has left its socket.
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(places[1].socket_path(1)))
        first.close()
        remove_folder(places[0])
        assert sorted(path.name for path in folder.iterdir()) == ["rates", "worker-1.sock", "worker-2.sock"]
        last.close()
        remove_folder(places[2])
    assert not folder.exists()
    remove_folder(places[1])  # it may have been removed meanwhile


def test_a_process_without_supervisor_goes_on(folder: Path) -> None:
    end_when_orphaned(place(0, folder), 0.0)
    assert folder.exists()


_SUPERVISOR = """
import multiprocessing, sys, time
from pathlib import Path

def work(folder):
    from server_core.layers.forwarding import WorkerPlace
    from server_core.workers.orphans import end_when_orphaned
    end_when_orphaned(WorkerPlace(0, 2, Path(folder), b""), 0.2)
    print("busy", flush=True)
    while True:
        pass

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=work, args=(sys.argv[1],))
    process.start()
    print(process.pid, flush=True)
    process.join()
"""


@pytest.mark.process
def test_a_worker_that_is_held_up_ends_after_its_killed_supervisor(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "supervisor.py"
    script.write_text(_SUPERVISOR)
    with subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stderr is not None
        worker = psutil.Process(int(supervisor.stdout.readline()))
        try:
            assert supervisor.stdout.readline() == "busy\n"
            os.kill(supervisor.pid, signal.SIGKILL)
            supervisor.stderr.read()  # until the last process that could write there has ended
            assert not folder.exists()
        finally:
            if worker.is_running():
                worker.kill()
