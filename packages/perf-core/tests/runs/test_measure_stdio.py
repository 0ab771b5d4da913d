"""Complete runs with the real k6 against servers on stdio."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode
from perf_core.results import record_file
from perf_core.results.record import RunRecord

pytestmark = pytest.mark.k6

ADDER = str(Path(__file__).parents[1] / "servers" / "stdio_adder.py")
PACE = ("--think-time", "0.005")
"""Hundreds of calls say as much about the bridge as thousands, and leave the CPUs to the other tests."""

Quick = Callable[..., tuple[int, RunRecord]]


def target_file(folder: Path, *options: str, shared: bool = False) -> str:
    command = [sys.executable, ADDER, *options]
    fields = {"name": "adder", "command": command, "transport": "stdio", "shared": shared}
    calls = [
        f'[[calls]]\ntool = "add"\narguments = {{ a = {a}, b = {a * a} }}\n'
        f"expect = {{ result = {{ result = {a + a * a} }} }}"
        for a in range(1, 30)
    ]
    path = folder / "adder.toml"
    path.write_text("\n".join([*(f"{n} = {json.dumps(v)}" for n, v in fields.items()), *calls, ""]))
    return str(path)


@pytest.fixture
def quick(tmp_path: Path) -> Quick:
    """Return a function that runs `quick` on the session wire, and returns exit code and record."""

    def run(*options: str, shared: bool = False) -> tuple[int, RunRecord]:
        path = target_file(tmp_path, *options, shared=shared)
        arguments = ["--target", path, "--duration", "1s", "--vus", "3", "--wire", "session"]
        code = main(["run", "quick", *arguments, *PACE, "--output-dir", str(tmp_path / "results")])
        (record,) = (tmp_path / "results").glob("*/record.json")
        return code, record_file.read(record)

    return run


@pytest.mark.parametrize(("shared", "processes"), [(False, 3), (True, 1)])
def test_sound_server_passes_and_the_bridge_is_stated_apart(
    shared: bool, processes: int, quick: Quick
) -> None:
    code, run = quick(shared=shared)
    assert code == ExitCode.PASS
    assert run.metrics is not None
    assert run.metrics.errors == {}
    assert run.metrics.latency_ms["add"].count == run.metrics.tool_calls > 10
    assert run.server is not None
    assert run.server.processes == processes
    assert run.server.cpu_us_per_call > 0
    assert run.bridge is not None
    assert run.bridge.requests >= run.metrics.tool_calls
    assert 0 < run.bridge.cpu_us_per_request < 2_000
    assert run.bridge.echo_p50_us > run.bridge.direct_p50_us > 0
    assert 5 < run.bridge.rss_peak_mb < 200
    assert run.bridge.ended == 0
    # The load begins with sessions whose processes run.
    assert run.bridge.prepared == (0 if shared else 3)
    assert (run.bridge.start_p50_s > 0) == (not shared)
    assert run.bridge.started == 0
    assert run.metrics.sessions_closed == run.metrics.sessions_opened == 3


def test_server_whose_processes_crash_under_load_fails_with_the_reason(quick: Quick) -> None:
    code, run = quick("--fault", "die")
    assert code == ExitCode.TARGETS_MISSED
    assert run.verdict == "fail"
    assert run.bridge is not None
    assert run.bridge.ended >= 3
    assert run.bridge.started > 0, "a client whose process has ended opens another session"
    reasons = " ".join(run.reasons)
    assert "ended without being asked to" in reasons
    assert "SIGKILL" in reasons
    assert "out of luck" in reasons
    assert run.metrics is not None
    assert run.metrics.errors.get("http_status", 0) == 0, "the server speaks no HTTP"
    assert run.metrics.errors["transport"] >= 3
    lost = [each for each in run.metrics.failures if each.error_class == "transport"]
    assert any("was ended by SIGKILL" in each.received for each in lost)
    assert not any("HTTP" in each.received for each in lost)


def test_server_that_answers_twice_fails(quick: Quick) -> None:
    code, run = quick("--fault", "twice")
    assert code == ExitCode.TARGETS_MISSED
    assert run.bridge is not None
    assert run.bridge.repeated_answers > 10
    assert any("further answers to requests that it had answered" in reason for reason in run.reasons)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups")
def test_no_process_of_the_server_outlives_a_lab_that_was_killed(tmp_path: Path, wait_until) -> None:
    path = target_file(tmp_path)
    command = [sys.executable, "-m", "perf_core", "run", "quick", "--target", path, "--wire", "session"]
    options = [*PACE, "--duration", "60s", "--vus", "2", "--output-dir", str(tmp_path / "results")]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as lab:
        tree = psutil.Process(lab.pid)

        def adders() -> list[psutil.Process]:
            return [each for each in tree.children(recursive=True) if is_adder(each)]

        wait_until(lambda: len(adders()) >= 2, lab)
        processes = tree.children(recursive=True)
        ours = adders()
        lab.kill()
        _, alive = psutil.wait_procs(ours, timeout=20)
        # k6 ends by itself when its load does, which would take too long here.
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    assert alive == []


def is_adder(process: psutil.Process) -> bool:
    """Return whether a process is an adder, and not its bridge."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return process.cmdline()[1:2] == [ADDER]
    return False
