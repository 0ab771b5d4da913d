"""Comparison of recorded runs: directions, bars and figures that are not judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perf_core.comparison.records import RecordComparison, Row, compare_records
from perf_core.errors import NotComparable
from perf_core.results.record import Latency, MemoryTrend, Metrics, RunRecord
from perf_core.results.token_cost import TokenCost, ToolTokens

if TYPE_CHECKING:
    from conftest import Build


def metrics_of(record: RunRecord) -> Metrics:
    assert record.metrics is not None
    return record.metrics


def with_metrics(record: RunRecord, **changes: Any) -> RunRecord:
    return replace(record, metrics=replace(metrics_of(record), **changes))


def with_latency(record: RunRecord, tool: str, **changes: Any) -> RunRecord:
    latency = metrics_of(record).latency_ms
    return with_metrics(record, latency_ms={**latency, tool: replace(latency[tool], **changes)})


def with_server(record: RunRecord, **changes: Any) -> RunRecord:
    assert record.server is not None
    return replace(record, server=replace(record.server, **changes))


def with_saturated(record: RunRecord) -> RunRecord:
    assert record.generator is not None
    return replace(record, generator=replace(record.generator, saturated=True))


def row_of(comparison: RecordComparison, figure: str) -> Row:
    (row,) = (row for row in comparison.rows if row.figure == figure)
    return row


def verdicts(comparison: RecordComparison) -> dict[str, str]:
    return {row.figure: row.verdict for row in comparison.rows if row.verdict != "same"}


# --- figures ---


def test_every_figure_has_a_row(record: RunRecord) -> None:
    comparison = compare_records(record, record)
    assert [(row.figure, row.unit, row.direction, row.bar) for row in comparison.rows] == [
        ("tool_calls_per_s", "/s", "higher", 0.1),
        ("error_rate", "share", "lower", 0.001),
        ("latency_ms.all.med", "ms", "lower", 0.1),
        ("latency_ms.all.p95", "ms", "lower", 0.1),
        ("latency_ms.all.p99", "ms", "lower", 0.1),
        ("latency_ms.add.p95", "ms", "lower", 0.1),
        ("session_creation_ms.p95", "ms", "lower", 0.1),
        ("server.cpu_us_per_call", "µs", "lower", 0.05),
        ("server.rss_peak_mb", "MB", "lower", 0.1),
        ("latency_ms.all.p95@hold_10", "ms", "lower", 0.1),
    ]
    assert verdicts(comparison) == {}
    assert comparison.verdict == "same"


Change = Callable[[RunRecord, float], RunRecord]

CHANGES: dict[str, tuple[Change, float]] = {
    "tool_calls_per_s": (lambda r, f: with_metrics(r, tool_calls_per_s=100.0 * f), 0.1),
    "latency_ms.all.med": (lambda r, f: with_latency(r, "all", med=5.0 * f), 0.1),
    "latency_ms.all.p95": (lambda r, f: with_latency(r, "all", p95=10.0 * f), 0.1),
    "latency_ms.all.p99": (lambda r, f: with_latency(r, "all", p99=20.0 * f), 0.1),
    "latency_ms.add.p95": (lambda r, f: with_latency(r, "add", p95=10.0 * f), 0.1),
    "server.cpu_us_per_call": (lambda r, f: with_server(r, cpu_us_per_call=400.0 * f), 0.05),
    "server.rss_peak_mb": (lambda r, f: with_server(r, rss_mb=MemoryTrend(1.0, 80.0 * f, 1.0)), 0.1),
    "session_creation_ms.p95": (
        lambda r, f: with_metrics(
            r,
            session_creation_ms=replace(metrics_of(r).session_creation_ms or Latency(*[0] * 8), p95=20.0 * f),
        ),
        0.1,
    ),
    "latency_ms.all.p95@hold_10": (
        lambda r, f: replace(
            r, stages=(replace(r.stages[1], latency_ms=replace(r.stages[1].latency_ms, p95=10.0 * f)),)
        ),
        0.1,
    ),
}


@pytest.mark.parametrize("figure", CHANGES)
def test_figure_past_its_bar_is_worse_or_better_by_its_direction(record: RunRecord, figure: str) -> None:
    change, bar = CHANGES[figure]
    rise, fall = ("better", "worse") if figure == "tool_calls_per_s" else ("worse", "better")
    for factor, expected in (
        (1 + bar + 0.001, rise),
        (1 + bar - 0.001, "same"),
        (1 / (1 + bar) + 0.001, "same"),
        (1 / (1 + bar) - 0.001, fall),
    ):
        comparison = compare_records(record, change(record, factor))
        assert row_of(comparison, figure).verdict == expected
        assert row_of(comparison, figure).ratio == pytest.approx(factor)
        assert comparison.verdict == expected
        assert set(verdicts(comparison)) <= {figure}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0.0, 0.0, "same"),
        (0.0, 0.001, "same"),
        (0.0012, 0.0022, "same"),  # slightly more than 0.001 in binary
        (0.002, 0.003, "same"),
        (0.0, 0.0011, "worse"),
        (0.5, 0.502, "worse"),
        (0.003, 0.002, "same"),
        (0.0011, 0.0, "better"),
        (1.0, 0.0, "better"),
    ],
)
def test_error_rates_are_compared_by_difference(
    record: RunRecord, before: float, after: float, expected: str
) -> None:
    comparison = compare_records(
        with_metrics(record, error_rate=before), with_metrics(record, error_rate=after)
    )
    row = row_of(comparison, "error_rate")
    assert (row.verdict, comparison.verdict) == (expected, expected)
    assert row.ratio is None
    assert row.difference == pytest.approx(after - before)


def test_one_worse_figure_outweighs_all_better_ones(record: RunRecord) -> None:
    after = with_server(with_latency(record, "all", med=1.0, p95=2.0), cpu_us_per_call=500.0)
    comparison = compare_records(record, after)
    assert comparison.verdict == "worse"
    assert sorted(verdicts(comparison).values()) == ["better", "better", "worse"]


MIRROR = {"worse": "better", "better": "worse"}
FACTORS = st.floats(0.2, 5.0)


@given(figure=st.sampled_from(sorted(CHANGES)), factor=FACTORS)
def test_swapping_the_runs_mirrors_the_verdicts(record: RunRecord, figure: str, factor: float) -> None:
    change, bar = CHANGES[figure]
    # Exactly on the bar, rounding decides.
    assume(min(abs(factor - (1 + bar)), abs(factor * (1 + bar) - 1)) > 1e-9)
    other = change(record, factor)
    there, back = compare_records(record, other), compare_records(other, record)
    assert back.verdict == MIRROR.get(there.verdict, there.verdict)
    for row, mirrored in zip(there.rows, back.rows, strict=True):
        assert mirrored.verdict == MIRROR.get(row.verdict, row.verdict)


# --- not judged ---


def test_figure_of_only_one_run_is_listed_and_not_judged(record: RunRecord, build: type[Build]) -> None:
    latency = metrics_of(record).latency_ms
    before = with_metrics(record, latency_ms={**latency, "old": latency["add"]})
    after = with_metrics(record, latency_ms={**latency, "new": latency["add"]}, session_creation_ms=None)
    after = replace(after, server=None, stages=(*after.stages, build.stage("hold_20", 25, 45)))
    comparison = compare_records(before, after)
    reasons = {row.figure: row.reason for row in comparison.rows if row.verdict == "not judged"}
    assert reasons == {
        "latency_ms.old.p95": "only before",
        "latency_ms.new.p95": "only after",
        "session_creation_ms.p95": "only before",
        "server.cpu_us_per_call": "only before",
        "server.rss_peak_mb": "only before",
        "latency_ms.all.p95@hold_20": "only after",
    }
    row = row_of(comparison, "latency_ms.new.p95")
    assert (row.before, row.after, row.ratio) == (None, 10.0, None)
    assert comparison.verdict == "same"


def test_figure_that_neither_run_has_is_left_out(record: RunRecord) -> None:
    bare = with_metrics(replace(record, server=None), session_creation_ms=None)
    assert {row.figure for row in compare_records(bare, bare).rows}.isdisjoint(
        {"session_creation_ms.p95", "server.cpu_us_per_call"}
    )


@pytest.mark.parametrize("after", [0.0, 5.0])
def test_figure_that_was_zero_is_not_judged(record: RunRecord, after: float) -> None:
    comparison = compare_records(
        with_server(record, cpu_us_per_call=0.0), with_server(record, cpu_us_per_call=after)
    )
    row = row_of(comparison, "server.cpu_us_per_call")
    assert (row.verdict, row.ratio) == ("not judged", None)
    assert "zero" in row.reason


def test_throughput_that_fell_to_zero_is_worse(record: RunRecord) -> None:
    comparison = compare_records(record, with_metrics(record, tool_calls_per_s=0.0))
    assert row_of(comparison, "tool_calls_per_s").verdict == "worse"


@pytest.mark.parametrize(
    ("count", "judged"), [(1000, {"med", "p95", "p99"}), (999, {"med", "p95"}), (19, set())]
)
def test_percentile_needs_ten_samples_beyond_it(record: RunRecord, count: int, judged: set[str]) -> None:
    comparison = compare_records(record, with_latency(record, "all", count=count))
    rows = [row_of(comparison, f"latency_ms.all.{statistic}") for statistic in ("med", "p95", "p99")]
    assert {row.figure.rpartition(".")[2] for row in rows if row.verdict == "same"} == judged
    assert all(f"got 1000 before and {count} after" in row.reason for row in rows if row.verdict != "same")


@pytest.mark.parametrize(("opened", "verdict"), [(20, "same"), (19, "not judged")])
def test_session_creation_needs_twenty_samples(
    record: RunRecord, build: type[Build], opened: int, verdict: str
) -> None:
    few = with_metrics(record, session_creation_ms=build.latency(20.0, opened))
    assert row_of(compare_records(few, record), "session_creation_ms.p95").verdict == verdict


@pytest.mark.parametrize(
    ("before", "after", "factor", "expected"),
    [
        # With a saturated generator the server appears slower than it was.
        (False, True, 2.0, "not judged"),
        (False, True, 1.0, "not judged"),
        (False, True, 0.5, "better"),
        (True, False, 2.0, "worse"),
        (True, False, 1.0, "not judged"),
        (True, False, 0.5, "not judged"),
        (True, True, 2.0, "not judged"),
        (True, True, 0.5, "not judged"),
    ],
)
def test_bounds_are_judged_only_where_they_decide(
    record: RunRecord, before: bool, after: bool, factor: float, expected: str
) -> None:
    slower = with_metrics(with_latency(record, "all", p95=10.0 * factor), tool_calls_per_s=100.0 / factor)
    comparison = compare_records(
        with_saturated(record) if before else record, with_saturated(slower) if after else slower
    )
    for figure in ("latency_ms.all.p95", "tool_calls_per_s"):
        assert row_of(comparison, figure).verdict == expected
        assert ("saturated" in row_of(comparison, figure).reason) == (expected == "not judged")
    # Figures that are not timed are exact.
    assert row_of(comparison, "server.cpu_us_per_call").verdict == "same"
    assert row_of(comparison, "error_rate").verdict == "same"


def test_runs_without_a_common_figure_are_refused(record: RunRecord) -> None:
    empty = with_metrics(
        replace(record, server=None, stages=()),
        tool_calls=0,
        latency_ms={"all": Latency(*[0] * 8)},
        session_creation_ms=None,
    )
    with pytest.raises(NotComparable, match="no figure can be judged"):
        compare_records(record, empty)


# --- tokens of the tools ---


def listed(record: RunRecord, tokenizer: str = "o200k_base", **tokens: int) -> RunRecord:
    tools = tuple(ToolTokens(name, each, 0, 0, 0, each) for name, each in tokens.items())
    return replace(record, token_cost=TokenCost(tokenizer, False, sum(tokens.values()), 0, tools))


def test_change_of_the_tokens_is_told_and_not_judged(record: RunRecord) -> None:
    comparison = compare_records(listed(record, add=50), listed(record, add=90, ping=10))
    assert comparison.verdict == "same"
    assert comparison.tokens is not None
    assert [(each.tool, each.growth) for each in comparison.tokens.tools] == [("add", 40), ("ping", 10)]


def test_tokens_of_one_run_or_of_different_tokenizers_are_not_compared(record: RunRecord) -> None:
    for before in (record, listed(record, tokenizer="4 bytes per token", add=50)):
        assert compare_records(before, listed(record, add=90)).tokens is None
