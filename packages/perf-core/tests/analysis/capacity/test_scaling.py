"""The universal scalability law over the steps of a search."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perf_core.analysis.capacity.model import Step, Waits
from perf_core.analysis.capacity.scaling import scaling
from perf_core.analysis.capacity.search import Plan

from .test_search import step_at


def _steps(per_s: float, contention: float, coherency: float, users: list[float]) -> list[Step]:
    """Return steps whose calls in flight and throughput follow the law exactly."""
    steps = []
    for n in users:
        rate = per_s * n / (1 + contention * (n - 1) + coherency * n * (n - 1))
        wait_ms = 1000 * n / rate
        waits = Waits(wait_ms, wait_ms, wait_ms, wait_ms, wait_ms)
        steps.append(replace(step_at(Plan("doubling", rate, 10.0)), answered_per_s=rate, waits_ms=waits))
    return steps


def test_parameters_of_the_law_are_recovered() -> None:
    law = scaling(_steps(100.0, 0.05, 0.001, [1, 2, 4, 8, 16, 32, 50, 64]))
    assert law is not None
    assert law.per_s == pytest.approx(100, rel=0.02)
    assert law.contention == pytest.approx(0.05, rel=0.05)
    assert law.coherency == pytest.approx(0.001, rel=0.05)
    assert law.peak_in_flight == pytest.approx((0.95 / 0.001) ** 0.5, rel=0.05)


def test_without_coherency_throughput_levels_off() -> None:
    law = scaling(_steps(100.0, 0.1, 0.0, [1, 2, 4, 8, 16, 32, 64, 128]))
    assert law is not None
    assert law.peak_in_flight is None
    assert law.peak_per_s == pytest.approx(1000, rel=0.05)


def test_few_steps_have_no_law() -> None:
    assert scaling(_steps(100.0, 0.1, 0.0, [1, 2, 4])) is None


def test_steps_of_a_saturated_generator_say_nothing() -> None:
    steps = [replace(step, saturated=True) for step in _steps(100.0, 0.1, 0.0, [1, 2, 4, 8, 16, 32])]
    assert scaling(steps) is None
