"""Robustness scenarios with the real calculator: rate limits, kills, leftovers, a simulated day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from calculator_server.perf_adapter import adapter
from perf_core import Launch, Limits
from perf_core.interruption import Interruption
from perf_core.load.plan import Settings
from perf_core.results.record import RunRecord
from perf_core.runs.measure import Options, measure
from perf_core.runs.questions import prepare
from perf_core.server.subject import DerivedAdapter, Subject

pytestmark = [pytest.mark.k6, pytest.mark.long]

TOKENS = tuple(f"client-of-a-test-{number}" for number in range(3))
LIMITS = Limits(rate_per_s=10.0, burst=10)


def limited(*, rate_per_s: float = LIMITS.rate_per_s, burst: int = LIMITS.burst) -> Launch:
    """Return a calculator with rate limits, by default the ones that the scenario expects."""
    options = ("--rate-limit-per-s", f"{rate_per_s}", "--rate-limit-burst", f"{burst}")
    argv = (*adapter.launch.argv, *options, "--auth-tokens", ",".join(TOKENS))
    return replace(adapter.launch, argv=argv, tokens=TOKENS)


def measured(name: str, folder: Path, launch: Launch | None = None, **settings: object) -> RunRecord:
    scenario = adapter.scenarios[name]
    if launch is not None:
        scenario = replace(scenario, launch=launch, limits=LIMITS)
    subject = Subject(DerivedAdapter("calculator", "calculator", adapter.launch, {name: scenario}))
    question = prepare(subject, scenario, "session", Settings(**settings))  # type: ignore[arg-type]
    return measure(
        question, Options(folder), interruption=Interruption(), on_progress=lambda _what, _done: None
    ).record


def values(run: RunRecord) -> dict[str, float | None]:
    return {target.figure.rpartition(".")[2]: target.value for target in run.targets}


def titles(run: RunRecord) -> Sequence[str]:
    return [finding.title for finding in run.findings]


def test_a_limit_that_the_server_keeps_shows_no_deviation(tmp_path: Path) -> None:
    run = measured("rate-limit", tmp_path, limited(), time_scale=0.1)
    figures = values(run)
    # Messages are timed in milliseconds; at this rate, a millisecond is a hundredth of a token.
    assert figures["burst_off_by"] is not None
    assert figures["burst_off_by"] < 0.5
    assert figures["replenished_off_by"] is not None
    assert figures["replenished_off_by"] < 0.5
    assert figures["retry_after_broken"] == 0
    assert figures["rate_off_by_percent"] is not None
    assert figures["rate_off_by_percent"] < 5
    assert run.metrics is not None
    assert run.metrics.errors == {}, "an expected refusal is not an error"


def test_a_limit_that_differs_from_the_promised_one_fails(tmp_path: Path) -> None:
    run = measured("rate-limit", tmp_path, limited(rate_per_s=13.0, burst=12), time_scale=0.1)
    figures = values(run)
    assert figures["burst_off_by"] is not None
    assert figures["burst_off_by"] > 1
    assert figures["rate_off_by_percent"] == pytest.approx(30, abs=5)
    assert run.verdict == "fail"


def test_clients_recover_from_killed_workers(tmp_path: Path) -> None:
    run = measured("recovery", tmp_path, time_scale=0.25)
    figures = values(run)
    assert figures["strikes"] == 5
    assert figures["slowest_s"] is not None
    assert 0 < figures["slowest_s"] < 10
    assert figures["unrecovered"] == 0
    assert run.metrics is not None
    assert run.metrics.errors
    assert {each.subject: each.grade for each in run.grades}["Recovery after failure"] == "excellent"


def test_calculator_leaves_nothing_behind(tmp_path: Path) -> None:
    run = measured("cleanup", tmp_path, time_scale=0.3)
    assert run.verdict == "pass", run.reasons
    figures = values(run)
    assert figures["failed_calls"] == 0
    assert (figures["fds"], figures["processes"], figures["temporary_files"]) == (0, 0, 0)
    assert run.metrics is not None
    assert set(run.metrics.kinds_ms["all"]) == {"mistake", "right"}
    assert titles(run) == ["Before and after"]


def test_each_hour_of_a_day_is_a_stage(tmp_path: Path) -> None:
    run = measured("stability", tmp_path, time_scale=0.01, rate_per_s=20)
    assert len(run.stages) == 24
    calls = {stage.name: stage.calls for stage in run.stages}
    assert calls["hour_12"] > 2 * calls["hour_02"] > 0
    assert run.metrics is not None
    assert run.metrics.tool_calls == sum(calls.values()), "every request of the day is counted"
