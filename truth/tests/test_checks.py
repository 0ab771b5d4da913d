"""Each check accepts what the server did and refuses anything else."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import checks
import pytest
from checks import Truth, read_truth

from perf_core.results.record import (
    Accounting,
    Failure,
    Finding,
    GeneratorUse,
    Health,
    Latency,
    MemoryTrend,
    Metrics,
    RunRecord,
    Series,
    ServerUse,
    TargetResult,
    Trend,
)

TRUTH = Truth(
    received=1000,
    outcomes={"right": 980, "wrong": 20, "unanswered": 5},
    load_s=10.0,
    cpu_s=0.5,
    longest_silence_s=2.0,
    durations={round(math.log(0.020) / math.log(1.005)): 1000},
)


def record(**changes: Any) -> RunRecord:
    """Return the record of a run that saw exactly what TRUTH says; `changes` replace parts of its metrics."""
    metrics: dict[str, Any] = {
        "tool_calls": 1000,
        "tool_calls_per_s": 98.0,
        "error_rate": 0.02,
        "errors": {"wrong_answer": 20},
        "latency_ms": {"all": Latency(1000, 20, 20, 20.5, 20.5, 20.5, 20.5, 21, 5)},
        "session_creation_ms": None,
        "accounting": Accounting(1000, 980, 20, 0),
        "failures": (Failure("add", "wrong_answer", "hold_10", 1.0, "{}", "3", "<html>"),),
    }
    return RunRecord(
        run_id="run",
        scenario="quick",
        target="faulty",
        wire="session",
        started_at="2026-01-01T00:00:00.000+00:00",
        duration_s=10.0,
        verdict="fail",
        reasons=(),
        exit_code=99,
        metrics=Metrics(**{**metrics, **changes}),
        server=ServerUse(
            rss_mb=MemoryTrend(20, 30, 30, 360.0, (350.0, 370.0)),
            cpu_s=0.5,
            cpu_us_per_call=500.0,
            fds=Trend(10, 20, 20, 3600.0, (3500.0, 3700.0)),
            threads=Trend(1, 1, 1, 0.0, (0.0, 0.0)),
            processes=1,
            uptime_percent=80.0,
        ),
        generator=GeneratorUse(
            cpu_s=1.0,
            cpu_us_per_call=100.0,
            cores_used=0.1,
            cores_available=1.9,
            saturated=False,
            rss_peak_mb=100.0,
            dropped_iterations=0,
            scheduled_iterations=1000,
            exit_code=0,
        ),
        targets=(TargetResult("error_rate", "<", 0.001, None, "", 0.02, 1000, "missed"),),
        stages=(),
        findings=(Finding("Knee", "Retrograde beyond 40 VUs.", {"knee_vus": 40.0}),),
        series=Series(0.2, {}, {}),
        manifest={},
        health=Health("sound", generator_gap_s=4.1),
        longest_silence_s=2.1,
    )


ACCEPTED = [
    checks.calls,
    checks.no_call_is_missing,
    checks.right_answers,
    checks.errors("wrong_answer", outcomes=["wrong"]),
    checks.example("wrong_answer", "<html>"),
    checks.cpu_per_call,
    checks.median,
    checks.p95,
    checks.at_least_ms("max", 20),
    checks.lower_bounds,
    checks.throughput,
    checks.silence,
    checks.uptime(80),
    checks.slope("rss_mb", 360),
    checks.slope("fds", 3600),
    checks.no_growth("threads"),
    checks.finding("Knee", "knee_vus", 35, 45, "40"),
    checks.finding_says("Knee", "Retrograde"),
    checks.target_is("error_rate", "missed"),
    checks.health("sound"),
    checks.generator_gap(3.5, 4.5),
]


@pytest.mark.parametrize("check", ACCEPTED)
def test_a_true_report_is_right(check: checks.Check) -> None:
    line = check(TRUTH, record())
    assert line.is_right, line


@pytest.mark.parametrize("check", ACCEPTED)
def test_a_report_without_figures_is_wrong(check: checks.Check) -> None:
    empty = replace(
        record(), metrics=None, server=None, findings=(), targets=(), health=None, longest_silence_s=None
    )
    line = check(TRUTH, empty)
    assert not line.is_right, line


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        (checks.calls, {"accounting": Accounting(960, 940, 20, 0)}),
        (checks.calls, {"accounting": Accounting(1000, 970, 20, 0)}),
        (checks.no_call_is_missing, {"accounting": Accounting(1000, 970, 20, 0)}),
        (checks.no_call_is_missing, {"accounting": Accounting(960, 940, 20, 0)}),
        (checks.right_answers, {"accounting": Accounting(1000, 1000, 0, 0)}),
        (checks.errors("wrong_answer", outcomes=["wrong"]), {"errors": {"wrong_answer": 18}}),
        (checks.errors("wrong_answer", outcomes=["wrong"]), {"errors": {"wrong_answer": 20, "timeout": 1}}),
        (checks.example("wrong_answer", "<html>"), {"failures": ()}),
        (checks.median, {"latency_ms": {"all": Latency(1000, 20, 25, 25, 25, 25, 25, 25)}}),
        (checks.p95, {"latency_ms": {"all": Latency(1000, 20, 19, 19, 19, 19, 19, 19)}}),
        (checks.throughput, {"tool_calls_per_s": 90.0}),
    ],
)
def test_a_false_report_is_wrong(check: checks.Check, changes: dict[str, Any]) -> None:
    line = check(TRUTH, record(**changes))
    assert not line.is_right, line


def test_accounts_of_several_processes_add_up(tmp_path: Path) -> None:
    account = {
        "received": 10,
        "outcomes": {"right": 9, "unanswered": 1},
        "leaked": {},
        "durations": {"-1061": 9},
        "load_s": 2.0,
        "cpu_s": 0.1,
        "sessions_opened": 1,
        "sessions_deleted": 0,
        "sessions_lost": 0,
        "longest_silence_s": 1.0,
    }
    path = tmp_path / "truth.jsonl"
    path.write_text(f"{json.dumps(account)}\n{json.dumps({**account, 'longest_silence_s': 3.0})}\n")
    truth = read_truth(path)
    assert truth.received == 20
    assert truth.outcomes == {"right": 18, "unanswered": 2}
    assert truth.longest_silence_s == 3.0
    assert truth.quantile_ms(0.5) == pytest.approx(5.03, rel=0.01)


def test_a_missing_account_is_empty(tmp_path: Path) -> None:
    assert read_truth(tmp_path / "none.jsonl").received == 0
