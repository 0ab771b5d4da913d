"""From k6's summary and the samples to the record's figures."""

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


def test_sub_metrics_are_found_by_their_tags_in_order(build: type[Build]) -> None:
    document = build.summary(("hold_10", 0, 10))
    document.trend(CALLS, 30).trend(f"{CALLS}{{tool:add}}", 20, p95=7.0)
    document.trend(f"{CALLS}{{tool:add,stage:hold_10}}", 10)
    summary = Summary(document.document)
    assert summary.count(CALLS) == 30
    assert summary.count(CALLS, tool="add") == 20
    assert summary.count(CALLS, tool="add", stage="hold_10") == 10
    assert summary.latency(CALLS, tool="add").p95 == 7.0


def test_latency_takes_each_statistic_from_its_own_name() -> None:
    values = {"count": 4, "min": 1, "avg": 2, "med": 3, "p(90)": 4, "p(95)": 5, "p(99)": 6, "max": 7}
    found = Summary({"metrics": {CALLS: {"values": values}}}).latency(CALLS)
    statistics = (found.min, found.avg, found.med, found.p90, found.p95, found.p99, found.max)
    assert (found.count, *statistics) == (4, 1, 2, 3, 4, 5, 6, 7)


@pytest.mark.parametrize("found", [{}, {CALLS: {"values": {"count": 0, "avg": None}}}])
def test_metric_without_samples_is_zero(found: dict[str, Any]) -> None:
    summary = Summary({"metrics": found})
    assert summary.count(CALLS) == 0
    assert summary.latency(CALLS).count == 0
    assert summary.latency(CALLS).max == 0.0


# --- calls, answers, errors ---


@pytest.mark.parametrize(
    ("errors", "calls", "correct"),
    [
        ({}, 100, 100),
        # These have no latency, so they are no samples: they come on top.
        ({"transport": 10}, 110, 100),
        ({"http_status": 10}, 110, 100),
        ({"rate_limited": 10}, 110, 100),
        # These came back, late or wrong: they are among the samples.
        ({"timeout": 10}, 100, 90),
        ({"wrong_answer": 10}, 100, 90),
        ({"is_error": 10}, 100, 90),
        ({"jsonrpc_error": 10}, 100, 90),
        ({"transport": 20, "wrong_answer": 30}, 120, 70),
    ],
)
def test_calls_are_samples_and_errors_without_one(
    build: type[Build], errors: dict[str, int], calls: int, correct: int
) -> None:
    document = build.summary(("hold_10", 0, 10)).calls("hold_10", 100)
    for name, count in errors.items():
        document.errors(name, "hold_10", count)
    summary = Summary(document.document)
    (stage,) = stages(summary, 10)
    found = metrics(summary, [stage], build.plan())
    assert stage.calls == found.tool_calls == calls
    assert stage.calls_per_s == found.tool_calls_per_s == pytest.approx(correct / 10)
    assert stage.error_rate == found.error_rate == pytest.approx(1 - correct / calls)
    assert found.errors == errors


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
def test_session_that_cannot_be_opened_stands_for_its_call(build: type[Build], error_class: str) -> None:
    # Whatever kept the session from opening: the calls that were made stay right.
    document = build.summary(("hold_10", 0, 10)).calls("hold_10", 5).unopened(error_class, "hold_10", 50)
    summary = Summary(document.document)
    (stage,) = stages(summary, 10)
    found = metrics(summary, [stage], build.plan())
    assert stage.calls == found.tool_calls == 55
    assert stage.calls_per_s == pytest.approx(0.5)
    assert stage.error_rate == found.error_rate == pytest.approx(50 / 55)


def test_run_without_calls_has_no_rate_instead_of_an_error(build: type[Build]) -> None:
    summary = Summary(build.summary(("hold_10", 0, 10)).document)
    found = metrics(summary, stages(summary, 10), build.plan())
    assert (found.tool_calls, found.tool_calls_per_s, found.error_rate) == (0, 0, 0)


# --- stages ---


def profile(build: type[Build]) -> Summary:
    document = build.summary(("ramp_10", 0, 5), ("hold_10", 5, 15), ("ramp_20", 15, 20), ("hold_20", 20, 30))
    for stage, calls in [("ramp_10", 100), ("hold_10", 1000), ("ramp_20", 700), ("hold_20", 3000)]:
        document.calls(stage, calls)
    return Summary(document.document)


def test_stages_carry_what_was_planned_and_what_came_of_it(build: type[Build]) -> None:
    found = stages(profile(build), 30)
    assert [(s.name, s.kind, s.vus) for s in found] == [
        ("ramp_10", "ramp", 10),
        ("hold_10", "hold", 10),
        ("ramp_20", "ramp", 20),
        ("hold_20", "hold", 20),
    ]
    assert [s.calls_per_s for s in found] == [20, 100, 140, 300]


