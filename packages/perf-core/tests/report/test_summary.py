from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from perf_core.report import summary
from perf_core.report.wording import DASH
from perf_core.results.record import RunRecord

Sample = Callable[..., RunRecord]


def test_empty_run_has_a_headline(sample: Sample) -> None:
    record = sample("empty")
    assert summary.key_figures(record) == ()
    assert summary.target_rows(record) == ()
    assert summary.headline(record).summary == "This run has no targets"


def test_headline_has_the_verdict_and_the_first_reason(sample: Sample) -> None:
    head = summary.headline(sample("invalid"))
    assert head.word == "INVALID"
    assert head.subject == "load of calculator over the session wire"
    assert head.summary.startswith("The server died 12 s into the load")
    assert head.further == ("No metrics came from k6",)
    assert "run it again" in head.meaning
    assert "2026-03-02 10:15 UTC" in head.when
    assert summary.headline(sample("interrupted")).meaning.startswith("The run was stopped")
    assert summary.headline(sample("load")).meaning == ""


def test_headline_of_a_pass_counts_met_targets_and_keeps_remarks(sample: Sample) -> None:
    head = summary.headline(sample("saturated"))
    assert head.word == "PASS"
    assert head.summary == "Targets: 2 of 2 met"
    assert head.further == ("The load generator was saturated: met targets are bounds",)


def test_tally_names_each_outcome(sample: Sample) -> None:
    record = sample("hostile")
    assert summary.headline(record).tally == "1 of 4 met, 1 missed, 1 invalid, 1 not judged"


def test_bounds_are_worded_by_their_direction(sample: Sample) -> None:
    throughput, latency = summary.target_rows(sample("saturated"))
    assert throughput.value.startswith("at least 2,")
    assert throughput.target == "> 1,000/s"
    assert throughput.stretch == "> 2,000/s: met"
    assert latency.value == "at most 8.12 ms"
    shown = {figure.name: figure.text for figure in summary.key_figures(sample("saturated"))}
    assert shown["tool_calls_per_s"].startswith("at least ")
    assert shown["latency_ms.all.p95"].startswith("at most ")
    unbound = {figure.name: figure.text for figure in summary.key_figures(sample("load"))}
    assert unbound["tool_calls_per_s"][0].isdigit()


def test_key_figures_have_the_longest_call_and_silence(sample: Sample) -> None:
    shown = {figure.name: figure.text for figure in summary.key_figures(sample("stalled"))}
    assert shown["latency_ms.all.max"] == "≥ 16,500 ms"
    # The machine was busy, but a call without an answer took longer than that explains.
    assert shown["latency_ms.all.p99"] == "at most 44.0 ms"
    assert shown["tool_calls_per_s"].startswith("at least ")
    assert shown["longest_silence_s"] == "16.5 s"
    assert "longest_silence_s" not in {figure.name for figure in summary.key_figures(sample("load"))}


def test_lower_bound_is_worded_as_at_least(sample: Sample) -> None:
    recovery = next(t for t in sample("spike").targets if t.figure == "spike.recovery_s")
    (row,) = summary.target_rows(replace(sample("spike"), targets=(replace(recovery, at_least=True),)))
    assert row.value.startswith("at least ")


def test_calls_without_an_answer_are_at_least_so_long_although_k6_was_saturated(sample: Sample) -> None:
    latency = replace(sample("saturated").targets[1], at_least=True)
    assert latency.bound
    (row,) = summary.target_rows(replace(sample("saturated"), targets=(latency,)))
    assert row.value.startswith("at least ")


def test_target_without_a_figure_has_a_dash_and_its_reason(sample: Sample) -> None:
    row = summary.target_rows(sample("invalid"))[0]
    assert row.value == DASH
    assert row.outcome == "invalid"
    assert row.reason == "no metrics came from k6"


def test_figure_names_in_reasons_become_words(sample: Sample) -> None:
    targets = sample("load").targets
    record = replace(
        sample("load"),
        targets=(targets[0], replace(targets[3], outcome="invalid"), replace(targets[4], figure="odd")),
        reasons=(
            "latency_ms.all.p95: expected < 100, got 252.6",
            "tool_calls_per_s@hold_100: expected samples of this figure, got none",
            "k6 left no summary",
        ),
    )
    head = summary.headline(record)
    assert head.summary == "p95 latency, all tools: 253 ms, target < 100 ms"
    assert head.further == (
        "Tool calls per second at 100 VUs: expected samples of this figure, got none",
        "k6 left no summary",
    )


@pytest.mark.parametrize(
    ("figure", "outcome", "value"),
    [
        ("server.rss_slope_mb_per_h", "not judged", DASH),
        ("server.rss_growth_lower_mb_per_5_min", "not judged", DASH),
        ("server.rss_slope_mb_per_h", "missed", "at least 5,510 MB/h"),
        ("latency_ms.all.p95", "not judged", "at least 5,510 ms"),
    ],
)
def test_growth_that_was_not_judged_has_no_value(
    figure: str, outcome: str, value: str, sample: Sample
) -> None:
    (first, *_) = sample("endurance").targets
    result = replace(first, figure=figure, outcome=outcome, value=5510.0, at_least=True, bound=False)
    (row,) = summary.target_rows(replace(sample("endurance"), targets=(result,)))
    assert row.value == value
