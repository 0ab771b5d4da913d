"""The limit that ended the growth of the rate."""

from __future__ import annotations

import pytest

from perf_core.analysis.capacity.limits import limit_of
from perf_core.analysis.capacity.model import Step
from perf_core.analysis.capacity.search import Plan

from .test_search import step_at


def _broken(**changes: object) -> Step:
    return step_at(Plan("narrowing", 100.0, 10.0), late=0.5, state="broken", sustained=False, **changes)


def _limit(*steps: Step, cpus: int = 4) -> str:
    name, words = limit_of(steps, cpus, is_visible=True)
    assert words.endswith(".")
    return name


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"server_cores": 0.98, "server_processes": 1, "generator_cores": 0.5}, "server CPU"),
        ({"server_cores": 3.2, "server_processes": 4, "generator_cores": 0.6}, "machine CPU"),
        ({"server_cores": 0.1, "server_processes": 1, "generator_cores": 0.2}, "waiting"),
        ({"server_cores": 0.1, "errors": {"rate_limited": 40}}, "refusals"),
        ({"server_cores": None}, ""),
    ],
)
def test_limit_of_broken_steps(changes: dict[str, object], limit: str) -> None:
    assert _limit(_broken(**changes)) == limit


def test_other_failures_without_late_calls_are_the_limit() -> None:
    step = step_at(
        Plan("narrowing", 100.0, 10.0), state="broken", errors={"http_status": 30}, server_cores=0.2
    )
    assert _limit(step) == "errors"


def test_stalls_of_a_server_that_is_idle_otherwise() -> None:
    step = step_at(
        Plan("narrowing", 100.0, 10.0), late=0.02, state="broken", stalls_s=(3.0,), server_cores=0.3
    )
    assert _limit(step) == "stalls"


def test_lag_of_the_event_loop_is_reported_with_the_cpu() -> None:
    _, words = limit_of([_broken(server_cores=1.0, loop_lag_ms=12.3)], 4, is_visible=True)
    assert "event loop was late by 12.3 ms" in words


def test_generator_and_machine_are_no_limits_of_the_server() -> None:
    plan = Plan("doubling", 4000.0, 3.0)
    assert _limit(step_at(plan, state="unclear", saturated=True)) == "generator"
    busy = step_at(plan, state="unclear", saturated=True, health_problems=("the machine was busy",))
    assert _limit(busy) == "machine"
    assert _limit(step_at(plan)) == ""
