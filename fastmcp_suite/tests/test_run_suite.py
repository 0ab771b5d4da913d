"""Tests of the command line: what is run, in which order, and when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest
import run_suite
from expected_differences import ExpectedDifference
from suite_runs import SuiteRun, Way
from suite_source import SuiteError
from verdicts import Outcome

PASSED = Outcome("passed", "", 2, 1)
FAILED = Outcome("failed", "AssertionError")


@pytest.fixture(autouse=True)
def no_listed_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the list of this repository out of the tests."""
    list_differences(monkeypatch)


class Runs:
    """Stands in for runs of pytest: outcomes by the end of a run's name."""

    def __init__(self, **outcomes: dict[str, Outcome]) -> None:
        self.outcomes = outcomes
        self.runs: list[SuiteRun] = []
        self.limits_s: list[float] = []

    def __call__(self, run: SuiteRun, time_limit_s: float) -> dict[str, Outcome]:
        self.runs.append(run)
        self.limits_s.append(time_limit_s)
        key = run.name.removeprefix(f"{run.way}-").replace("-", "_")
        return self.outcomes.get(key, {}) if run.ids != () else {}


def ended_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runs: Runs, *arguments: str) -> int:
    monkeypatch.setattr(run_suite, "run_suite", runs)
    monkeypatch.setattr(run_suite, "source_of_installed_fastmcp", lambda: tmp_path)
    return run_suite.main([*arguments, "--output-dir", str(tmp_path)])


def list_differences(monkeypatch: pytest.MonkeyPatch, *tests: str) -> None:
    entries = tuple(ExpectedDifference(test, ("as-written",), "a reason") for test in tests)
    monkeypatch.setattr(run_suite, "read_expected_differences", lambda *_: entries)


def test_all_ways_are_run_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs = Runs(lane={"a": PASSED})
    assert ended_with(monkeypatch, tmp_path, runs) == 0
    assert [run.way for run in runs.runs if run.name.endswith("lane")] == list(Way)
    assert all(run.ids in (None, ()) for run in runs.runs)


def test_only_failed_tests_are_run_without_the_lane_and_only_differences_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = Runs(
        lane={"a": PASSED, "b": FAILED, "c": FAILED},
        plain={"b": PASSED, "c": FAILED},
        lane_again={"b": FAILED},
        plain_again={"b": PASSED},
    )
    assert ended_with(monkeypatch, tmp_path, runs, "--way", "as-written", "--workers", "5") == 1
    assert [(run.has_lane, run.ids, run.workers) for run in runs.runs] == [
        (True, None, 5),
        (False, ("b", "c"), 5),
        (True, ("b",), 0),
        (False, ("b",), 0),
    ]
    output = capsys.readouterr().out
    assert "as-written: fails with the lane only: b: AssertionError" in output
    assert "as-written: fails without the lane too: c" in output


def test_a_listed_difference_is_no_problem_in_its_own_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    list_differences(monkeypatch, "b")
    outcomes = {"lane": {"a": PASSED, "b": FAILED}, "plain": {"b": PASSED}}
    runs = Runs(**outcomes, lane_again={"b": FAILED}, plain_again={"b": PASSED})
    assert ended_with(monkeypatch, tmp_path, runs, "--way", "as-written") == 0
    assert ended_with(monkeypatch, tmp_path, runs, "--way", "memory-over-http") == 1


def test_a_listed_difference_that_does_not_occur_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    list_differences(monkeypatch, "tests/x.py::b")
    runs = Runs(lane={"a": PASSED})
    assert ended_with(monkeypatch, tmp_path, runs, "--way", "as-written") == 1
    assert ended_with(monkeypatch, tmp_path, runs, "--way", "as-written", "--only", "y.py") == 0
    assert ended_with(monkeypatch, tmp_path, runs, "--way", "as-written", "--only", "x.py") == 1
    assert runs.runs[-1].only == ("x.py",)


def test_the_time_limit_is_for_all_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs = Runs(lane={"a": PASSED})
    ended_with(monkeypatch, tmp_path, runs, "--time-limit", "2")
    assert len(runs.limits_s) == 4 * len(Way)
    assert all(limit_s <= 120 for limit_s in runs.limits_s)
    assert runs.limits_s == sorted(runs.limits_s, reverse=True)


def test_a_suite_that_cannot_be_run_fails_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> dict[str, Outcome]:
        raise SuiteError("expected x, got y")

    monkeypatch.setattr(run_suite, "source_of_installed_fastmcp", lambda: tmp_path)
    monkeypatch.setattr(run_suite, "run_suite", fail)
    assert run_suite.main([]) == 1
    assert "fastmcp-suite: expected x, got y" in capsys.readouterr().err
