from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_core.report.distribution import BARS, LEFT, RIGHT, WIDTH, Distribution, distribution, shares_by_bar
from perf_core.results.record import Latency, RunRecord

Sample = Callable[..., RunRecord]


def with_quantiles(record: RunRecord, pairs: tuple[tuple[float, float], ...], latency: Latency) -> RunRecord:
    assert record.metrics is not None
    return replace(record, metrics=replace(record.metrics, quantiles_ms=pairs, latency_ms={"all": latency}))


def drawn(record: RunRecord) -> Distribution:
    drawing = distribution(record)
    assert drawing is not None
    return drawing


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.lists(st.floats(0.001, 1e6), min_size=32, max_size=32),
)
def test_bars_hold_all_calls(shares: list[float], latencies: list[float]) -> None:
    ordered = sorted({0.0, 1.0, *shares})
    quantiles = list(zip(ordered, sorted(latencies), strict=False))
    low, high = math.log10(quantiles[0][1]) - 0.01, math.log10(quantiles[-1][1]) + 0.01
    bars = shares_by_bar(quantiles, low, high)
    assert len(bars) == BARS
    assert min(bars) >= 0
    assert sum(bars) == pytest.approx(1)


def test_bars_left_of_a_quantile_hold_its_share() -> None:
    quantiles = [(0.0, 1.0), (0.3, 10.0), (0.3, 100.0), (1.0, 1000.0)]
    bars = shares_by_bar(quantiles, 0.0, 3.0)
    third = BARS // 3
    assert sum(bars[:third]) == pytest.approx(0.3)
    assert sum(bars[third : 2 * third]) == pytest.approx(0)
    # Evenly on the logarithmic axis.
    assert bars[0] == pytest.approx(0.3 / third)


def test_equal_quantiles_are_one_bar() -> None:
    bars = shares_by_bar([(0.0, 1.0), (0.5, 10.0), (0.9, 10.0), (1.0, 100.0)], 0.0, 2.0)
    assert max(bars) == pytest.approx(0.4 + 0.1 / (BARS / 2))


def test_statistics_are_marked_at_their_place(sample: Sample) -> None:
    drawing = drawn(sample("stalled"))
    assert [mark.label for mark in drawing.marks] == [
        "p50 9.90 ms",
        "p95 24.0 ms",
        "p99 44.0 ms",
        "max ≥ 16,500 ms",
    ]
    places = [mark.x for mark in drawing.marks]
    assert places == sorted(places)
    assert places[0] >= LEFT
    assert places[-1] <= WIDTH - RIGHT
    assert drawing.marks[-1].before
    median = drawing.marks[0].x
    ((_, left), (right, _)) = sorted((x, words) for x, words in drawing.ticks if words in {"5", "20"})[:2]
    assert left == "5"
    assert median < right


def test_labels_of_close_statistics_are_below_each_other(sample: Sample) -> None:
    latency = Latency(1000, 9.0, 10.1, 10.0, 10.2, 10.3, 10.4, 90.0)
    pairs = ((0.0, 9.0), (0.5, 10.0), (0.95, 10.3), (0.99, 10.4), (1.0, 90.0))
    drawing = drawn(with_quantiles(sample("stalled"), pairs, latency))
    assert [mark.row for mark in drawing.marks] == [0, 1, 2, 0]
    assert drawing.rows == 3


def test_tail_of_few_calls_is_visible_and_pale(sample: Sample) -> None:
    drawing = drawn(sample("stalled"))
    assert all(bar.height >= 1.5 for bar in drawing.bars)
    pale = [bar for bar in drawing.bars if bar.is_vague]
    # Between 44 ms and 16 s there is no quantile.
    assert pale
    assert all(drawing.marks[2].x - 20 < bar.x < drawing.marks[3].x for bar in pale)
    assert all("about" in bar.title for bar in pale)
    assert "not known" in drawing.note
    assert "calls without an answer" in drawing.note


@pytest.mark.parametrize(
    "pairs",
    [
        (),
        ((0.5, 3.0),),
        ((0.0, 3.0), (0.5, 3.0), (1.0, 3.0)),
        ((math.nan, 1.0), (0.5, math.inf), (2.0, 7.0)),
    ],
)
def test_too_few_quantiles_have_no_drawing(sample: Sample, pairs: tuple[tuple[float, float], ...]) -> None:
    same = Latency(10, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0)
    assert distribution(with_quantiles(sample("stalled"), pairs, same)) is None


def test_records_without_quantiles_have_no_drawing(sample: Sample) -> None:
    for name in ("load", "empty", "invalid"):
        assert distribution(sample(name)) is None


def test_latency_of_zero_has_a_place_on_the_axis(sample: Sample) -> None:
    latency = Latency(10, 0.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0)
    drawing = drawn(with_quantiles(sample("stalled"), ((0.0, 0.0), (0.5, 1.0), (1.0, 3.0)), latency))
    assert all(math.isfinite(bar.x) for bar in drawing.bars)