def test_early_end_cuts_the_stage_and_leaves_out_those_beyond(build: type[Build]) -> None:
    found = stages(profile(build), 10)
    assert [(s.name, s.end_s) for s in found] == [("ramp_10", 5), ("hold_10", 10)]
    # The same calls in half the time.
    assert found[-1].calls_per_s == 200


def test_throughput_of_the_run_is_that_of_its_holds(build: type[Build]) -> None:
    summary = profile(build)
    found = metrics(summary, stages(summary, 30), build.plan())
    assert found.tool_calls_per_s == pytest.approx((1000 + 3000) / 20)
    assert found.tool_calls == 4800


def test_window_of_figures_reaches_from_the_first_hold_to_the_last(build: type[Build]) -> None:
    summary = profile(build)
    window = held_window(summary, stages(summary, 30))
    start_s = build.started_at_s
    assert (window.start_s, window.end_s) == (start_s + 5, start_s + 30)
    assert start_s + 5 in window
    assert start_s + 4.9 not in window


def test_window_of_a_run_that_ended_on_its_first_ramp_is_that_ramp(build: type[Build]) -> None:
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
    found = metrics(summary, stages(summary, 10), plan)
    assert set(found.latency_ms) == {"all", "add", "total"}
    assert {tool: list(kinds) for tool, kinds in found.kinds_ms.items()} == {"add": ["small"]}
    assert found.journey_ms["sum up"].count == 20
    assert {method: latency.count for method, latency in found.protocol_ms.items()} == {"GET /health": 9}
    assert (found.sessions_opened, found.sessions_closed) == (10, 8)


# --- what the server used ---


def windows(build: type[Build], held: tuple[float, float] = (5, 20)) -> tuple[Window, Window]:
    start_s = build.started_at_s
    return Window(start_s, start_s + 20), Window(start_s + held[0], start_s + held[1])


def test_server_use_covers_the_load_alone(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(-5, 30), server_cpu_s=lambda t: 100 + t, rss_mb=lambda t: 50 + t)
    found = server_use(samples, load, held, 1000, sessions_left=3, uptime_percent=99.0)
    assert found is not None
    assert found.cpu_s == pytest.approx(20)
    assert found.cpu_us_per_call == pytest.approx(20_000)
    assert (found.rss_mb.start, found.rss_mb.peak, found.rss_mb.end) == (50, 70, 70)
    assert (found.fds.peak, found.threads.peak, found.processes) == (10, 4, 1)
    assert (found.sessions_left, found.uptime_percent) == (3, 99.0)


def test_memory_slope_is_per_hour_over_the_holds_alone(build: type[Build]) -> None:
    load, held = windows(build)
    # 100 MB on the ramp, then 1 MB in 10 s.
    samples = build.samples(range(21), lambda t: t, rss_mb=lambda t: 50 + min(t, 5) * 20 + max(t - 5, 0) / 10)
    found = server_use(samples, load, held, 1000, sessions_left=None, uptime_percent=None)
    assert found is not None
    assert found.rss_mb.slope_mb_per_h == pytest.approx(360)
    assert found.rss_mb.slope_interval == pytest.approx((360, 360))


def test_few_samples_have_no_memory_slope(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(0, 21, 4), lambda t: t)
    found = server_use(samples, load, held, 1000, sessions_left=None, uptime_percent=None)
    assert found is not None
    assert found.rss_mb.slope_mb_per_h is None
    assert found.rss_mb.slope_interval is None


def test_memory_of_a_server_that_died_ends_with_its_last_sample(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), lambda t: t, server_lives_until_s=12)
    found = server_use(samples, load, held, 1000, sessions_left=None, uptime_percent=None)
    assert found is not None
    assert found.rss_mb.end == 50
    assert found.cpu_s == pytest.approx(12)


@pytest.mark.parametrize("lives_until_s", [-1.0, 0.0], ids=["dead before", "seen once"])
def test_server_that_was_not_seen_during_the_load_used_nothing_known(
    build: type[Build], lives_until_s: float
) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), lambda t: t, server_lives_until_s=lives_until_s)
    assert server_use(samples, load, held, 10, sessions_left=None, uptime_percent=None) is None
    assert (
        server_use(build.samples(range(21)), load, held, 10, sessions_left=None, uptime_percent=None) is None
    )


def test_no_calls_give_no_cpu_per_call(build: type[Build]) -> None:
    load, held = windows(build)
    found = server_use(
        build.samples(range(21), lambda t: t), load, held, 0, sessions_left=None, uptime_percent=None
    )
    assert found is not None
    assert found.cpu_us_per_call == 0


# --- what the generator used, and whether it was the limit ---


