"""Tests of the fleet that the lab measures as one target: both wires through nginx, and a clean end."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from perf_core.adapter import WIRES, Launch, Wire
from perf_core.server.client.connection import connect
from perf_core.server.process import ServerProcess
from perf_core.targets.registry import find_subjects

SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not all(shutil.which(program, path=SEARCH_PATH) for program in ("nginx", "redis-server")),
        reason="nginx and redis-server are not both installed; CI installs them",
    ),
]
FOLDER = Path(__file__).parents[1] / "benchmarks" / "fleet"
LAUNCH = Launch(
    (sys.executable, str(FOLDER / "fleet.py"), "--ready-file", "{ready_file}"), ready_timeout_s=60.0
)
CHORALE = "bach/bwv66.6"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(LAUNCH, "stateless", tmp_path_factory.mktemp("fleet") / "log") as running:
        yield running


def members(running: ServerProcess) -> dict[str, psutil.Process]:
    """Return the processes that the fleet started, by their names."""
    return {child.name(): child for child in psutil.Process(running.pid).children()}


@pytest.mark.parametrize("wire", WIRES)
def test_a_journey_works_through_the_proxy(fleet: ServerProcess, wire: Wire) -> None:
    nodes: set[str] = set()
    with ExitStack() as clients:
        for number in range(4):
            client = clients.enter_context(connect(fleet.url, wire))
            nodes.add(client._headers.get("Mcp-Session-Id", "").partition(".")[0])
            name = f"{wire}-{number}"
            assert not client.call("import_score", {"source": CHORALE, "score_id": name}).get("isError")
            for _ in range(4):  # on the stateless wire they go to either server
                key = client.call("key_analysis", {"score_id": name})
                assert key["structuredContent"]["key"] == "F# minor"
            assert client.call("delete_score", {"score_id": name})["structuredContent"] == {"deleted": 1}
    assert nodes == ({"north", "south"} if wire == "session" else {""})


def test_the_fleet_is_a_target_with_the_calls_of_music21() -> None:
    (subject,) = find_subjects([str(FOLDER / "fleet.toml")], ["concurrent"], None)
    assert (subject.name, subject.adapter.server_name) == ("music21-fleet", "music21")
    assert subject.adapter.launch.argv == ("python", "fleet.py", "--ready-file", "{ready_file}")
    assert subject.adapter.launch.cwd == FOLDER
    assert {"concurrent", "load", "large-scores"} <= set(subject.adapter.scenarios)
    assert "rate-limit" not in subject.adapter.scenarios, "that scenario starts its own server"


@pytest.mark.parametrize("terminated", ["fleet.py", "redis-server", "nginx"])
def test_no_process_and_no_file_is_left_after_any_process_ends(tmp_path: Path, terminated: str) -> None:
    with ServerProcess(LAUNCH, "stateless", tmp_path / "log") as running:
        family = psutil.Process(running.pid).children(recursive=True)
        assert len(family) >= 6
        pid = running.pid if terminated == "fleet.py" else members(running)[terminated].pid
        os.kill(pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(family, timeout=30)
        assert alive == []
        deadline = time.monotonic() + 30
        while running.exit_code is None and time.monotonic() < deadline:
            time.sleep(0.01)  # fleet.py removes its folder before it ends
        assert running.exit_code == (0 if terminated == "fleet.py" else 1)
        assert running.temporary_folder is not None
        assert list(running.temporary_folder.iterdir()) == []
        log = running.log_tail()
    assert terminated == "fleet.py" or f"{terminated} ended with exit code 0" in log
