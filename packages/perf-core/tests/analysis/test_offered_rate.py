"""Arrival rates that a server does not reach."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from perf_core.adapter import Expectation, Journey, Step
from perf_core.analysis.offered_rate import BEHIND_SHARE, has_single_calls, rates_not_reached

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conftest import Build

PERIOD_S = 0.2


def columns(
    calls_per_s: Sequence[float], latencies_ms: Sequence[float | None] = ()
) -> dict[str, tuple[float | None, ...]]:
    return {
        "t_s": tuple(round(PERIOD_S * number, 3) for number in range(1, len(calls_per_s) + 1)),
        "calls_per_s": tuple(calls_per_s),
        # By default, a queue grows.
        "latency_med_ms": tuple(latencies_ms or (10.0 * number for number in range(1, len(calls_per_s) + 1))),
    }


def problems(
    build: type[Build],
    calls_per_s: Sequence[float],
    latencies_ms: Sequence[float | None] = (),
    **stage: object,
) -> list[str]:
    length_s = PERIOD_S * len(calls_per_s)
    offered = replace(
        build.stage("hold_10", start_s=0.0, end_s=length_s),
        **{"rate_per_s": 100.0, "kind": "hold", **stage},  # type: ignore[arg-type] # names of the fields
    )
    return rates_not_reached([offered], columns(calls_per_s, latencies_ms))


def test_calls_that_end_as_fast_as_they_begin_are_no_problem(build: type[Build]) -> None:
    assert problems(build, [100.0] * 25) == []


@pytest.mark.parametrize("latency_s", [1, 2, 2.9, 12])
def test_long_but_constant_latency_is_no_queue(build: type[Build], latency_s: float) -> None:
    # No call ends before it.
    late = round(latency_s / PERIOD_S)
    for periods in (15, 25, 100):
        ended = [0.0] * min(late, periods) + [100.0] * max(0, periods - late)
        latencies_ms = [None] * min(late, periods) + [1000.0 * latency_s] * max(0, periods - late)
        assert problems(build, ended, latencies_ms) == []


@pytest.mark.parametrize(("share", "is_behind"), [(BEHIND_SHARE - 0.01, False), (BEHIND_SHARE + 0.01, True)])
def test_missing_calls_in_the_second_half_are_said(build: type[Build], share: float, is_behind: bool) -> None:
    found = problems(build, [100.0 * (1 - share)] * 100)
    assert bool(found) == is_behind
    if is_behind:
        assert found == ["hold_10: expected 100 calls/s as offered, got 89: the server fell behind"]


def test_latency_that_does_not_grow_is_no_queue(build: type[Build]) -> None:
    assert problems(build, [50.0] * 100) != []
    assert problems(build, [50.0] * 100, [80.0] * 100) == []


def test_low_rates_are_judged_but_not_a_single_long_call(build: type[Build]) -> None:
    assert problems(build, [0.0] * 25, rate_per_s=1.0) == []
    assert problems(build, [2.0] * 50, rate_per_s=5.0) != []
    assert problems(build, [0.7] * 150, rate_per_s=2.0) != []


@pytest.mark.parametrize("stage", [{"kind": "ramp"}, {"rate_per_s": None}, {"end_s": 2.9}])
def test_stages_without_a_constant_rate_or_too_short_are_not_judged(
    build: type[Build], stage: dict[str, object]
) -> None:
    assert problems(build, [10.0] * 100) != []
    assert problems(build, [10.0] * 100, **stage) == []  # type: ignore[arg-type] # names of the fields


def test_only_iterations_of_one_call_have_the_rate_of_calls() -> None:
    step = Step("add", {}, Expectation.anything())
    one, two = Journey("one", (step,)), Journey("two", (step, step))
    assert has_single_calls({"mix": [one, one]})
    assert not has_single_calls({"mix": [one], "add": [one, two]})
