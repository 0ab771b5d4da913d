"""Runs that something other than the server's speed spoils: a stopped k6, a server that is replaced."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from perf_core.analysis.health import GAP_LIMIT_S
from perf_core.errors import ExitCode
from perf_core.results import record_file
from perf_core.results.record import RunRecord

pytestmark = [
    pytest.mark.k6,
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="the heartbeat of k6 and suspending it need Linux"),
]

ADDER = Path(__file__).parents[1] / "servers" / "adder.py"

HOG = "import time\nuntil = time.monotonic() + 20\nwhile time.monotonic() < until: pass"
"""Uses all the CPU that it gets, for a bounded time."""

SUPERVISOR = "import subprocess, sys\nwhile True: subprocess.run([sys.executable, *sys.argv[1:]])"


def disturbed_run(
    folder: Path,
    target: str,
    disturb: Callable[[psutil.Process, subprocess.Popen[bytes]], None],
    wait_until: Callable[..., None],
    *,
    duration_s: int = 4,
    cpus: Sequence[int] | None = None,
) -> tuple[int, RunRecord]:
    """Measure a server while ``disturb`` is called with the lab; return the exit code and the record."""
    argv = [sys.executable, "-m", "perf_core", "run", "quick", "--wire", "session"]
    argv += ["--duration", f"{duration_s}s"]
    argv += ["--vus", "2", "--target", target, "--output-dir", str(folder)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as lab:
        try:
            if cpus is not None:
                psutil.Process(lab.pid).cpu_affinity(list(cpus))
            wait_until(lambda: under_load(folder), lab)
            disturb(psutil.Process(lab.pid), lab)
            lab.communicate(timeout=60)
        finally:
            lab.kill()
    (path,) = folder.glob("*/record.json")
    return lab.returncode, record_file.read(path)


def under_load(folder: Path) -> bool:
    """Return whether k6 has recorded two periods of load."""
    recordings = list(folder.glob("*/k6-recording.ndjson"))
    return bool(recordings) and recordings[0].read_text().count('"snapshot"') >= 2


def child(lab: psutil.Process, text: str) -> psutil.Process:
    """Return the lab's child with a text in its command line."""
    (process,) = [each for each in lab.children() if text in " ".join(each.cmdline())]
    return process


def test_run_whose_k6_was_stopped_is_invalid(target, wait_until, tmp_path: Path) -> None:
    stopped_s = GAP_LIMIT_S + 0.5

    def stop(lab: psutil.Process, process: subprocess.Popen[bytes]) -> None:
        generator = child(lab, "k6 run")
        generator.suspend()
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(stopped_s)
        finally:
            generator.resume()

    code, record = disturbed_run(tmp_path / "r", target(), stop, wait_until)
    assert code == ExitCode.INVALID
    assert record.health is not None
    assert record.health.state == "invalid"
    assert record.health.generator_gap_s == pytest.approx(stopped_s, abs=0.4)
    assert any("k6 stood still" in reason for reason in record.reasons)


def test_server_that_hangs_fails_even_while_others_use_the_machine(
    target, wait_until, tmp_path: Path
) -> None:
    silent_s = 3.0
    # On one CPU, so that the tests beside this one keep the others.
    cpu = psutil.Process().cpu_affinity()[0]

    def hang(lab: psutil.Process, process: subprocess.Popen[bytes]) -> None:
        server = child(lab, str(ADDER))
        with subprocess.Popen([sys.executable, "-c", HOG]) as hog:
            try:
                psutil.Process(hog.pid).cpu_affinity([cpu])
                server.suspend()
                try:
                    with pytest.raises(subprocess.TimeoutExpired):
                        process.wait(silent_s)
                finally:
                    server.resume()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(2)
            finally:
                hog.kill()

    code, record = disturbed_run(tmp_path / "r", target(), hang, wait_until, duration_s=8, cpus=[cpu])
    assert record.health is not None
    assert record.health.state == "bounded", "others used the machine for most of the load"
    assert "silent for" in record.reasons[0]
    assert code == ExitCode.TARGETS_MISSED, record.reasons


def test_run_whose_server_was_replaced_is_invalid(target, wait_until, tmp_path: Path) -> None:
    argv = [sys.executable, "-c", SUPERVISOR, str(ADDER), "--port", "{port}"]
    path = Path(target(command=False, url="http://127.0.0.1:{port}/mcp"))
    path.write_text(f"command = {json.dumps(argv)}\n{path.read_text()}")
    replaced: list[int] = []

    def kill(lab: psutil.Process, _process: subprocess.Popen[bytes]) -> None:
        (server,) = child(lab, "subprocess.run").children()
        server.kill()
        replaced.append(server.pid)

    code, record = disturbed_run(tmp_path / "r", str(path), kill, wait_until)
    assert code == ExitCode.INVALID
    assert any(
        f"restarted during the run: process {replaced[0]} listened" in reason for reason in record.reasons
    )
