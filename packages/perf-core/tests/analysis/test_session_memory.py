"""Memory per session from the steps of a ladder: slopes of known size, noise, holes, and few large steps."""

from __future__ import annotations

import random

import pytest

from perf_core.analysis.session_memory import (
    Estimate,
    beyond,
    is_settled,
    memory_per_unit,
    per_request,
    thinned,
)
from perf_core.results.session_costs import Step


def steps(
    count: int, kb_per_unit: float, *, noise_kb: float = 0.0, holes_kb: float = 0.0, size: int = 4
) -> list[Step]:
    """Return a ladder from a known slope, with noise at each step and holes that are filled first."""
    draws = random.Random(count)  # noqa: S311 - noise
    return [
        Step(
            size * number,
            50_000 + max(0.0, kb_per_unit * size * number - holes_kb) + draws.gauss(0, noise_kb),
        )
        for number in range(count)
    ]


def test_a_line_is_found_as_exactly_as_allocators_allow() -> None:
    found = memory_per_unit(steps(32, 50.0))
    creep_kb = 128 / 84
    assert found == Estimate(
        pytest.approx(50.0), pytest.approx(50.0 - creep_kb), pytest.approx(50.0 + creep_kb)
    )
    assert found.is_precise


def test_noise_widens_the_interval_which_still_has_the_truth() -> None:
    found = memory_per_unit(steps(48, 5.0, noise_kb=20.0))
    assert found is not None
    assert found.low_kb < 5.0 < found.high_kb
    assert 0 < found.half_width_kb < 2


def test_what_fills_holes_of_the_allocator_does_not_count() -> None:
    # A third of the ladder, and all that a least-squares line over all steps would get wrong by a fifth.
    found = memory_per_unit(steps(48, 5.0, holes_kb=5.0 * 4 * 15))
    assert found is not None
    assert found.kb == pytest.approx(5.0, rel=0.01)


def test_nothing_is_not_told_from_nothing_and_needs_no_more_units() -> None:
    found = memory_per_unit(steps(60, 0.0, size=16))
    assert found is not None
    assert found.kb == 0.0
    assert -0.25 < found.low_kb < 0 < found.high_kb < 0.25
    assert found.is_nothing


def test_a_heap_that_creeps_is_not_told_from_nothing() -> None:
    # 63 kB more after 456 units, most of it early: sizes that did not fit into holes.
    kb = [50_000 + 63 * (number / 56) ** 0.5 for number in range(57)]
    found = memory_per_unit([Step(8 * number, each) for number, each in enumerate(kb)])
    assert found is not None
    assert found.low_kb < 0


def test_wide_intervals_are_not_precise() -> None:
    assert not Estimate(50.0, 45.0, 55.0).is_precise
    assert Estimate(50.0, 48.0, 52.0).is_precise
    assert not Estimate(0.0, -0.5, 0.5).is_precise
    assert Estimate(0.02, -0.05, 0.09).is_precise


def test_what_grows_in_one_half_only_may_be_nothing() -> None:
    # A heap that was collected at the middle of the ladder, and one that began to grow there.
    for first, second in ((20.0, 0.0), (0.0, 20.0)):
        kb = [50_000 + 4 * (first * min(n, 32) + second * max(0, n - 32)) for n in range(48)]
        found = memory_per_unit([Step(4 * number, each) for number, each in enumerate(kb)])
        assert found is not None
        assert found.low_kb <= 0.1
        assert found.high_kb >= 19.9
        assert not found.is_precise


def test_steps_after_the_cap_do_not_count() -> None:
    growing = steps(40, 10.0)
    flat = [Step(4 * number, growing[-1].kb) for number in range(40, 64)]
    found = memory_per_unit([*growing, *flat], counted_units=156)
    assert found is not None
    assert found.kb == pytest.approx(10.0)


def test_a_few_processes_are_enough_for_an_interval() -> None:
    # The first start loads what all others share.
    kb = [10_000, 70_000, 110_100, 150_000, 190_200]
    found = memory_per_unit([Step(number, each) for number, each in enumerate(kb)])
    assert found is not None
    assert found.kb == pytest.approx(40_067, rel=0.001)
    assert found.low_kb < 40_000 < found.high_kb
    assert found.is_precise


def test_too_few_steps_and_invisible_memory_give_nothing() -> None:
    assert memory_per_unit(steps(3, 50.0)) is None
    assert memory_per_unit([Step(number, None) for number in range(50)]) is None


def test_what_requests_cost_alone_is_subtracted_with_its_uncertainty() -> None:
    net = beyond(Estimate(52.0, 51.0, 53.0), Estimate(2.0, 1.25, 2.75), 1.0)
    assert net.kb == pytest.approx(50.0)
    assert net.half_width_kb == pytest.approx(1.25)
    assert beyond(Estimate(52.0, 51.0, 53.0), Estimate(2.0, 2.0, 2.0), 1.5).kb == pytest.approx(49.0)
    assert beyond(Estimate(52.0, 51.0, 53.0), None).kb == 52.0


def test_lopsided_intervals_stay_around_their_truth() -> None:
    net = beyond(Estimate(50.0, 49.0, 55.0), Estimate(0.0, 0.0, 0.0))
    assert (net.low_kb, net.high_kb) == (49.0, 55.0)


def test_a_unit_of_two_requests_costs_each_half() -> None:
    assert per_request(Estimate(3.0, 2.0, 4.0), 2) == Estimate(1.5, 1.0, 2.0)


def test_a_memory_that_still_climbs_has_not_settled() -> None:
    climb = [50_000 + 500 * number for number in range(20)]
    assert not is_settled(climb)
    assert not is_settled(climb[:3])
    assert is_settled([*climb, *[climb[-1]] * 22])
    assert is_settled([50_000 + 4000 * (number % 4) for number in range(12)])  # collected now and then


def test_thinned_steps_stay_at_even_distances() -> None:
    assert [step.units for step in thinned(steps(9, 1.0))] == [0, 8, 16, 24, 32]
