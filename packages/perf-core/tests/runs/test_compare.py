"""Complete comparisons with the real k6 and real servers, sound and faulty."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from perf_core.cli import main
from perf_core.comparison.comparison_file import COMPARISONS
from perf_core.comparison.model import Comparison, Launch
from perf_core.comparison.own_figures import calls_in_flight
from perf_core.errors import ExitCode, Interrupted
from perf_core.runs.compare import Effort
from perf_core.runs.launches import LaunchRunner

pytestmark = [pytest.mark.long, pytest.mark.k6]


def short(launches: int = 2, pairs: int = 2, slice_length: str = "0.2s") -> list[str]:
    return ["--slice", slice_length, "--vus", "2", "--launches", str(launches), "--pairs", str(pairs)]


Target = Callable[..., str]


def compare(folder: Path, *arguments: str) -> int:
    return main(["compare", *arguments, "--output-dir", str(folder)])


def the_comparison(folder: Path) -> Comparison:
    (path,) = folder.glob("*/comparison.json")
    return COMPARISONS.read(path)


def test_equal_servers_on_different_wires_get_every_report(target: Target, tmp_path: Path, capsys) -> None:
    results, adder = tmp_path / "r", target()
    code = compare(results, adder, adder, *short(pairs=4), "--wire", "session", "--wire-b", "stateless")
    comparison = the_comparison(results)
    assert code == comparison.exit_code
    if comparison.verdict == "invalid":
        # On a busy machine two of eight pairs may be dropped, which must be reported.
        assert "pairs were dropped" in comparison.reasons[0]
    else:
        assert comparison.verdict in {"same", "better", "worse", "inconclusive"}
    assert comparison.design.wires == {"a": "session", "b": "stateless"}
    # On a busy machine, users may miss turns, and a late answer drops its pair.
    sound = [each for launch in comparison.launches for each in launch.slices if not each.fault]
    assert len(sound) >= 4, comparison.reasons
    rows = {m.name: m for m in comparison.metrics}
    assert {"cpu_us_per_call", "latency_ms.med", "tool_calls_per_s", "rss_mb", "ready_s"} <= set(rows)
    # A server cannot use more CPU time per call than all cores offer in the time of one call.
    assert 20 < rows["cpu_us_per_call"].a < 1e6 / rows["tool_calls_per_s"].a * psutil.cpu_count()
    for each in sound:
        assert each.errors == 0
        assert each.calls > 2
        assert 0.1 < each.duration_s < 1.0, "a slice is 0.2 s"
    (folder,) = results.iterdir()
    assert {"comparison.json", "report.html", "summary.md"} <= {path.name for path in folder.iterdir()}
    seeds = [
        [re.findall(r"hash seed (\d+)", path.read_text()) for path in sorted(launch.glob("server_?.log"))]
        for launch in sorted(folder.glob("launch-*"))
    ]
    assert all(first == second != [] for first, second in seeds), (
        "both servers of a launch have the same hash seed"
    )
    assert seeds[0] != seeds[1], "each launch has another hash seed"
    printed = capsys.readouterr().out
    assert "(session wire)" in printed
    assert "CPU per call" in printed
    assert main(["report", str(folder)]) == ExitCode.PASS


def test_slower_server_is_worse(target: Target, tmp_path: Path, capsys) -> None:
    code = compare(tmp_path / "r", target(), target("slow"), *short(launches=3))
    comparison = the_comparison(tmp_path / "r")
    assert code == ExitCode.WORSE, comparison.reasons
    assert {m.name: m.verdict for m in comparison.metrics}["cpu_us_per_call"] == "worse"
    assert "WORSE" in capsys.readouterr().out


def test_different_answers_are_not_comparable(target: Target, tmp_path: Path, capsys) -> None:
    assert compare(tmp_path / "r", target(), target("wrong"), *short()) == ExitCode.INVALID
    assert "expected the same answer to add(" in capsys.readouterr().err


def test_server_with_wrong_answers_is_worse_and_an_error_is_named(
    target: Target, tmp_path: Path, capsys
) -> None:
    # One answer in twenty is one too high: too many for chance, too few to be refused as other work.
    code = compare(tmp_path / "r", target(), target("off-by-one"), *short(launches=3))
    comparison = the_comparison(tmp_path / "r")
    assert code == ExitCode.WORSE, comparison.reasons
    errors = next(m for m in comparison.metrics if m.name == "error_rate")
    assert errors.verdict == "worse"
    assert errors.a == 0
    assert errors.b == pytest.approx(0.05, abs=0.01)
    sentence = next(reason for reason in comparison.reasons if " calls of b failed" in reason)
    example = re.search(r"wrong_answer \d+\), for example add\((.*)\): expected (.*), got (.*)", sentence)
    assert example is not None, comparison.reasons
    arguments = json.loads(example[1])
    total = arguments["a"] + arguments["b"]
    assert json.loads(example[2]) == {"result": total}
    assert json.loads(example[3])["result"]["structuredContent"] == {"result": total + 1}
    printed = " ".join(capsys.readouterr().out.split())
    assert "wrong_answer" in printed
    (folder,) = (tmp_path / "r").iterdir()
    assert "wrong_answer" in (folder / "report.html").read_text(encoding="utf-8")
    rows = {m.name: m for m in comparison.metrics}
    assert rows["latency_ms.max"].a > rows["latency_ms.med"].a, "tails are those of all slices of a server"


def test_server_that_fails_at_first_is_worse_and_its_slices_are_dropped(
    target: Target, tmp_path: Path
) -> None:
    # The failing calls, the 60th to the 900th of each launch, are in the warm-up and in the first pairs.
    code = compare(tmp_path / "r", target(), target("moody"), *short(launches=3, pairs=4))
    comparison = the_comparison(tmp_path / "r")
    failing = [s for launch in comparison.launches for s in launch.slices if "calls failed" in s.fault]
    assert failing
    assert all(s.side == "b" and s.errors > 0 and s.errors_by_class["is_error"] > 0 for s in failing)
    # A busy machine may cause further faults; each faulty slice drops its own pair and no other.
    faulty = {(n, s.pair) for n, one in enumerate(comparison.launches) for s in one.slices if s.fault}
    assert comparison.pairs == 12 - len(faulty)
    assert code == ExitCode.WORSE, comparison.reasons
    assert next(m for m in comparison.metrics if m.name == "error_rate").verdict == "worse"
    assert any("failed in the warm-up" in reason for reason in comparison.reasons)


def test_server_that_ends_makes_the_comparison_invalid(target: Target, tmp_path: Path) -> None:
    assert compare(tmp_path / "r", target(), target("die"), *short()) == ExitCode.INVALID
    comparison = the_comparison(tmp_path / "r")
    assert comparison.verdict == "invalid"
    assert any("by signal 9" in reason for reason in comparison.reasons), comparison.reasons


def test_third_server_that_ends_leaves_the_others_their_pairs(target: Target, tmp_path: Path) -> None:
    # Turns of three servers are late more easily than those of two.
    longer = short(launches=3, slice_length="0.6s")
    code = compare(tmp_path / "r", target(), target("slow"), target("die"), *longer)
    comparison = the_comparison(tmp_path / "r")
    verdicts = {each.side: each.verdict for each in comparison.pairings}
    assert verdicts["c"] == "invalid"
    if verdicts["b"] == "invalid":
        # On a busy machine pairs may be dropped, which must be reported.
        assert any("b is invalid" in each and "pairs were dropped" in each for each in comparison.reasons)
    else:
        assert (verdicts["b"], code) == ("worse", ExitCode.WORSE), comparison.reasons
    assert any(re.search(r"launch \d: c: .* by signal 9", reason) for reason in comparison.reasons)


def test_server_that_never_starts_ends_the_comparison(target: Target, tmp_path: Path, capsys) -> None:
    before = {child.pid for child in psutil.Process().children()}
    assert compare(tmp_path / "r", target(), target("exit"), *short()) == ExitCode.LAB_FAILED
    assert "the reactor is cold" in capsys.readouterr().err
    assert {child.pid for child in psutil.Process().children()} <= before


def test_running_server_is_compared_and_left_running(
    target: Target, running_adder: str, tmp_path: Path
) -> None:
    compare(tmp_path / "r", target(), running_adder, *short())
    comparison = the_comparison(tmp_path / "r")
    assert comparison.servers["b"].name == running_adder.removeprefix("http://").removesuffix("/mcp")
    rows = {m.name for m in comparison.metrics}
    assert "cpu_us_per_call" in rows, "a local process is visible even if the lab did not start it"
    assert "ready_s" not in rows
    assert not comparison.design.pinned, "the lab binds only its own servers to CPUs"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{adder}", "localhost:1/mcp"), "http://localhost:1/mcp"),
        (("nobody", "{adder}"), "no target 'nobody'"),
        (("{adder}", "{adder}", "--launches", "1"), "expected --launches of at least 2, got 1"),
        (("{adder}", "{adder}", "--slice", "0.01"), "expected --slice of at least 0.1, got 0.01"),
        (("{adder}", "{adder}", "--vus", "0"), "--vus"),
        (("{adder}", "{adder}", "--scenario", "nothing"), "no scenario 'nothing'"),
        (("{adder}",), "got one"),
        (("{adder}", "{adder}", "--wire", "pigeon"), "wire"),
    ],
)
def test_invalid_request_is_refused(target: Target, tmp_path: Path, capsys, arguments, message: str) -> None:
    adder = target()
    words = [argument.replace("{adder}", adder) for argument in arguments]
    assert compare(tmp_path / "r", *words) == ExitCode.USAGE
    assert message in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_interrupted_comparison_keeps_its_launches_and_leaves_no_process(
    target: Target, wait_until, tmp_path: Path
) -> None:
    results, adder = tmp_path / "r", target()
    argv = [sys.executable, "-m", "perf_core", "compare", adder, adder, *short(launches=50)]
    with subprocess.Popen(
        [*argv, "--output-dir", str(results)], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            wait_until(lambda: any(results.glob("*/launch-3/plan.json")), process)
            tree = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == ExitCode.INVALID
    comparison = the_comparison(results)
    assert comparison.verdict == "interrupted"
    assert len(comparison.launches) == 2
    assert comparison.metrics
    assert not [child for child in tree if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_interruption_before_two_launches_says_how_far_it_came(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    def launch(runner: LaunchRunner, number: int) -> None:
        if number == 2:
            raise Interrupted
        runner.launches.append(Launch((), {"a": {}, "b": {}}))

    monkeypatch.setattr(LaunchRunner, "launch", launch)
    adder = target()
    assert compare(tmp_path / "r", adder, adder, *short()) == ExitCode.INVALID
    printed = capsys.readouterr().err
    assert "interrupted in launch 2: expected at least 2 complete launches for a comparison, got 1" in printed
    assert "before the load began" not in printed


def test_looks_are_between_the_fewest_and_the_most_launches() -> None:
    assert Effort().looks == (6,)
    assert Effort(until_decided=True).looks == (6, 8, 10)
    assert Effort(launches=10, until_decided=True).looks == (10,)
    assert Effort(launches=2, pairs=30, until_decided=True).looks == (2,)


def test_comparison_continues_until_decided_or_out_of_time(target: Target, tmp_path: Path) -> None:
    adder = target()
    compare(tmp_path / "r", adder, adder, *short(), "--until-decided", "--time-limit", "12s")
    comparison = the_comparison(tmp_path / "r")
    assert len(comparison.design.looks) == 3
    launches = len(comparison.launches)
    # The time of the next launch is estimated from the mean of the launches so far.
    assert comparison.verdict != "inconclusive" or comparison.duration_s * (launches + 1) / launches >= 12
    assert comparison.duration_s < 60, "all 30 launches would take longer"


def test_three_servers_are_judged_side_by_side(target: Target, tmp_path: Path, capsys) -> None:
    results = tmp_path / "r"
    code = compare(results, target(), target("slow"), f"{target()}:stateless", *short(launches=3))
    comparison = the_comparison(results)
    assert code == ExitCode.WORSE, comparison.reasons
    assert {each.side: each.verdict for each in comparison.pairings}["b"] == "worse"
    assert comparison.design.wires == {"a": "session", "b": "session", "c": "stateless"}
    calls = dict.fromkeys("abc", 0)
    for each in (each for launch in comparison.launches for each in launch.slices):
        assert each.errors == 0
        calls[each.side] += each.calls
    assert min(calls.values()) > 20
    cpu = next(each for each in comparison.rankings if each.metric == "cpu_us_per_call")
    assert cpu.ranks[-1].side == "b"
    in_flight = calls_in_flight(comparison.own_figures)
    # Two users, each with at most one call; the clocks of k6 have milliseconds.
    assert all(0.5 < calls < 2.1 for calls in in_flight.values()), in_flight
    (folder,) = results.iterdir()
    assert folder.name.endswith("-and-2-others")
    assert {path.name for path in (folder / "launch-1").glob("server_*.log")} == {
        f"server_{side}.log" for side in "abc"
    }
    assert "Servers side by side" in capsys.readouterr().out
    assert main(["report", str(folder)]) == ExitCode.PASS
