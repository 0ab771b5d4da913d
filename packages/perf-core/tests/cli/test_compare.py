"""The command `compare` with recorded runs; comparisons of servers are in `tests/runs`."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode
from perf_core.results import record_file
from perf_core.results.record import MemoryTrend, RunRecord, Series, ServerUse, Trend


@pytest.fixture
def recorded(tmp_path: Path, build):
    """Return a function that records a run with a p95 and returns its folder."""

    def record(name: str, p95: float, cpu: str = "a CPU") -> str:
        folder = tmp_path / "results" / name
        folder.mkdir(parents=True)
        run = RunRecord(
            run_id=name,
            scenario="load",
            target="adder",
            wire="session",
            started_at="2026-01-01T00:00:00.000+00:00",
            duration_s=25.0,
            verdict="pass",
            reasons=(),
            exit_code=0,
            metrics=build.metrics(latency_ms={"all": build.latency(p95)}),
            server=ServerUse(
                MemoryTrend(50.0, 80.0, 70.0), 2.0, 400.0, Trend(9, 12, 9), Trend(3, 3, 3), processes=1
            ),
            generator=build.generator(),
            targets=(),
            stages=(build.stage("hold_10", 5, 25),),
            findings=(),
            series=Series(1.0, {}, {}),
            manifest={
                "machine": {"cpu": cpu, "cpus": 2, "memory_mb": 8000, "system": "Linux"},
                "plan": {"shape": "load", "settings": {"vus": None, "seed": 1}},
            },
        )
        record_file.write(run, folder)
        return str(folder)

    return record


def test_recorded_runs_are_compared(recorded, capsys) -> None:
    before, slower, alike = recorded("x", 20.0), recorded("y", 40.0), recorded("z", 20.5)
    assert main(["compare", before, slower]) == ExitCode.WORSE
    assert "worse" in capsys.readouterr().out.lower()
    assert main(["compare", slower, before]) == ExitCode.PASS
    assert main(["compare", before, alike]) == ExitCode.PASS
    assert main(["compare", slower, "--baseline", f"{before}/record.json"]) == ExitCode.WORSE
    assert main(["compare", before, "--baseline", slower]) == ExitCode.PASS


def test_runs_of_different_machines_are_compared_only_with_the_option(recorded, capsys) -> None:
    here, there = recorded("x", 20.0), recorded("y", 20.0, cpu="another CPU")
    assert main(["compare", here, there]) == ExitCode.INVALID
    assert "another CPU" in capsys.readouterr().err
    assert main(["compare", here, there, "--cross-machine"]) == ExitCode.PASS


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["X", "X", "--baseline", "X"], ExitCode.USAGE, "--baseline"),
        (["X", "calculator"], ExitCode.USAGE, "recorded run"),
        (["calculator", "--baseline", "X"], ExitCode.USAGE, "recorded run"),
        (["X"], ExitCode.USAGE, "got one"),
        (["X", "NOWHERE"], ExitCode.LAB_FAILED, "cannot read"),
        (["X", "UNKNOWN"], ExitCode.LAB_FAILED, "schema 99"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(
    words, code, message, *, recorded, tmp_path: Path, capsys
) -> None:
    unknown = tmp_path / "unknown"
    unknown.mkdir()
    (unknown / "record.json").write_text('{"schema": 99}')
    places = {"X": recorded("x", 20.0), "NOWHERE": str(tmp_path / "nowhere.json"), "UNKNOWN": str(unknown)}
    assert main(["compare", *(places.get(word, word) for word in words)]) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["results/none", "results/nowhere"], "got 'results/none', which does not exist"),
        (["calculator", "localhost:8000/mcp"], "A URL begins with its scheme: http://localhost:8000/mcp."),
        (["w" * 300, "calculator"], "there is no target 'www"),
        (["calculator", f"servers/{'w' * 300}"], "which does not exist"),
        (["http://127.0.0.1:9/mcp.json"], "expected two targets or two recorded runs, got one"),
        (["calculator"], "got one"),
        (["calculator", "calculator", "calculator", "--shared"], "--shared: expected a command after --"),
        (["calculator"] * 27, "expected two to 26 targets or two recorded runs, got 27"),
        (["calculator", "calculator:stateless", "--wire-b", "session"], "--wire-b: expected a second server"),
        (["calculator:pigeon", "calculator"], "there is no target 'calculator:pigeon'"),
        (["calculator", "calculator", "--shared"], "--shared: expected a command after --"),
        (
            ["calculator", "calculator", "--tool", "add"],
            "--allow-writes and --tool: expected URLs or commands",
        ),
        (["http://127.0.0.1:9", "--", "no-such-program"], "got 'no-such-program', which is not on PATH"),
    ],
)
def test_mistakes_in_the_servers_are_explained(words: list[str], message: str, capsys) -> None:
    assert main(["compare", *words]) == ExitCode.USAGE
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--launches", "1"], (ExitCode.USAGE, "expected --launches of at least 2, got 1")),
        (["--vus", "0"], (ExitCode.USAGE, "expected --vus of at least 1, got 0")),
        (["--output-dir", "FILE/results"], (ExitCode.LAB_FAILED, "file is a file")),
    ],
)
def test_mistakes_are_told_before_revisions_are_built(
    options: list[str],
    expected: tuple[ExitCode, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys,
) -> None:
    code, message = expected
    (tmp_path / "file").write_text("")
    words = [word.replace("FILE", str(tmp_path / "file")) for word in options]
    built: list[object] = []
    monkeypatch.setattr("perf_core.cli.compare.find_contenders", lambda *_, **__: built.append("built"))
    assert main(["compare", "weather@v1", "weather@v2", *words]) == code
    assert message in capsys.readouterr().err
    assert not built
