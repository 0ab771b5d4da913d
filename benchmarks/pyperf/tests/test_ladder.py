"""Tests of measuring the cost ladder, with one short real measurement."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import ladder
import pytest

from perf_core.errors import GeneratorError
from perf_core.interruption import Interruption
from perf_core.results.ladder import Estimate, Rung
from perf_core.results.record import Latency, MemoryTrend, Metrics, RunRecord, Series, ServerUse, Trend

LEVEL = Trend(1.0, 1.0, 1.0)
SERVER = ServerUse(MemoryTrend(1.0, 1.0, 1.0), 1.0, 900.0, LEVEL, LEVEL, 1)
METRICS = Metrics(
    tool_calls=10,
    tool_calls_per_s=1.0,
    error_rate=0.0,
    errors={},
    latency_ms={"all": Latency(10, 0.5, 1.0, 1.25, 2.0, 2.0, 2.0, 2.0)},
    session_creation_ms=None,
)
RECORD = RunRecord(
    run_id="a-run",
    scenario="quick",
    target="calculator",
    wire="session",
    started_at="2026-01-02T03:04:05+00:00",
    duration_s=1.0,
    verdict="pass",
    reasons=(),
    exit_code=0,
    metrics=METRICS,
    server=SERVER,
    generator=None,
    targets=(),
    stages=(),
    findings=(),
    series=Series(0.2, {}, {}),
    manifest={},
)
SHORT = ladder.Effort(rounds=2, function_loops=1_000, call_loops=10, runs=1, run_s=1.0)


def test_cost_of_a_run_is_the_cpu_of_the_server_and_the_median_latency() -> None:
    assert ladder.cost_of(RECORD) == ladder.Cost(cpu_us=900.0, wall_us=1250.0)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "invalid", "reasons": ("the server ended",)},
        {"verdict": "interrupted"},
        {"server": None},
        {"metrics": None},
        {"metrics": replace(METRICS, errors={"wrong_answer": 1})},
    ],
)
def test_invalid_run_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(GeneratorError, match="expected a run without errors, got a-run, which is"):
        ladder.cost_of(replace(RECORD, **change))


@pytest.mark.process
def test_additions_expect_the_sum_and_are_reproducible() -> None:
    (journeys,) = ladder.additions(1).values()
    assert journeys == ladder.additions(1)["mix"]
    for journey in journeys:
        (step,) = journey.steps
        assert step.tool == "add"
        assert step.expect.value == {"result": step.arguments["a"] + step.arguments["b"]}  # type: ignore[operator]


@pytest.mark.k6
@pytest.mark.nightly
def test_short_measurement_of_the_ladder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # One wire and one user: further runs of the lab would differ only in an option.
    monkeypatch.setattr(ladder, "USERS", {"one_user": 1})
    monkeypatch.setattr(ladder, "WIRES", ("session",))
    steps: list[str] = []
    rungs = ladder.measure(SHORT, tmp_path, Interruption(), steps.append)
    assert [(rung.key, rung.wire) for rung in rungs] == [
        ("function", None),
        ("memory", None),
        ("app", "session"),
        ("one_user", "session"),
    ]
    function, *others = rungs
    assert 0 < function.wall_us.median < 10, "an addition takes about 0.1 µs"
    for rung in others:
        assert rung.cpu_us.median > 10 * function.cpu_us.median
        assert rung.wall_us.median > 10 * function.wall_us.median
    assert [rung.cpu_us.rounds for rung in rungs] == [2, 2, 2, 1]
    assert len(list((tmp_path / "runs").glob("*/record.json"))) == 1
    assert len(steps) == 2 + 1


def _rungs() -> tuple[Rung, ...]:
    one = Estimate(1.0, None, None, 1)
    wired = [(key, wire) for key in ("app", "one_user", "load") for wire in ("session", "stateless")]
    places = [("function", None), ("memory", None), *wired]
    titles, meanings = ladder.TITLES, ladder.MEANINGS
    return tuple(Rung(key, titles[key], meanings[key], one, one, wire) for key, wire in places)  # type: ignore[arg-type]


@pytest.mark.process
def test_ladder_is_written_in_three_forms(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    efforts: list[ladder.Effort] = []

    def measure(effort: ladder.Effort, *_rest: object) -> tuple[Rung, ...]:
        efforts.append(effort)
        return _rungs()

    monkeypatch.setattr(ladder, "measure", measure)
    assert ladder.main(["--fast", "--run-s", "1.5", "--output-dir", str(tmp_path)]) == 0
    assert efforts == [replace(ladder.FAST, run_s=1.5)]
    (folder,) = tmp_path.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["ladder.json", "report.html", "summary.md"]
    document = json.loads((folder / "ladder.json").read_text(encoding="utf-8"))
    assert (document["schema"], document["kind"]) == (1, "ladder")
    assert document["rungs"][0] == {
        "key": "function",
        "title": "bare function",
        "meaning": ladder.MEANINGS["function"],
        "wire": None,
        "cpu_us": {"median": 1.0, "low": None, "high": None, "rounds": 1},
        "wall_us": {"median": 1.0, "low": None, "high": None, "rounds": 1},
    }
    assert "one call of add of calculator" in capsys.readouterr().out


@pytest.mark.process
def test_failed_measurement_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(*_all: object) -> tuple[Rung, ...]:
        raise GeneratorError("k6 does not run", "Install it.")

    monkeypatch.setattr(ladder, "measure", measure)
    assert ladder.main(["--output-dir", str(tmp_path)]) == 1
    assert "k6 does not run" in capsys.readouterr().err
