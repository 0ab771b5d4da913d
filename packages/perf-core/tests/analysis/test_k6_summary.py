"""Stages, calls and latencies from k6's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from perf_core import Expectation, Journey, Step
from perf_core.analysis.k6_summary import ERROR_CLASSES, Summary, held_window, metrics, stages

if TYPE_CHECKING:
    from conftest import Build


CALLS = "mcp_tool_call_duration_ms"


# --- the summary by name and tags ---


def test_sub_metrics_are_read_by_their_tags_in_order(build: type[Build]) -> None:
    document = build.summary(("hold_10", 0, 10))
    document.trend(CALLS, 30).trend(f"{CALLS}{{tool:add}}", 20, p95=7.0)
    document.trend(f"{CALLS}{{tool:add,stage:hold_10}}", 10)
    summary = Summary(document.document)
    assert summary.count(CALLS) == 30
    assert summary.count(CALLS, tool="add") == 20
    assert summary.count(CALLS, tool="add", stage="hold_10") == 10
    assert summary.latency(CALLS, tool="add").p95 == 7.0


def test_latency_reads_each_statistic_by_its_name() -> None:
    values = {"count": 4, "min": 1, "avg": 2, "med": 3, "p(90)": 4, "p(95)": 5, "p(99)": 6, "max": 7}
    result = Summary({"metrics": {CALLS: {"values": values}}}).latency(CALLS)
    statistics = (result.min, result.avg, result.med, result.p90, result.p95, result.p99, result.max)
    assert (result.count, *statistics) == (4, 1, 2, 3, 4, 5, 6, 7)


@pytest.mark.parametrize("recorded", [{}, {CALLS: {"values": {"count": 0, "avg": None}}}])
def test_metric_without_samples_is_zero(recorded: dict[str, Any]) -> None:
    summary = Summary({"metrics": recorded})
    assert summary.count(CALLS) == 0
    assert summary.latency(CALLS).count == 0
    assert summary.latency(CALLS).max == 0.0


# --- calls, answers, errors ---


@pytest.mark.parametrize(
    ("errors", "calls", "correct"),
    [
        ({}, 100, 100),
        # These have no latency, so they add to the samples.
        ({"transport": 10}, 110, 100),
        ({"http_status": 10}, 110, 100),
        ({"rate_limited": 10}, 110, 100),
        # These were answered late or wrongly, so they are among the samples.
        ({"timeout": 10}, 100, 90),
        ({"wrong_answer": 10}, 100, 90),
        ({"is_error": 10}, 100, 90),
        ({"jsonrpc_error": 10}, 100, 90),
        ({"transport": 20, "wrong_answer": 30}, 120, 70),
    ],
)
def test_calls_are_samples_plus_errors_without_a_sample(
    build: type[Build], errors: dict[str, int], calls: int, correct: int
) -> None:
    document = build.summary(("hold_10", 0, 10)).calls("hold_10", 100)
    for name, count in errors.items():
        document.errors(name, "hold_10", count)
    summary = Summary(document.document)
    (stage,) = stages(summary, 10)
    result = metrics(summary, [stage], build.plan())
    assert stage.calls == result.tool_calls == calls
    assert stage.calls_per_s == result.tool_calls_per_s == pytest.approx(correct / 10)
    assert stage.error_rate == result.error_rate == pytest.approx(1 - correct / calls)
    assert result.errors == errors


def test_each_error_class_is_counted() -> None:
    # The classes of k6/lib/answers.js; one that is missing here would be lost.
    assert set(ERROR_CLASSES) == {
        "transport",
        "http_status",
        "jsonrpc_error",
        "is_error",
        "wrong_answer",
        "timeout",
        "rate_limited",
        "unanswered",
        "session_lost",
    }


@pytest.mark.parametrize("error_class", ["timeout", "transport", "jsonrpc_error"])
def test_session_that_cannot_be_opened_counts_as_one_call(build: type[Build], error_class: str) -> None:
    # The other calls stay right, whatever kept the session from opening.
    document = build.summary(("hold_10", 0, 10)).calls("hold_10", 5).unopened(error_class, "hold_10", 50)
    summary = Summary(document.document)
    (stage,) = stages(summary, 10)
    result = metrics(summary, [stage], build.plan())
    assert stage.calls == result.tool_calls == 55
    assert stage.calls_per_s == pytest.approx(0.5)
    assert stage.error_rate == result.error_rate == pytest.approx(50 / 55)


def test_run_without_calls_has_rate_zero(build: type[Build]) -> None:
    summary = Summary(build.summary(("hold_10", 0, 10)).document)
    result = metrics(summary, stages(summary, 10), build.plan())
    assert (result.tool_calls, result.tool_calls_per_s, result.error_rate) == (0, 0, 0)


def test_statuses_of_the_bridge_are_failed_connections(build: type[Build]) -> None:
    document = build.summary(("hold_10", 0, 10)).calls("hold_10", 90)
    document.errors("http_status", "hold_10", 7).errors("transport", "hold_10", 2)
    document.errors("is_error", "hold_10", 1)
    over_http, on_stdio = Summary(document.document), Summary(document.document, without_http=True)
    calls = {}
    for summary in (over_http, on_stdio):
        reached = stages(summary, 10)
        result = metrics(summary, reached, build.plan())
        calls[summary.without_http] = (result.tool_calls, result.error_rate, reached[0].error_rate)
        expected = {"transport": 2, "http_status": 7} if summary is over_http else {"transport": 9}
        assert result.errors == {**expected, "is_error": 1}
        assert result.errors_by_tool["add"] == result.errors
    assert calls[True] == calls[False]


# --- stages ---


def profile(build: type[Build]) -> Summary:
    document = build.summary(("ramp_10", 0, 5), ("hold_10", 5, 15), ("ramp_20", 15, 20), ("hold_20", 20, 30))
    for stage, calls in [("ramp_10", 100), ("hold_10", 1000), ("ramp_20", 700), ("hold_20", 3000)]:
        document.calls(stage, calls)
    return Summary(document.document)


def test_stages_have_their_plan_and_their_figures(build: type[Build]) -> None:
    result = stages(profile(build), 30)
    assert [(s.name, s.kind, s.vus) for s in result] == [
        ("ramp_10", "ramp", 10),
        ("hold_10", "hold", 10),
        ("ramp_20", "ramp", 20),
        ("hold_20", "hold", 20),
    ]
    assert [s.calls_per_s for s in result] == [20, 100, 140, 300]


def test_early_end_shortens_the_stage_and_omits_later_ones(build: type[Build]) -> None:
    result = stages(profile(build), 10)
    assert [(s.name, s.end_s) for s in result] == [("ramp_10", 5), ("hold_10", 10)]
    # The same calls in half the time.
    assert result[-1].calls_per_s == 200


def test_throughput_of_the_run_covers_only_its_holds(build: type[Build]) -> None:
    summary = profile(build)
    result = metrics(summary, stages(summary, 30), build.plan())
    assert result.tool_calls_per_s == pytest.approx((1000 + 3000) / 20)
    assert result.tool_calls == 4800


def test_held_window_spans_from_the_first_hold_to_the_last(build: type[Build]) -> None:
    summary = profile(build)
    window = held_window(summary, stages(summary, 30))
    start_s = build.started_at_s
    assert (window.start_s, window.end_s) == (start_s + 5, start_s + 30)
    assert start_s + 5 in window
    assert start_s + 4.9 not in window


def test_held_window_without_a_hold_is_the_reached_ramp(build: type[Build]) -> None:
    summary = profile(build)
    window = held_window(summary, stages(summary, 3))
    assert (window.start_s, window.end_s) == (build.started_at_s, build.started_at_s + 3)


# --- figures split by wire, journey, kind and method ---


def test_stateless_wire_has_no_session_figures(build: type[Build]) -> None:
    summary = profile(build)
    plan = build.plan()
    assert metrics(summary, stages(summary, 30), plan).session_creation_ms is not None
    stateless = type(plan)(plan.scenario, plan.shape, "stateless", plan.settings, plan.pools)
    assert metrics(summary, stages(summary, 30), stateless).session_creation_ms is None


def test_figures_by_tool_kind_journey_and_method(build: type[Build]) -> None:
    two = Journey("sum up", (*build.journey().steps, Step("total", {}, Expectation.anything())))
    plan = build.plan("load", {"mix": [build.journey(kind="small"), build.journey(kind="large"), two]})
    document = build.summary(("hold_10", 0, 10)).calls("hold_10", 100)
    document.trend(f"{CALLS}{{tool:add,kind:small}}", 60).trend(f"{CALLS}{{tool:add,kind:large}}", 0)
    document.trend("mcp_journey_duration_ms{journey:sum up}", 20)
    document.trend("mcp_protocol_duration_ms{method:GET /health}", 9)
    document.trend("mcp_protocol_duration_ms{method:ping}", 0)
    document.counter("mcp_sessions_opened", 10).counter("mcp_sessions_closed", 8)
    summary = Summary(document.document)
    result = metrics(summary, stages(summary, 10), plan)
    assert set(result.latency_ms) == {"all", "add", "total"}
    assert {tool: list(kinds) for tool, kinds in result.kinds_ms.items()} == {"add": ["small"]}
    assert result.journey_ms["sum up"].count == 20
    assert {method: latency.count for method, latency in result.protocol_ms.items()} == {"GET /health": 9}
    assert (result.sessions_opened, result.sessions_closed) == (10, 8)


def test_kind_of_journey_knows_its_calls_without_an_answer(build: type[Build]) -> None:
    plan = build.plan("load", {"mix": [build.journey(kind="small")]})
    document = build.summary(("hold_10", 0, 10)).calls("hold_10", 100).errors("timeout", "hold_10", 4)
    document.trend(f"{CALLS}{{kind:small}}", 100).counter("mcp_errors{class:timeout,kind:small}", 4)
    document.trend(f"{CALLS}{{tool:add,kind:small}}", 100)
    document.counter("mcp_errors{class:timeout,tool:add,kind:small}", 3)
    document.counter("mcp_errors{class:unanswered,tool:add,kind:small}", 1)
    summary = Summary(document.document)
    result = metrics(summary, stages(summary, 10), plan)
    assert result.kinds_ms["all"]["small"].lower_bounds == 4
    assert result.kinds_ms["add"]["small"].lower_bounds == 4
