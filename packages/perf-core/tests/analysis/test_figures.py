"""Names and values of figures, and the reasons for absent ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from perf_core.analysis.figures import Figure, figures
from perf_core.analysis.k6_summary import ERROR_CLASSES
from perf_core.results.record import Latency, MemoryTrend, ServerUse, Trend

if TYPE_CHECKING:
    from conftest import Build

SERVER = ServerUse(
    rss_mb=MemoryTrend(50.0, 80.0, 70.0, 2.5, (2.0, 3.0)),
    cpu_s=2.0,
    cpu_us_per_call=400.0,
    fds=Trend(9, 12, 9),
    threads=Trend(3, 3, 3),
    processes=1,
)


def figures_of(build: type[Build], *, server: ServerUse | None = SERVER, **changes: Any) -> dict[str, Figure]:
    reached = [build.stage("ramp_10", 0, 5), build.stage("hold_10", 5, 25, p95=30.0, calls=400)]
    values: dict[str, Any] = {
        "planned_stages": ["ramp_10", "hold_10", "hold_20"],
        "sessions_left": None,
        "uptime_percent": 99.5,
        **changes,
    }
    metrics = values.pop("metrics", build.metrics())
    return figures(metrics, reached, server=server, **values)


@pytest.mark.parametrize(
    ("name", "value", "samples", "duration_s"),
    [
        ("tool_calls_per_s", 100.0, 1000, 20),
        ("tool_calls_per_s@hold_10", 20.0, 400, 20),
        ("tool_calls_per_s@ramp_10", 200.0, 1000, 5),
        ("error_rate", 0.0, 1000, 20),
        ("error_rate@hold_10", 0.0, 400, 20),
        ("errors.wrong_answer", 0, 1000, 20),
        ("latency_ms.all.p95", 10.0, 1000, 20),
        ("latency_ms.add.max", 30.0, 1000, 20),
        ("latency_ms.all.p95@hold_10", 30.0, 400, 20),
        ("session_creation_ms.p95", 20.0, 10, 20),
        ("server.rss_peak_mb", 80.0, 1, 20),
        ("server.rss_slope_mb_per_h", 2.5, 1, 20),
        ("server.cpu_us_per_call", 400.0, 1000, 20),
        ("server.uptime_percent", 99.5, 1000, 20),
        ("sessions_left", 0, 10, 20),
    ],
)
def test_figure_with_its_samples_and_duration(
    build: type[Build], name: str, value: float, samples: int, duration_s: float
) -> None:
    figure = figures_of(build)[name]
    assert (figure.value, figure.samples, figure.duration_s) == (value, samples, duration_s)
    assert figure.absent == ""


def test_every_statistic_of_a_latency_has_a_figure(build: type[Build]) -> None:
    names = {name.rpartition(".")[2] for name in figures_of(build) if name.startswith("latency_ms.add.")}
    assert names == {"min", "avg", "med", "p90", "p95", "p99", "max"}


def test_journeys_and_methods_have_figures(build: type[Build]) -> None:
    metrics = build.metrics(
        journey_ms={"buy": build.latency(50.0)}, protocol_ms={"tools/list": build.latency(4.0)}
    )
    all_figures = figures_of(build, metrics=metrics)
    assert all_figures["journey_ms.buy.p95"].value == 50.0
    assert all_figures["protocol_ms.tools/list.med"].value == 2.0


# --- absent figures ---


def test_unreached_stage_gives_its_reason(build: type[Build]) -> None:
    for name in ("tool_calls_per_s", "error_rate", "latency_ms.all.p95"):
        figure = figures_of(build)[f"{name}@hold_20"]
        assert figure.value is None
        assert "before stage hold_20" in figure.absent


def test_stateless_wire_has_no_sessions_to_measure(build: type[Build]) -> None:
    all_figures = figures_of(build, metrics=build.metrics(session_creation_ms=None), sessions_left=4)
    for name in ("session_creation_ms.p95", "sessions_left"):
        assert all_figures[name].value is None
        assert all_figures[name].absent == "this wire has no sessions"


def test_invisible_server_lacks_only_the_figures_of_its_process(build: type[Build]) -> None:
    all_figures = figures_of(build, server=None, sessions_left=2)
    for name in ("rss_peak_mb", "rss_slope_mb_per_h", "cpu_us_per_call"):
        assert all_figures[f"server.{name}"].value is None
        assert "not visible" in all_figures[f"server.{name}"].absent
    # These are measured from outside.
    assert all_figures["server.uptime_percent"].value == 99.5
    assert all_figures["sessions_left"].value == 2


def test_slope_with_too_few_samples_gives_its_reason(build: type[Build]) -> None:
    server = replace(SERVER, rss_mb=MemoryTrend(50.0, 80.0, 70.0))
    figure = figures_of(build, server=server)["server.rss_slope_mb_per_h"]
    assert figure.value is None
    assert "too few" in figure.absent


def test_slopes_have_their_lower_ends(build: type[Build]) -> None:
    trend = Trend(9, 12, 12, 6.0, (-1.5, 9.0))
    all_figures = figures_of(build, server=replace(SERVER, fds=trend, threads=trend, sessions=trend))
    assert all_figures["server.rss_growth_lower_mb_per_5_min"].value == pytest.approx(2.0 / 12)
    for counted in ("fds", "threads", "sessions"):
        assert all_figures[f"server.{counted}_slope_per_h"].value == 6.0
        assert all_figures[f"server.{counted}_slope_lower_per_h"].value == -1.5


def test_missing_slopes_give_their_reasons(build: type[Build]) -> None:
    all_figures = figures_of(build)
    assert all_figures["server.fds_slope_lower_per_h"].absent == "too few samples for a slope"
    reason = "the server does not report its open sessions"
    assert all_figures["server.sessions_slope_per_h"].absent == reason


def test_missing_measurement_has_no_reason(build: type[Build]) -> None:
    nothing = build.latency(count=0)
    metrics = build.metrics(
        tool_calls=0, latency_ms={"all": nothing, "add": nothing}, session_creation_ms=nothing
    )
    all_figures = figures_of(build, metrics=metrics, uptime_percent=None)
    for name in ("latency_ms.add.p95", "session_creation_ms.p95", "error_rate", "server.uptime_percent"):
        assert all_figures[name].value is None, name
        assert all_figures[name].absent == "", name


# --- sessions left ---


@pytest.mark.parametrize(
    ("reported", "opened", "closed", "left"),
    [(None, 10, 10, 0), (None, 10, 7, 3), (None, 7, 10, 0), (5, 10, 10, 5), (0, 10, 2, 0)],
)
def test_sessions_left_are_those_the_server_reports_or_else_those_not_deleted(
    build: type[Build], reported: int | None, opened: int, closed: int, left: int
) -> None:
    metrics = build.metrics(sessions_opened=opened, sessions_closed=closed)
    assert figures_of(build, metrics=metrics, sessions_left=reported)["sessions_left"].value == left


def test_sessions_that_the_server_lost_are_not_left(build: type[Build]) -> None:
    metrics = build.metrics(sessions_opened=10, sessions_closed=6, sessions_lost=3)
    assert figures_of(build, metrics=metrics, sessions_left=None)["sessions_left"].value == 1


@pytest.mark.parametrize(
    ("unanswered", "is_bound"), [(0, False), (1, False), (10, False), (11, True), (500, True)]
)
def test_average_of_many_unanswered_calls_is_only_a_lower_bound(
    build: type[Build], unanswered: int, is_bound: bool
) -> None:
    latency = Latency(10_000, 1, 8, 5, 8, 15, 30, 30_000, lower_bounds=unanswered)
    metrics = build.metrics(latency_ms={"all": latency})
    assert figures_of(build, metrics=metrics)["latency_ms.all.avg"].beyond is is_bound


# --- effect of a slow generator ---


def test_slow_generator_affects_times_but_not_states(build: type[Build]) -> None:
    all_figures = figures_of(build)
    timed = {name for name, figure in all_figures.items() if figure.timed}
    assert {
        "latency_ms.all.p95",
        "tool_calls_per_s@hold_10",
        "session_creation_ms.p95",
        "errors.timeout",
    } <= timed
    assert timed.isdisjoint(
        {
            "sessions_left",
            "errors.wrong_answer",
            "errors.is_error",
            "server.rss_peak_mb",
            "server.rss_slope_mb_per_h",
            "server.cpu_us_per_call",
        }
    )
    assert {f"errors.{name}" for name in ERROR_CLASSES} <= set(all_figures)


@pytest.mark.parametrize(
    ("errors", "timed"),
    [
        ({}, False),
        ({"wrong_answer": 3}, False),
        ({"timeout": 1}, True),
        ({"wrong_answer": 3, "unanswered": 1}, True),
        ({"transport": 1}, False),
    ],
)
def test_error_rate_depends_on_time_when_timed_errors_are_in_it(
    build: type[Build], errors: dict[str, int], timed: bool
) -> None:
    all_figures = figures_of(build, metrics=build.metrics(errors=errors, error_rate=0.01))
    assert all_figures["error_rate"].timed is timed
    assert all_figures["error_rate@hold_10"].timed is timed


# --- calls without an answer ---


def test_percentile_that_reports_mark_as_a_bound_is_one_for_targets(build: type[Build]) -> None:
    # k6 takes the p95 of 100 calls from the 95th and the 96th, which nobody answered.
    latency = Latency(100, 1, 80, 5, 8, 1509, 30_000, 30_000, lower_bounds=5)
    all_figures = figures_of(build, metrics=build.metrics(latency_ms={"all": latency}))
    assert {
        statistic
        for statistic in ("min", "avg", "med", "p90", "p95", "p99", "max")
        if all_figures[f"latency_ms.all.{statistic}"].beyond
    } == {"avg", "p95", "p99", "max"}


def test_errors_that_no_slow_generator_causes_are_known_apart(build: type[Build]) -> None:
    metrics = replace(build.metrics(), error_rate=0.1, errors={"wrong_answer": 75, "timeout": 25})
    all_figures = figures_of(build, metrics=metrics)
    assert all_figures["error_rate"].sure == pytest.approx(0.075)
    assert all_figures["success_percent"].sure == pytest.approx(92.5)
    assert all_figures["failed_calls"].sure == pytest.approx(75)


def test_timed_errors_of_a_stage_are_at_most_those_of_the_run(build: type[Build]) -> None:
    stages = [
        build.stage("hold_10", error_rate=0.5),
        build.stage("hold_20", 10, 20, calls=10, error_rate=0.5),
    ]
    metrics = build.metrics(tool_calls=1010, error_rate=0.5, errors={"wrong_answer": 495, "timeout": 10})
    all_figures = figures(metrics, stages, [], SERVER, sessions_left=None, uptime_percent=99.5)
    assert all_figures["error_rate@hold_10"].sure == pytest.approx(0.49)
    assert all_figures["error_rate@hold_20"].sure == 0.0