@pytest.mark.parametrize(
    ("server_cores", "generator_cores", "saturated"),
    [
        (0.2, 0.3, False),
        # The server is the limit: one core of two, k6 waits.
        (1.0, 0.3, False),
        (1.0, 0.84, False),
        (1.0, 0.86, True),
        # A fast server leaves k6 the limit.
        (0.3, 1.5, True),
        # A server of several processes that leaves hardly anything.
        (1.8, 0.19, True),
        (0.0, 1.6, False),
        (0.0, 1.8, True),
    ],
)
def test_generator_is_saturated_near_what_the_server_leaves_it(
    build: type[Build], server_cores: float, generator_cores: float, saturated: bool
) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), lambda t: server_cores * t, lambda t: generator_cores * t)
    found = generator_use(
        samples, load, held, 1000, cpus=2, pinned=False, dropped=0, iterations=1000, exit_code=0
    )
    assert found.cores_used == pytest.approx(generator_cores)
    assert found.cores_available == pytest.approx(2 - server_cores)
    assert found.saturated is saturated


def test_pinned_generator_has_its_cpus_to_itself(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), lambda t: t * 1.0, lambda t: t * 0.95)
    found = generator_use(
        samples, load, held, 1000, cpus=1, pinned=True, dropped=0, iterations=1000, exit_code=0
    )
    assert found.cores_available == 1
    assert found.saturated


def test_saturation_is_that_of_the_holds_not_of_the_ramps(build: type[Build]) -> None:
    load, held = windows(build, held=(10, 20))
    samples = build.samples(range(21), lambda _t: 0.0, lambda t: 2 * min(t, 10) + 0.1 * max(t - 10, 0))
    found = generator_use(
        samples, load, held, 1000, cpus=2, pinned=False, dropped=0, iterations=1000, exit_code=0
    )
    assert found.cores_used == pytest.approx(0.1)
    assert not found.saturated
    assert found.cpu_s == pytest.approx(21)


def test_generator_use_counts_what_was_scheduled(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), None, lambda t: t / 10)
    found = generator_use(
        samples, load, held, 400, cpus=2, pinned=False, dropped=5, iterations=995, exit_code=99
    )
    assert (found.dropped_iterations, found.scheduled_iterations, found.exit_code) == (5, 1000, 99)
    assert found.cpu_us_per_call == pytest.approx(2e6 / 400)
    assert found.rss_peak_mb == 100


def test_generator_that_was_never_seen_used_nothing(build: type[Build]) -> None:
    load, held = windows(build)
    found = generator_use((), load, held, 0, cpus=2, pinned=False, dropped=0, iterations=0, exit_code=0)
    assert (found.cpu_s, found.cores_used, found.rss_peak_mb, found.saturated) == (0, 0, 0, False)


# --- columns over time ---


def test_server_columns_are_means_since_the_sample_before(build: type[Build]) -> None:
    samples = build.samples([-1, 0, 1, 3, 20, 21], lambda t: t * t, lambda t: t / 2)
    found = server_columns(samples, build.started_at_s, 20)
    assert tuple(found) == SERVER_COLUMNS
    assert found["t_s"] == (0, 1, 3, 20)
    # Elapsed time, not the number of samples, is what CPU seconds are divided by.
    assert found["cpu_cores"] == pytest.approx((0, 1, 4, 391 / 17), abs=1e-5)
    assert found["generator_cpu_cores"] == pytest.approx((0.5, 0.5, 0.5, 0.5))
    assert found["processes"] == (1, 1, 1, 1)


def test_columns_of_a_dead_server_are_gaps_not_zeros(build: type[Build]) -> None:
    samples = build.samples(range(6), lambda t: t, lambda t: t, server_lives_until_s=2)
    found = server_columns(samples, build.started_at_s, 10)
    assert found["rss_mb"] == (50, 50, None, None, None)
    assert found["cpu_cores"] == (pytest.approx(1), pytest.approx(1), None, None, None)
    assert None not in found["generator_cpu_cores"]


# --- uptime ---


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(10, 0)] * 10, 100),
        ([(10, 0)] * 9 + [(10, 10)], 90),
        ([(10, 9)] * 10, 100),
        ([(10, 10)] * 10, 0),
        # A dead server refuses at once: errors that are no calls count the same.
        ([(10, 0)] * 5 + [(0, 40)] * 5, 50),
        # Silence, then timeouts: nobody was answered all the while.
        ([(10, 0)] * 5 + [(0, 0)] * 4 + [(3, 3)], 50),
        # Silence, then answers: the server was slow, and there.
        ([(10, 0)] * 5 + [(0, 0)] * 4 + [(3, 0)], 100),
        # Silence at the end says nothing.
        ([(10, 0)] * 5 + [(0, 0)] * 5, 100),
        ([(None, None), (10, 0)], 100),
        ([(0, 0)] * 5, None),
        ([], None),
    ],
)
def test_uptime(build: type[Build], rows: list[tuple[float, float]], expected: float | None) -> None:
    assert uptime_percent(build.load_columns(rows)) == expected
