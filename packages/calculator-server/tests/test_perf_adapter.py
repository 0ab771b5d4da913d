"""The adapter fulfils the lab's contract and draws the published mix."""

from collections import Counter

import pytest

from calculator_server import perf_adapter
from perf_core.testing import AdapterContract


@pytest.mark.process
class TestContract(AdapterContract):
    adapter = perf_adapter.adapter


def test_mix_is_the_published_one() -> None:
    assert sum(perf_adapter.MIX.values()) == 100
    drawn = Counter(journey.name for journey in perf_adapter.mixed_journeys(3)["mix"])
    for tool, percent in perf_adapter.MIX.items():
        assert drawn[tool] / perf_adapter.JOURNEYS == pytest.approx(percent / 100, abs=0.02)


def test_few_journeys_have_the_same_answer() -> None:
    # A wrong answer that belongs to another call can only be noticed if answers differ.
    answers = Counter(str(journey.steps[0].expect.value) for journey in perf_adapter.mixed_journeys(1)["mix"])
    repeated = sum(count for count in answers.values() if count > 1)
    assert repeated / perf_adapter.JOURNEYS < 0.15


def test_benchmark_has_a_pool_for_each_operation_with_edges_and_a_zero_divisor() -> None:
    pools = perf_adapter.benchmark_journeys(1)
    assert set(pools) == {"mix", *perf_adapter.MIX}
    for tool in perf_adapter.MIX:
        kinds = {journey.kind for journey in pools[tool]}
        assert kinds == {"small", "large", "decimal", "negative", "mixed", "edge"}
    divisions = [journey.steps[0] for journey in pools["divide"]]
    zero = [step for step in divisions if step.arguments["b"] == 0]
    assert zero
    assert all(step.expect.kind == "error" for step in zero)


def test_targets_are_the_published_ones() -> None:
    levels = {
        (name, t.figure): (t.comparison, t.target) for name, ts in perf_adapter.TARGETS.items() for t in ts
    }
    assert levels["load", "latency_ms.all.p95@hold_100"] == ("<", 100)
    assert levels["load", "latency_ms.all.p99@hold_100"] == ("<", 200)
    assert levels["load", "latency_ms.all.avg@hold_100"] == ("<", 50)
    assert levels["load", "tool_calls_per_s@hold_100"] == (">", 1000)
    assert levels["load", "error_rate"] == ("<", 0.001)
    assert levels["stress", "stress.vus_carried"] == (">", 300)
    assert levels["endurance", "server.rss_slope_mb_per_h"] == ("<", 1.0)
    assert levels["endurance", "server.uptime_percent"] == (">", 99.9)
    assert levels["spike", "spike.recovery_s"] == ("<", 30)
    assert levels["benchmark", "latency_ms.divide.p95"] == ("<", 75)


def test_the_scenarios_that_make_sense_for_a_calculator_exist() -> None:
    scenarios = perf_adapter.adapter.scenarios
    further = {"concurrent", "memory", "tools", "rate-limit", "cleanup", "stability", "recovery"}
    assert further <= set(scenarios)
    assert "large-scores" not in scenarios, "numbers have no sizes"
    limited = scenarios["rate-limit"].launch
    assert limited is not None
    assert f"--rate-limit-burst {perf_adapter.LIMITS.burst}" in " ".join(limited.argv)
    assert len(limited.tokens) == 3


def test_every_other_faulty_journey_is_a_mistake() -> None:
    journeys = perf_adapter.faulty_journeys(1)["mix"]
    wrong = [journey for journey in journeys if journey.kind == "mistake"]
    assert len(wrong) == len(journeys) / 2
    assert all(journey.steps[0].expect.kind == "error" for journey in wrong)
    assert len({str(journey.steps[0].arguments) for journey in wrong}) == 5
