from __future__ import annotations

import pytest

from perf_core.adapter import Wire
from perf_core.analysis.ladder import calls_in_round, estimate, lie_apart, machine_health, steps
from perf_core.results.ladder import Estimate, Rung
from perf_core.sampling.machine import MachineReading


def about(value: float, spread: float = 0.1) -> Estimate:
    return Estimate(value, value * (1 - spread), value * (1 + spread), 15)


def rung(key: str, cpu_us: float, wire: Wire | None = None, spread: float = 0.1) -> Rung:
    return Rung(key, key, "", about(cpu_us, spread), about(2 * cpu_us, spread), wire)


def machine(busy_s: float, steal_s: float = 0.0) -> MachineReading:
    return MachineReading(2, busy_s, steal_s, None, 0.0)


def test_an_estimate_is_a_median_with_an_interval() -> None:
    assert estimate([5.0, 1.0, 2.0, 3.0, 4.0, 6.0]) == Estimate(3.5, 1.0, 6.0, 6)
    assert estimate([7.0]) == Estimate(7.0, None, None, 1)


@pytest.mark.parametrize(
    ("call_s", "calls"), [(10.0, 1), (0.15, 1), (0.001, 150), (1e-6, 150_000), (0.0, 500_000)]
)
def test_a_round_has_as_many_calls_as_fill_it(call_s: float, calls: int) -> None:
    assert calls_in_round(call_s) == calls


def test_each_rung_adds_to_the_one_before_on_its_wire() -> None:
    rungs = [
        rung("function", 1.0),
        rung("app", 100.0, "session"),
        rung("app", 50.0, "stateless"),
        rung("http", 400.0, "session"),
        rung("http", 200.0, "stateless"),
    ]
    assert [step.added_cpu_us for step in steps(rungs)] == [1.0, 99.0, 49.0, 300.0, 150.0]
    assert [step.added_wall_us for step in steps(rungs)] == [2.0, 198.0, 98.0, 600.0, 300.0]
    assert all(step.is_certain for step in steps(rungs))


def test_a_rung_may_cost_less_than_the_one_before() -> None:
    assert steps([rung("memory", 300.0), rung("app", 200.0)])[1].added_cpu_us == -100.0


def test_a_difference_within_the_intervals_is_not_certain() -> None:
    assert not steps([rung("tool", 100.0, spread=0.2), rung("server", 120.0, spread=0.2)])[1].is_certain
    assert not lie_apart(Estimate(1.0, None, None, 1), about(9.0))


def test_a_machine_that_others_use_is_told() -> None:
    sound = machine_health(machine(10.0), machine(14.1), elapsed_s=10.0, own_s=4.0)
    assert sound is not None
    assert (sound.state, sound.problems) == ("sound", ())
    busy = machine_health(machine(10.0), machine(24.0), elapsed_s=10.0, own_s=4.0)
    assert busy is not None
    assert busy.state == "bounded"
    assert busy.problems == ("the machine was busy: others used 1.0 of 2 CPUs",)
    stolen = machine_health(machine(10.0), machine(14.0, steal_s=5.0), elapsed_s=10.0, own_s=4.0)
    assert stolen is not None
    assert stolen.state == "bounded"
    assert machine_health(None, None, elapsed_s=10.0, own_s=4.0) is None
