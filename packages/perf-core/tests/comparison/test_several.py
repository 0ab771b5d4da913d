"""Verdicts on more than two servers: each against the first, all with one allowed error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from launch_samples import SIX, a_slice, launches
from several_samples import design_of, launches_of

from perf_core.comparison.model import Launch
from perf_core.comparison.own_figures import calls_in_flight
from perf_core.comparison.statistics import conclude, most_severe


def test_each_server_is_judged_against_the_first() -> None:
    conclusion = conclude(launches_of([1.0, 1.5, 0.5, 1.0]), design_of(4))
    assert {each.side: each.verdict for each in conclusion.pairings} == {
        "b": "worse",
        "c": "better",
        "d": "same",
    }
    assert conclusion.verdict == "worse", "the worst one decides"
    cpu = {each.side: each.metrics[0] for each in conclusion.pairings}
    assert cpu["c"].ratio == pytest.approx(0.5, rel=0.02)
    assert conclusion.reasons[0].startswith("b is worse: CPU per call worse by 4")
    assert conclusion.reasons[2] == "d is same: the interval of every judged metric lies within its bars"


def test_the_allowed_error_is_shared_by_all_metrics_of_all_servers() -> None:
    conclusion = conclude(launches_of([1.0, 1.0, 1.0]), design_of(3))
    levels = [1 - m.level for each in conclusion.pairings for m in each.metrics if m.judged]
    # Eight metrics of each of two servers, as long as none has errors.
    assert min(levels) == pytest.approx(0.05 / 16)
    alone = conclude(launches_of([1.0, 1.0]), design_of(2))
    assert min(1 - m.level for m in alone.metrics if m.judged) == pytest.approx(0.05 / 8)


def test_a_further_server_changes_no_figure_of_the_others() -> None:
    three = launches_of([1.0, 1.2, 3.0])
    two = [replace(each, slices=tuple(s for s in each.slices if s.side != "c")) for each in three]
    ratio = {m.name: m.ratio for m in conclude(three, design_of(3)).pairings[0].metrics}
    assert ratio == {m.name: m.ratio for m in conclude(two, design_of(2)).metrics}


def test_disturbed_slices_of_one_server_drop_no_pair_of_another() -> None:
    fault = "9 of 10 calls failed"
    broken = [
        replace(each, slices=tuple(replace(s, fault=fault) if s.side == "c" else s for s in each.slices))
        for each in launches_of([1.0, 1.0, 1.0])
    ]
    conclusion = conclude(broken, design_of(3))
    assert {each.side: each.verdict for each in conclusion.pairings} == {"b": "same", "c": "invalid"}
    assert conclusion.verdict == "invalid"
    assert "c is invalid: 36 of 36 pairs were dropped, too many to judge the rest" in conclusion.reasons


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["same", "better"], "same"),
        (["better", "better"], "better"),
        (["inconclusive", "better"], "inconclusive"),
        (["invalid", "inconclusive"], "invalid"),
        (["worse", "invalid"], "worse"),
    ],
)
def test_verdict_of_all_is_the_most_severe(verdicts, expected) -> None:
    assert most_severe(verdicts) == most_severe(verdicts[::-1]) == expected


def test_open_as_long_as_one_server_is_undecided() -> None:
    assert conclude(launches_of([1.0, 1.5, 1.05], noise=0.08), design_of(3)).is_open
    assert not conclude(launches_of([1.0, 1.5, 0.5]), design_of(3)).is_open


def test_warm_up_of_the_first_server_is_told_once() -> None:
    warming = [
        replace(
            each,
            slices=tuple(
                a_slice(s.pair, "a", s.figures["cpu_us_per_call"] / 500)
                if s.side == "a" and s.pair < 3
                else s
                for s in each.slices
            ),
        )
        for each in launches_of([1.0, 1.0, 1.0])
    ]
    remarks = [each for each in conclude(warming, design_of(3)).reasons if "warms up" in each]
    assert len(remarks) == 1
    assert remarks[0].startswith("a warms up")
    assert "relative to b" in remarks[0]


def test_every_server_has_figures_of_its_own_with_intervals() -> None:
    conclusion = conclude(launches_of([1.0, 2.0, 4.0]), design_of(3))
    cpu = {each.side: each for each in conclusion.own_figures if each.metric == "cpu_us_per_call"}
    assert {side: round(each.value, -2) for side, each in cpu.items()} == {"a": 1000, "b": 2000, "c": 4000}
    assert all(each.low < each.value < each.high < 1.3 * each.low for each in cpu.values())


def test_calls_in_flight_follow_from_rate_and_mean_latency() -> None:
    means = {side: {"latency_ms.mean": 3.8, "tool_calls_per_s": 1000.0} for side in "ab"}
    own = conclude(launches_of([1.0, 1.0], changes=means), design_of(2)).own_figures
    assert calls_in_flight(own) == {"a": pytest.approx(3.8), "b": pytest.approx(3.8)}


def test_calls_in_flight_are_unknown_without_mean_latencies() -> None:
    # Comparisons of older versions lack them.
    assert calls_in_flight(conclude(launches(1.0, 6), SIX).own_figures) == {}


def test_false_alarms_over_all_servers_are_rare() -> None:
    seeds = np.random.default_rng(5).integers(0, 2**31, 200)
    alarms = 0
    for seed in seeds:
        equal: list[Launch] = launches_of([1.0] * 4, noise=0.08, seed=int(seed))
        alarms += conclude(equal, design_of(4)).verdict in {"worse", "better"}
    assert alarms <= 0.05 * 200


def test_fault_that_all_servers_share_is_told_once() -> None:
    late = "its last answer arrived after the next pair had begun"
    one = [
        replace(each, slices=tuple(replace(s, fault=late) if s.pair == 2 else s for s in each.slices))
        for each in launches_of([1.0, 1.0, 1.0])
    ]
    reasons = conclude(one, design_of(3)).reasons
    assert f"launch 1: pair_2 of all: {late}" in reasons
    assert sum(late in each for each in reasons) == 5
    assert "and 1 more" in reasons


def test_server_that_ended_spoils_its_own_pairs_only() -> None:
    ended = "the server has ended by signal 9"
    fault = "100 of 100 calls failed"
    sound = launches_of([1.0, 1.0, 1.0])
    one = [
        replace(
            each,
            side_faults={"c": ended},
            slices=tuple(replace(s, fault=fault) if s.side == "c" else s for s in each.slices),
        )
        for each in sound
    ]
    conclusion = conclude(one, design_of(3))
    assert {each.side: each.verdict for each in conclusion.pairings} == {"b": "same", "c": "invalid"}
    assert f"launch 1: c: {ended}" in conclusion.reasons
    assert not any(fault in each for each in conclusion.reasons)
    assert {each.side for each in conclusion.own_figures} == {"a", "b"}
    before, after = (conclude(each, design_of(3)).pairings[0].metrics[0].ratio for each in (sound, one))
    assert before == after
