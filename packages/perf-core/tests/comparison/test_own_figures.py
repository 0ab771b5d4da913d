"""Figures of single servers, and ratios of two of them, from launches with faults and gaps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from several_samples import design_of, launches_of

from perf_core.comparison.own_figures import own_figures, paired, ratios_by_launch


def test_any_two_servers_can_be_paired() -> None:
    launch = launches_of([1.0, 2.0, 6.0], noise=0.0)[0]
    assert [round(c / b, 6) for b, c in paired(launch, "cpu_us_per_call", "c", "b")] == [3.0] * 6
    assert [round(c / b, 6) for b, c in paired(launch, "rss_mb", "c", "b")] == [3.0]


def test_nothing_of_a_launch_with_a_fault_counts() -> None:
    sound = launches_of([1.0, 2.0], count=3)
    faulty = [replace(sound[0], faults=("b: the server has ended",)), *sound[1:]]
    assert own_figures(faulty, design_of(2)) == own_figures(sound[1:], design_of(2))
    assert len(ratios_by_launch(faulty, "cpu_us_per_call", "b")) == 2


def test_slices_that_do_not_count_are_left_out() -> None:
    sound = launches_of([1.0, 1.0], noise=0.0)
    spoilt = [
        replace(
            each,
            slices=tuple(
                replace(s, fault="late", figures={"cpu_us_per_call": 1e9}) if s.pair == 1 else s
                for s in each.slices
            ),
        )
        for each in sound
    ]
    (cpu, *_) = own_figures(spoilt, design_of(2))
    assert cpu.value == pytest.approx(1000, rel=0.2)


def test_one_launch_has_no_interval_and_so_no_figures() -> None:
    assert own_figures(launches_of([1.0, 2.0], count=1), design_of(2)) == ()
