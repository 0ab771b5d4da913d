"""Whole comparisons with the real k6 and real servers, healthy and faulty."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from perf_core.cli import main
from perf_core.comparison import comparison_file
from perf_core.comparison.model import Comparison
from perf_core.errors import ExitCode
from perf_core.runs.compare import Effort

pytestmark = [pytest.mark.long, pytest.mark.k6]

ADDER = Path(__file__).parents[1] / "servers" / "adder.py"


def short(launches: int = 2, pairs: int = 2) -> list[str]:
    return ["--slice", "0.2s", "--vus", "2", "--launches", str(launches), "--pairs", str(pairs)]


Target = Callable[..., str]


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """Return a function that writes a target file for the adder with a fault."""

    def write(fault: str = "", **fields: object) -> str:
        calls = "\n".join(
            f'[[calls]]\ntool = "add"\narguments = {{ a = {a}, b = {b} }}\n'
            f"expect = {{ result = {{ result = {a + b} }} }}\n"
            for a, b in ((n, n * n) for n in range(1, 40))
        )
        argv = [sys.executable, str(ADDER), "--ready-file", "{ready_file}", "--fault", fault]
        head = {"name": f"adder{fault}", "command": argv, **fields}
        path = tmp_path / f"adder{fault}.toml"
        lines = [f"{name} = {json.dumps(value)}" for name, value in head.items()]
        path.write_text("\n".join([*lines, calls]))
        return str(path)

    return write


def compare(folder: Path, *arguments: str) -> int:
    return main(["compare", *arguments, "--output-dir", str(folder)])


def the_comparison(folder: Path) -> Comparison:
    (path,) = folder.glob("*/comparison.json")
    return comparison_file.read(path)


def test_equals_on_different_wires_leave_every_report(target: Target, tmp_path: Path, capsys) -> None:
    results, adder = tmp_path / "r", target()
    code = compare(results, adder, adder, *short(pairs=4), "--wire", "session", "--wire-b", "stateless")
    found = the_comparison(results)
    assert code == found.exit_code
    if found.verdict == "invalid":
        # Two of eight pairs may be dropped where other tests take the processor: then it has to say so.
        assert "pairs were dropped" in found.reasons[0]
    else:
        assert found.verdict in {"same", "better", "worse", "inconclusive"}
    assert found.design.wires == {"a": "session", "b": "stateless"}
    # On a busy machine a user may miss turns, and an answer come so late that its pair is dropped.
    kept = [each for launch in found.launches for each in launch.slices if not each.fault]
    assert len(kept) >= 4, found.reasons
    rows = {m.name: m for m in found.metrics}
    assert {"cpu_us_per_call", "latency_ms.med", "tool_calls_per_s", "rss_mb", "ready_s"} <= set(rows)
    # The cost of a call in microseconds follows from calls per second on the one core of a Python server.
    assert 20 < rows["cpu_us_per_call"].a < 1e6 / rows["tool_calls_per_s"].a * psutil.cpu_count()
    for each in kept:
        assert each.errors == 0
        assert each.calls > 10
        assert 0.1 < each.duration_s < 1.0, "0.2 s were asked for"
    (folder,) = results.iterdir()
    assert {"comparison.json", "report.html", "summary.md"} <= {path.name for path in folder.iterdir()}
    seeds = [
        [re.findall(r"hash seed (\d+)", path.read_text()) for path in sorted(launch.glob("server_?.log"))]
        for launch in sorted(folder.glob("launch-*"))
    ]
    assert all(first == second != [] for first, second in seeds), "both of a launch lie alike in memory"
    assert seeds[0] != seeds[1], "and every launch differently"
    said = capsys.readouterr().out
    assert "(session wire)" in said
    assert "CPU per call" in said
    assert main(["report", str(folder)]) == ExitCode.PASS


def test_slower_server_is_worse(target: Target, tmp_path: Path, capsys) -> None:
    code = compare(tmp_path / "r", target(), target("slow"), *short(launches=3))
    found = the_comparison(tmp_path / "r")
    assert code == ExitCode.WORSE, found.reasons
    assert {m.name: m.verdict for m in found.metrics}["cpu_us_per_call"] == "worse"
    assert "WORSE" in capsys.readouterr().out


def test_different_answers_are_not_comparable(target: Target, tmp_path: Path, capsys) -> None:
    assert compare(tmp_path / "r", target(), target("wrong"), *short()) == ExitCode.INVALID
    said = capsys.readouterr().err
    assert "differently" in said
    assert "add(" in said


def test_server_that_fails_in_some_slices_loses_those(target: Target, tmp_path: Path) -> None:
    # A slice has hundreds of calls: the 600th to the 900th lie in the first pairs.
    code = compare(tmp_path / "r", target(), target("moody"), *short(pairs=4))
    found = the_comparison(tmp_path / "r")
    failing = [s for launch in found.launches for s in launch.slices if "calls failed" in s.fault]
    assert failing
    assert all(s.side == "b" and s.errors > 0 for s in failing)
    # A busy machine may add faults of its own; each faulty slice takes its pair with it, and no other.
    faulty = {(n, s.pair) for n, one in enumerate(found.launches) for s in one.slices if s.fault}
    assert found.pairs == 8 - len(faulty)
    assert (found.verdict == "invalid") == (len(faulty) > 0.2 * 8)
    assert (code == ExitCode.INVALID) == (found.verdict == "invalid")


def test_server_that_dies_is_invalid(target: Target, tmp_path: Path) -> None:
    assert compare(tmp_path / "r", target(), target("die"), *short()) == ExitCode.INVALID
    found = the_comparison(tmp_path / "r")
    assert found.verdict == "invalid"
    assert any("by signal 9" in reason for reason in found.reasons), found.reasons


def test_server_that_never_starts_ends_the_comparison(target: Target, tmp_path: Path, capsys) -> None:
    before = {child.pid for child in psutil.Process().children()}
    assert compare(tmp_path / "r", target(), target("exit"), *short()) == ExitCode.LAB_FAILED
    assert "the reactor is cold" in capsys.readouterr().err
    assert {child.pid for child in psutil.Process().children()} <= before


def test_running_server_is_compared_and_left_alone(target: Target, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with subprocess.Popen([sys.executable, ADDER, "--ready-file", ready]) as server:
        try:
            while not ready.exists():
                assert server.poll() is None
            url = json.loads(ready.read_text())["url"]
            compare(tmp_path / "r", target(), url, *short())
            assert server.poll() is None
        finally:
            server.kill()
    found = the_comparison(tmp_path / "r")
    assert found.b.name == url
    rows = {m.name for m in found.metrics}
    assert "cpu_us_per_call" in rows, "a server on this machine is seen though the lab did not start it"
    assert "ready_s" not in rows
    assert not found.design.pinned, "somebody else's server stays where it is"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("http://127.0.0.1:1", "http://127.0.0.1:2"), "two URLs"),
        (("nobody", "{adder}"), "no target 'nobody'"),
        (("{adder}", "{adder}", "--launches", "1"), "--launches is at least 2"),
        (("{adder}", "{adder}", "--slice", "0.01"), "--slice is at least 0.1"),
        (("{adder}", "{adder}", "--vus", "0"), "--vus"),
        (("{adder}", "{adder}", "--scenario", "nothing"), "no scenario 'nothing'"),
        (("{adder}",), "one came"),
        (("{adder}", "{adder}", "--wire", "pigeon"), "wire"),
    ],
)
def test_request_without_sense_is_refused(
    target: Target, tmp_path: Path, capsys, arguments, says: str
) -> None:
    adder = target()
    given = [argument.replace("{adder}", adder) for argument in arguments]
    assert compare(tmp_path / "r", *given) == ExitCode.USAGE
    assert says in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_interrupted_comparison_keeps_what_it_has_and_leaves_no_process(
    target: Target, tmp_path: Path
) -> None:
    results, adder = tmp_path / "r", target()
    argv = [sys.executable, "-m", "perf_core", "compare", adder, adder, *short(launches=50)]
    with subprocess.Popen(
        [*argv, "--output-dir", str(results)], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not list(results.glob("*/launch-3/plan.json")):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                os.sched_yield()
            tree = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == ExitCode.INVALID
    found = the_comparison(results)
    assert found.verdict == "interrupted"
    assert len(found.launches) == 2
    assert found.metrics
    assert not [child for child in tree if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_looks_lie_between_the_first_and_the_last() -> None:
    assert Effort().looks == (6,)
    assert Effort(until_decided=True).looks == (6, 8, 10)
    assert Effort(launches=10, until_decided=True).looks == (10,)
    assert Effort(launches=2, pairs=30, until_decided=True).looks == (2,)


def test_comparison_goes_on_until_it_is_decided_or_out_of_time(target: Target, tmp_path: Path) -> None:
    adder = target()
    compare(tmp_path / "r", adder, adder, *short(), "--until-decided", "--time-limit", "12s")
    found = the_comparison(tmp_path / "r")
    assert len(found.design.looks) == 3
    launches = len(found.launches)
    # At least: the duration that is written is rounded.
    assert found.verdict != "inconclusive" or found.duration_s * (launches + 1) / launches >= 12
    assert found.duration_s < 30
