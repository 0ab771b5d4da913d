"""Complete runs with the real k6 and real servers, sound and faulty."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode, NotAskable, TargetError
from perf_core.load import k6_process
from perf_core.results import record_file
from perf_core.results.record import RunRecord
from perf_core.runs.expectations import expect_process, expect_tools
from perf_core.shapes.registry import shape_named

pytestmark = pytest.mark.k6

PACE = ("--think-time", "0.02")
"""Hundreds of calls say as much about a run as thousands, and leave the CPUs to the other tests."""


def the_record(folder: Path) -> RunRecord:
    (path,) = folder.glob("*/record.json")
    return record_file.read(path)


def lab(folder: Path, *arguments: str) -> int:
    pace = () if "--rate" in arguments else PACE
    return main(["run", *arguments, *pace, "--output-dir", str(folder)])


def test_sound_server_passes_on_both_wires_with_every_report(target, tmp_path: Path) -> None:
    results = tmp_path / "results"
    assert lab(results, "quick", "--target", target(), "--duration", "1s", "--vus", "3") == ExitCode.PASS
    runs = {run.wire: run for run in map(record_file.read, results.glob("*/record.json"))}
    assert set(runs) == {"session", "stateless"}, "quick measures both wires by default"
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
        assert run.token_cost is not None
        assert [tool.tool for tool in run.token_cost.tools] == ["add"]
        assert run.token_cost.instructions > 0
        assert len(run.slow_calls) == 20
        assert run.slow_calls[0].duration_s * 1000 == pytest.approx(run.metrics.latency_ms["add"].max)
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
            ["--duration", "3s", "--rate", "50", "--vus", "40"],
            {"Memory", "Latency drift", "Sessions", "Uptime"},
        ),
        pytest.param(
            "spike",
            ["--duration", "11s", "--vus", "6"],
            {f"Spike {number}" for number in range(1, 6)},
            marks=pytest.mark.long,
        ),
        ("benchmark", ["--duration", "3s"], set()),
    ],
)
def test_scenario_has_its_findings(
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
        assert run.generator.scheduled_iterations >= 75
    if scenario == "benchmark":
        assert [stage.name for stage in run.stages] == ["add", "mixed", "protocol"]
        assert "tools/list" in run.metrics.protocol_ms


def test_each_wrong_answer_is_counted(target, tmp_path: Path) -> None:
    code = lab(
        tmp_path / "r", "quick", "--target", target("off-by-one"), "--wire", "session", "--duration", "1.5s"
    )
    run = the_record(tmp_path / "r")
    assert run.metrics is not None
    # The probe has made the first call, before the load.
    assert run.metrics.errors == {"wrong_answer": (run.metrics.tool_calls + 1) // 20}
    assert run.metrics.error_rate == pytest.approx(0.05, rel=0.5)
    assert code == ExitCode.TARGETS_MISSED


def test_run_whose_answers_are_not_judged_is_invalid(target, tmp_path: Path, monkeypatch) -> None:
    broken = tmp_path / "k6"
    shutil.copytree(k6_process.scripts_folder(), broken)
    check = broken / "lib" / "answer_check.js"
    judging = "const body = /** @type {string} */ (answer.body);"
    text = check.read_text(encoding="utf-8")
    assert judging in text
    check.write_text(text.replace(judging, 'throw new TypeError("broken");'), encoding="utf-8")
    monkeypatch.setattr(k6_process, "scripts_folder", lambda: broken)
    results = tmp_path / "results"
    options = ["--wire", "session", "--duration", "1s", "--vus", "2"]
    assert lab(results, "quick", "--target", target(), *options) == ExitCode.INVALID
    run = the_record(results)
    assert run.metrics.errors == {"wrong_answer": run.metrics.tool_calls}
    assert any("exception in the scripts" in each and "broken" in each for each in run.reasons)


def test_load_ends_with_the_server_and_is_invalid(target, tmp_path: Path) -> None:
    code = lab(tmp_path / "r", "quick", "--target", target("die"), "--wire", "session", "--duration", "10m")
    assert code == ExitCode.INVALID
    run = the_record(tmp_path / "r")
    assert run.duration_s < 60
    assert run.verdict == "invalid"
    assert "by signal 9" in run.reasons[0]
    assert "out of luck at call 50" in run.reasons[0]
    assert run.metrics is not None
    assert run.metrics.tool_calls >= 30


def test_changed_server_is_invalid(target, tmp_path: Path) -> None:
    code = lab(
        tmp_path / "r", "quick", "--target", target("two-faced"), "--wire", "session", "--duration", "1s"
    )
    assert code == ExitCode.INVALID
    assert "version changed during the run: 1 became 2" in the_record(tmp_path / "r").reasons[0]


def test_running_server_is_measured_and_left_running(target, running_adder: str, tmp_path: Path) -> None:
    path = target(command=False, url=running_adder)
    code = lab(tmp_path / "r", "quick", "--target", path, "--wire", "stateless", "--duration", "1s")
    assert code == ExitCode.PASS
    run = the_record(tmp_path / "r")
    assert run.manifest["server"]["started_by_lab"] is False
    assert run.server is not None, "the process of a local server is visible even if the lab did not start it"


BINDS = hasattr(psutil.Process, "cpu_affinity")


@pytest.mark.skipif(not BINDS, reason="this system binds no process to a CPU")
def test_pinned_server_and_generator_use_different_cpus(target, tmp_path: Path, capsys) -> None:
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
    # Less if other tests use the CPUs meanwhile.
    assert 0 <= run.generator.cores_available <= len(usable) - 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_is_recorded_and_leaves_no_process(
    number: signal.Signals, target, wait_until, tmp_path: Path
) -> None:
    results = tmp_path / "r"
    argv = [sys.executable, "-m", "perf_core", "run", "quick", "--wire", "session", "--duration", "60s"]
    argv += [*PACE, "--target", target(), "--output-dir", str(results)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            wait_until(lambda: under_load(results), process)
            tree = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(number)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == ExitCode.INVALID
    run = the_record(results)
    assert run.verdict == "interrupted"
    assert run.metrics is not None
    assert run.metrics.tool_calls > 0
    assert len(tree) >= 2, "the server and k6"
    left = [child for child in tree if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not left


def under_load(results: Path) -> bool:
    """Return whether k6 has recorded two periods of load."""
    recordings = list(results.glob("*/k6-recording.ndjson"))
    return bool(recordings) and recordings[0].read_text().count('"snapshot"') >= 2


def test_missing_tool_is_reported_before_the_load(target, tmp_path: Path, capsys) -> None:
    path = Path(target())
    path.write_text(path.read_text() + '[[calls]]\ntool = "conjure"\n')
    assert lab(tmp_path / "r", "quick", "--target", str(path)) == ExitCode.LAB_FAILED
    assert "conjure" in capsys.readouterr().err
    runs = runs_of(tmp_path / "r").values()
    assert {run.exit_code for run in runs} == {ExitCode.LAB_FAILED}
    assert len(runs) == 2, "one for each wire"


def runs_of(folder: Path) -> dict[tuple[str, str, str], RunRecord]:
    records = [record_file.read(path) for path in folder.glob("*/record.json")]
    return {(each.target, each.scenario, each.wire): each for each in records}


def test_wire_that_is_measured_by_default_only_may_be_lacking(target, tmp_path: Path, capsys) -> None:
    results = tmp_path / "r"
    path = target("session-only")
    assert lab(results, "quick", "--target", path, "--duration", "1s", "--vus", "2") == ExitCode.PASS
    verdicts = {wire: run.verdict for (_, _, wire), run in runs_of(results).items()}
    assert verdicts == {"session": "pass", "stateless": "skipped"}
    assert "<skipped" in next(results.glob("*-stateless/junit.xml")).read_text()
    printed = capsys.readouterr()
    assert "SKIPPED" in printed.out
    assert "perf-core:" not in printed.err, "nobody asked for this wire"


@pytest.mark.parametrize("arguments", [["quick", "--wire", "stateless"], ["load", "--wire", "session"]])
def test_wire_that_was_asked_for_makes_the_run_invalid(
    arguments: list[str], target, tmp_path: Path, capsys
) -> None:
    offered = "session" if "stateless" in arguments else "stateless"
    code = lab(tmp_path / "r", *arguments, "--target", target(f"{offered}-only"), "--duration", "1s")
    assert code == ExitCode.INVALID
    run = the_record(tmp_path / "r")
    assert (run.verdict, run.exit_code, run.metrics) == ("invalid", ExitCode.INVALID, None)
    assert f"answers on the {offered} wire only" in run.reasons[0]
    assert f"--wire {offered}" in capsys.readouterr().err
    assert next((tmp_path / "r").glob("*/junit.xml")).read_text().count("<error") == 1


def test_question_that_fails_leaves_the_others_their_answers(target, tmp_path: Path, capsys) -> None:
    results = tmp_path / "r"
    exits = target("exit", name="sick")
    options = ("--wire", "session", "--duration", "1s", "--vus", "2")
    code = lab(results, "quick", "tools", "--target", exits, "--target", target(), *options)
    assert code == ExitCode.LAB_FAILED
    runs = runs_of(results)
    assert {key[:2]: run.verdict for key, run in runs.items()} == {
        ("sick", "quick"): "invalid",
        ("sick", "tools"): "invalid",
        ("adder", "quick"): "pass",
        ("adder", "tools"): "pass",
    }
    assert "the reactor is cold" in runs["sick", "quick", "session"].reasons[0]
    assert capsys.readouterr().err.count("the reactor is cold") == 2
    assert len(list(results.glob("*/junit.xml"))) == 4


def test_key_in_the_url_of_another_server_is_not_shown() -> None:
    handshake = SimpleNamespace(tools=("other",))
    remote: Any = SimpleNamespace(pid=None, url="http://me:pw-123@h/mcp?api_key=k-456", handshake=handshake)
    with pytest.raises(NotAskable) as hidden:
        expect_process(shape_named("recovery"), remote)
    with pytest.raises(TargetError) as lacking:
        expect_tools(SimpleNamespace(called_tools=("add",)), remote)  # type: ignore[arg-type] # one field
    for caught in (hidden, lacking):
        assert "http://me:***@h/mcp?api_key=***" in str(caught.value)


def test_recovery_is_not_asked_where_no_process_is_visible() -> None:
    remote: Any = SimpleNamespace(pid=None, url="http://far.example/mcp")
    with pytest.raises(NotAskable, match=r"at http://far\.example/mcp whose process is not visible"):
        expect_process(shape_named("recovery"), remote)
    expect_process(shape_named("load"), remote)
    expect_process(shape_named("recovery"), SimpleNamespace(pid=1))  # type: ignore[arg-type]


def test_misspelt_target_is_told_before_the_first_run(target, tmp_path: Path, capsys) -> None:
    path = Path(target())
    target_on = '[[targets]]\ncomparison = "<"\ntarget = 1000\nneed = "Speed."\n'
    path.write_text(path.read_text() + f'{target_on}figure = "error_rate@hold_5"\nscenarios = ["load"]\n')
    assert lab(tmp_path / "r", "quick", "load", "--target", str(path)) == ExitCode.USAGE
    assert "did you mean 'error_rate@hold_50'?" in capsys.readouterr().err
    assert not (tmp_path / "r").exists(), "the quick scenario did not run before"


def test_unwritable_results_folder_is_a_lab_error(target, tmp_path: Path, capsys) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    assert lab(in_the_way / "results", "quick", "--target", target()) == ExitCode.LAB_FAILED
    assert "--output-dir" in capsys.readouterr().err
