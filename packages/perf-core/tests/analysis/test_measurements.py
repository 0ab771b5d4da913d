"""The record's figures from k6's summary and the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from perf_core import Expectation, Journey, Step
from perf_core.analysis.measurements import (
    ERROR_CLASSES,
    SERVER_COLUMNS,
    Summary,
    Window,
    generator_use,
    held_window,
    metrics,
    server_columns,
    server_use,
    stages,
    uptime_percent,
)

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


# --- resource use of the server ---


def windows(build: type[Build], held: tuple[float, float] = (5, 20)) -> tuple[Window, Window]:
    start_s = build.started_at_s
    return Window(start_s, start_s + 20), Window(start_s + held[0], start_s + held[1])


def test_server_use_covers_only_the_load(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(-5, 30), server_cpu_s=lambda t: 100 + t, rss_mb=lambda t: 50 + t)
    result = server_use(samples, load, held, 1000, sessions_left=3, uptime_percent=99.0)
    assert result is not None
    assert result.cpu_s == pytest.approx(20)
    assert result.cpu_us_per_call == pytest.approx(20_000)
    assert (result.rss_mb.start, result.rss_mb.peak, result.rss_mb.end) == (50, 70, 70)
    assert (result.fds.peak, result.threads.peak, result.processes) == (10, 4, 1)
    assert (result.sessions_left, result.uptime_percent) == (3, 99.0)


def test_memory_slope_is_per_hour_and_only_over_the_holds(build: type[Build]) -> None:
    load, held = windows(build)
    # 100 MB on the ramp, then 1 MB in 10 s.
    samples = build.samples(range(21), lambda t: t, rss_mb=lambda t: 50 + min(t, 5) * 20 + max(t - 5, 0) / 10)
    result = server_use(samples, load, held, 1000, sessions_left=None, uptime_percent=None)
    assert result is not None
    assert result.rss_mb.slope_mb_per_h == pytest.approx(360)
    assert result.rss_mb.slope_interval == pytest.approx((360, 360))


def test_too_few_samples_give_no_memory_slope(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(0, 21, 4), lambda t: t)
    result = server_use(samples, load, held, 1000, sessions_left=None, uptime_percent=None)
    assert result is not None
    assert result.rss_mb.slope_mb_per_h is None
    assert result.rss_mb.slope_interval is None


def test_memory_of_a_server_that_died_ends_with_its_last_sample(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), lambda t: t, server_lives_until_s=12)
    result = server_use(samples, load, held, 1000, sessions_left=None, uptime_percent=None)
    assert result is not None
    assert result.rss_mb.end == 50
    assert result.cpu_s == pytest.approx(12)


@pytest.mark.parametrize("lives_until_s", [-1.0, 0.0], ids=["dead before", "seen once"])
def test_server_without_samples_during_the_load_has_no_use(build: type[Build], lives_until_s: float) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), lambda t: t, server_lives_until_s=lives_until_s)
    assert server_use(samples, load, held, 10, sessions_left=None, uptime_percent=None) is None
    assert (
        server_use(build.samples(range(21)), load, held, 10, sessions_left=None, uptime_percent=None) is None
    )


def test_no_calls_give_no_cpu_per_call(build: type[Build]) -> None:
    load, held = windows(build)
    result = server_use(
        build.samples(range(21), lambda t: t), load, held, 0, sessions_left=None, uptime_percent=None
    )
    assert result is not None
    assert result.cpu_us_per_call == 0


# --- resource use of the generator, and saturation ---


@pytest.mark.parametrize(
    ("server_cores", "generator_cores", "saturated"),
    [
        (0.2, 0.3, False),
        # The server is the limit: one core of two, k6 waits.
        (1.0, 0.3, False),
        (1.0, 0.84, False),
        (1.0, 0.86, True),
        # With a fast server, k6 is the limit.
        (0.3, 1.5, True),
        # A server of several processes leaves hardly any CPU.
        (1.8, 0.19, True),
        (0.0, 1.6, False),
        (0.0, 1.8, True),
    ],
)
def test_generator_is_saturated_near_the_cores_left_to_it(
    build: type[Build], server_cores: float, generator_cores: float, saturated: bool
) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), lambda t: server_cores * t, lambda t: generator_cores * t)
    result = generator_use(
        samples, load, held, 1000, cpus=2, pinned=False, dropped=0, iterations=1000, exit_code=0
    )
    assert result.cores_used == pytest.approx(generator_cores)
    assert result.cores_available == pytest.approx(2 - server_cores)
    assert result.saturated is saturated


def test_pinned_generator_has_its_cpus_to_itself(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), lambda t: t * 1.0, lambda t: t * 0.95)
    result = generator_use(
        samples, load, held, 1000, cpus=1, pinned=True, dropped=0, iterations=1000, exit_code=0
    )
    assert result.cores_available == 1
    assert result.saturated


def test_saturation_ignores_ramps(build: type[Build]) -> None:
    load, held = windows(build, held=(10, 20))
    samples = build.samples(range(21), lambda _t: 0.0, lambda t: 2 * min(t, 10) + 0.1 * max(t - 10, 0))
    result = generator_use(
        samples, load, held, 1000, cpus=2, pinned=False, dropped=0, iterations=1000, exit_code=0
    )
    assert result.cores_used == pytest.approx(0.1)
    assert not result.saturated
    assert result.cpu_s == pytest.approx(21)


def test_generator_use_counts_scheduled_iterations(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), None, lambda t: t / 10)
    result = generator_use(
        samples, load, held, 400, cpus=2, pinned=False, dropped=5, iterations=995, exit_code=99
    )
    assert (result.dropped_iterations, result.scheduled_iterations, result.exit_code) == (5, 1000, 99)
    assert result.cpu_us_per_call == pytest.approx(2e6 / 400)
    assert result.rss_peak_mb == 100


def test_generator_without_samples_used_nothing(build: type[Build]) -> None:
    load, held = windows(build)
    result = generator_use((), load, held, 0, cpus=2, pinned=False, dropped=0, iterations=0, exit_code=0)
    assert (result.cpu_s, result.cores_used, result.rss_peak_mb, result.saturated) == (0, 0, 0, False)


# --- columns over time ---


def test_server_columns_are_means_since_the_previous_sample(build: type[Build]) -> None:
    samples = build.samples([-1, 0, 1, 3, 20, 21], lambda t: t * t, lambda t: t / 2)
    result = server_columns(samples, build.started_at_s, 20)
    assert tuple(result) == SERVER_COLUMNS
    assert result["t_s"] == (0, 1, 3, 20)
    # CPU seconds are divided by the elapsed time, not by the number of samples.
    assert result["cpu_cores"] == pytest.approx((0, 1, 4, 391 / 17), abs=1e-5)
    assert result["generator_cpu_cores"] == pytest.approx((0.5, 0.5, 0.5, 0.5))
    assert result["processes"] == (1, 1, 1, 1)


def test_columns_of_a_dead_server_are_gaps_not_zeros(build: type[Build]) -> None:
    samples = build.samples(range(6), lambda t: t, lambda t: t, server_lives_until_s=2)
    result = server_columns(samples, build.started_at_s, 10)
    assert result["rss_mb"] == (50, 50, None, None, None)
    assert result["cpu_cores"] == (pytest.approx(1), pytest.approx(1), None, None, None)
    assert None not in result["generator_cpu_cores"]


# --- uptime ---


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(10, 0)] * 10, 100),
        ([(10, 0)] * 9 + [(10, 10)], 90),
        ([(10, 9)] * 10, 100),
        ([(10, 10)] * 10, 0),
        # A dead server refuses at once: errors without a call count, too.
        ([(10, 0)] * 5 + [(0, 40)] * 5, 50),
        # No answer, then time-outs: the server was down all the while.
        ([(10, 0)] * 5 + [(0, 0)] * 4 + [(3, 3)], 50),
        # No answer, then answers: the server was slow but up.
        ([(10, 0)] * 5 + [(0, 0)] * 4 + [(3, 0)], 100),
        # Periods without calls at the end do not count.
        ([(10, 0)] * 5 + [(0, 0)] * 5, 100),
        ([(None, None), (10, 0)], 100),
        ([(0, 0)] * 5, None),
        ([], None),
    ],
)
def test_uptime(build: type[Build], rows: list[tuple[float, float]], expected: float | None) -> None:
    assert uptime_percent(build.load_columns(rows)) == expected
