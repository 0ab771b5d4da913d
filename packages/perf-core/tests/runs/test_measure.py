"""Whole runs with the real k6 against real processes, healthy and faulty."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode
from perf_core.results import record_file
from perf_core.results.record import RunRecord

pytestmark = pytest.mark.k6

ADDER = Path(__file__).parents[1] / "servers" / "adder.py"


@pytest.fixture
def target(tmp_path: Path):
    """Return a function that writes a target file for the adder with a fault."""

    def write(fault: str = "", command: bool = True, **fields: object) -> str:
        calls = "\n".join(
            f'[[calls]]\ntool = "add"\narguments = {{ a = {a}, b = {b} }}\n'
            f"expect = {{ result = {{ result = {a + b} }} }}\n"
            for a, b in ((n, n * n) for n in range(1, 40))
        )
        argv = json.dumps([sys.executable, str(ADDER), "--ready-file", "{ready_file}", "--fault", fault])
        lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
        head = [f'name = "adder{fault}"', *([f"command = {argv}"] if command else []), *lines]
        path = tmp_path / f"adder{fault}.toml"
        path.write_text("\n".join([*head, calls]))
        return str(path)

    return write


def the_record(folder: Path) -> RunRecord:
    (path,) = folder.glob("*/record.json")
    return record_file.read(path)


def lab(folder: Path, *arguments: str) -> int:
    return main(["run", *arguments, "--output-dir", str(folder)])


def test_healthy_server_passes_on_both_wires_and_leaves_every_report(target, tmp_path: Path) -> None:
    results = tmp_path / "results"
    assert lab(results, "quick", "--target", target(), "--duration", "1s", "--vus", "3") == ExitCode.PASS
    runs = {run.wire: run for run in map(record_file.read, results.glob("*/record.json"))}
    assert set(runs) == {"session", "stateless"}, "quick measures both wires unless one is named"
    for run in runs.values():
        assert run.verdict == "pass"
        assert run.metrics is not None
        assert run.metrics.errors == {}
        assert run.metrics.latency_ms["add"].count == run.metrics.tool_calls > 10
        assert run.server is not None
        assert run.server.rss_mb.peak > 1
        assert run.server.cpu_us_per_call > 0
        assert run.generator is not None
        assert run.manifest["server"]["name"] == "adder"
    assert runs["session"].metrics.session_creation_ms.count == 3
    assert runs["stateless"].metrics.session_creation_ms is None
    reports = {
        "record.json",
        "report.html",
        "summary.md",
        "junit.xml",
        "metrics.prom",
        "plan.json",
        "server.log",
    }
    for folder in results.iterdir():
        assert {path.name for path in folder.iterdir()} >= reports


@pytest.mark.parametrize(
    ("scenario", "options", "titles"),
    [
        (
            "endurance",
            ["--duration", "4s", "--rate", "50", "--vus", "40"],
            {"Memory", "Latency drift", "Sessions", "Uptime"},
        ),
        ("spike", ["--duration", "11s", "--vus", "6"], {f"Spike {turn}" for turn in range(1, 6)}),
        ("benchmark", ["--duration", "3s"], set()),
    ],
)
def test_scenario_finds_what_it_is_for(
    scenario: str, options: list[str], titles: set[str], target, tmp_path: Path
) -> None:
    lab(tmp_path / "r", scenario, "--target", target(), *options)
    run = the_record(tmp_path / "r")
    assert run.verdict == "pass", run.reasons
    assert titles <= {finding.title for finding in run.findings}
    assert run.metrics is not None
    assert run.metrics.sessions_opened == run.metrics.sessions_closed > 0
    assert run.series.load["t_s"]
    if scenario == "endurance":
        assert run.generator is not None
        assert run.generator.scheduled_iterations >= 100
    if scenario == "benchmark":
        assert [stage.name for stage in run.stages] == ["add", "mixed", "protocol"]
        assert "tools/list" in run.metrics.protocol_ms


def test_wrong_answer_in_a_thousand_is_caught(target, tmp_path: Path) -> None:
    code = lab(
        tmp_path / "r", "quick", "--target", target("off-by-one"), "--wire", "session", "--duration", "4s"
    )
    run = the_record(tmp_path / "r")
    assert run.metrics is not None
    wrong = run.metrics.errors["wrong_answer"]
    assert wrong == run.metrics.tool_calls // 1000 >= 1
    assert set(run.metrics.errors) == {"wrong_answer"}
    # One in a thousand is the target's own limit: whether it is missed depends on the last few calls.
    assert (code == ExitCode.TARGETS_MISSED) == (run.metrics.error_rate >= 0.001)


def test_server_that_dies_half_way_is_recorded_as_invalid(target, tmp_path: Path) -> None:
    began = time.monotonic()
    code = lab(tmp_path / "r", "quick", "--target", target("die"), "--wire", "session", "--duration", "30s")
    assert code == ExitCode.INVALID
    assert time.monotonic() - began < 25, "the load should end with the server"
    run = the_record(tmp_path / "r")
    assert run.verdict == "invalid"
    assert "by signal 9" in run.reasons[0]
    assert "out of luck at call 300" in run.reasons[0]
    assert run.metrics is not None
    assert run.metrics.tool_calls >= 250


def test_server_that_changes_is_invalid(target, tmp_path: Path) -> None:
    code = lab(
        tmp_path / "r", "quick", "--target", target("two-faced"), "--wire", "session", "--duration", "1s"
    )
    assert code == ExitCode.INVALID
    assert "version changed during the run: 1 became 2" in the_record(tmp_path / "r").reasons[0]


def test_running_server_is_measured_and_left_alone(target, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with subprocess.Popen([sys.executable, ADDER, "--ready-file", ready]) as server:
        try:
            while not ready.exists():
                assert server.poll() is None
            url = json.loads(ready.read_text())["url"]
            path = target(command=False, url=url)
            code = lab(tmp_path / "r", "quick", "--target", path, "--wire", "stateless", "--duration", "1s")
            assert code == ExitCode.PASS
            assert server.poll() is None
            run = the_record(tmp_path / "r")
            assert run.manifest["server"]["started_by_lab"] is False
            assert run.server is not None, (
                "a server on this machine is sampled though the lab did not start it"
            )
        finally:
            server.kill()


BINDS = hasattr(psutil.Process, "cpu_affinity")


@pytest.mark.skipif(not BINDS, reason="this system binds no process to a CPU")
def test_pinned_server_and_generator_keep_apart(target, tmp_path: Path, capsys) -> None:
    usable = psutil.Process().cpu_affinity()
    code = lab(
        tmp_path / "r", "quick", "--target", target(), "--wire", "stateless", "--duration", "1s", "--pin"
    )
    if len(usable) < 2:
        assert code == ExitCode.USAGE
        assert "--pin" in capsys.readouterr().err
        return
    run = the_record(tmp_path / "r")
    assert run.generator is not None
    assert run.generator.cores_available == len(usable) - 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_is_recorded_and_leaves_no_process(
    number: signal.Signals, target, tmp_path: Path
) -> None:
    results = tmp_path / "r"
    argv = [sys.executable, "-m", "perf_core", "run", "quick", "--wire", "session", "--duration", "60s"]
    argv += ["--target", target(), "--output-dir", str(results)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            tree = wait_for_load(process, results)
            process.send_signal(number)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == ExitCode.INVALID
    run = the_record(results)
    assert run.verdict == "interrupted"
    assert run.metrics is not None
    assert run.metrics.tool_calls > 0
    left = [child for child in tree if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not left


def wait_for_load(process: subprocess.Popen, results: Path) -> list[psutil.Process]:
    """Return the lab's children once k6 has recorded two periods of load."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        recordings = list(results.glob("*/k6-recording.ndjson"))
        if recordings and recordings[0].read_text().count('"snapshot"') >= 2:
            return psutil.Process(process.pid).children(recursive=True)
        os.sched_yield()
    raise AssertionError("no load within a minute")


def test_tool_that_the_server_lacks_is_named_before_the_load(target, tmp_path: Path, capsys) -> None:
    path = Path(target())
    path.write_text(path.read_text() + '[[calls]]\ntool = "conjure"\n')
    assert lab(tmp_path / "r", "quick", "--target", str(path)) == ExitCode.LAB_FAILED
    assert "conjure" in capsys.readouterr().err


def test_results_folder_that_cannot_be_written(target, tmp_path: Path, capsys) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    assert lab(in_the_way / "results", "quick", "--target", target()) == ExitCode.LAB_FAILED
    assert "--output-dir" in capsys.readouterr().err
