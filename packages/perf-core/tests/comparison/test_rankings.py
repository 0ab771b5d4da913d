"""The order of several servers: only as far as the intervals allow it."""

from __future__ import annotations

import numpy as np
import pytest
from several_samples import design_of, launches_of

from perf_core.comparison.model import Rank, Ranking
from perf_core.comparison.rankings import ranks
from perf_core.comparison.statistics import conclude


def order(costs: list[float], noise: float = 0.01, seed: int = 3) -> dict[str, Ranking]:
    conclusion = conclude(launches_of(costs, noise=noise, seed=seed), design_of(len(costs)))
    return {each.metric: each for each in conclusion.rankings}


def test_servers_that_differ_have_places_of_their_own_in_every_metric() -> None:
    rankings = order([2.0, 1.0, 4.0])
    assert list(rankings) == [
        "cpu_us_per_call",
        "latency_ms.med",
        "latency_ms.p95",
        "latency_ms.slowest_2_percent",
        "latency_ms.p99",
        "latency_ms.max",
        "tool_calls_per_s",
        "rss_mb",
    ]
    for name in ("cpu_us_per_call", "tool_calls_per_s"):
        assert rankings[name].ranks == (Rank("b", 1, 1, 1), Rank("a", 2, 2, 2), Rank("c", 3, 3, 3)), name


def test_servers_that_cannot_be_told_apart_share_a_group() -> None:
    ranking = order([1.0, 3.0, 1.0, 3.0])["cpu_us_per_call"]
    assert {r.side: (r.best, r.worst, r.group) for r in ranking.ranks} == {
        "a": (1, 2, 1),
        "c": (1, 2, 1),
        "b": (3, 4, 2),
        "d": (3, 4, 2),
    }


def test_certain_difference_below_the_bar_makes_no_place() -> None:
    # 2 % of CPU per call, measured to a tenth of a percent.
    ranking = order([1.0, 1.02, 2.0], noise=0.0005)["cpu_us_per_call"]
    assert {r.side: r.group for r in ranking.ranks} == {"a": 1, "b": 1, "c": 2}


def test_two_servers_have_no_order() -> None:
    assert conclude(launches_of([1.0, 2.0]), design_of(2)).rankings == ()


def test_server_without_a_figure_is_left_out_of_its_order() -> None:
    launches = launches_of([1.0, 2.0, 4.0], changes={"c": {"cpu_us_per_call": 0.0}})
    rankings = {each.metric: each for each in conclude(launches, design_of(3)).rankings}
    assert [r.side for r in rankings["cpu_us_per_call"].ranks] == ["a", "b"]
    assert len(rankings["latency_ms.med"].ranks) == 3


@pytest.mark.parametrize(
    ("worse", "expected"),
    [
        (set(), [(1, 3, 1), (1, 3, 1), (1, 3, 1)]),
        ({("a", "c")}, [(1, 2, 1), (1, 3, 1), (2, 3, 1)]),
        ({("a", "b"), ("a", "c")}, [(1, 1, 1), (2, 3, 2), (2, 3, 2)]),
        ({("a", "c"), ("b", "c")}, [(1, 2, 1), (1, 2, 1), (3, 3, 2)]),
    ],
)
def test_places_are_ranges_and_groups_are_separate(worse, expected) -> None:
    assert [(r.best, r.worst, r.group) for r in ranks("abc", frozenset(worse))] == expected  # type: ignore[arg-type]


def test_orders_of_equal_servers_are_rarely_wrong() -> None:
    seeds = np.random.default_rng(7).integers(0, 2**31, 200)
    wrong = sum(order([1.0] * 4, noise=0.1, seed=int(s))["cpu_us_per_call"].ranks[-1].best > 1 for s in seeds)
    assert wrong <= 0.05 * 200
