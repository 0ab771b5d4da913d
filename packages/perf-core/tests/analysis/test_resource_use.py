"""Resource use of the server and of k6, from samples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from perf_core.analysis.k6_summary import Window
from perf_core.analysis.resource_use import (
    SERVER_COLUMNS,
    constant_loads,
    generator_use,
    saturated_periods,
    server_columns,
    server_use,
)
from perf_core.results.record import ServerUse
from perf_core.sampling.sampler import Sample
from perf_core.sampling.session_count import SessionCount

if TYPE_CHECKING:
    from conftest import Build


# --- resource use of the server ---


def windows(build: type[Build], held: tuple[float, float] = (5, 20)) -> tuple[Window, Window]:
    start_s = build.started_at_s
    return Window(start_s, start_s + 20), Window(start_s + held[0], start_s + held[1])


def test_server_use_covers_only_the_load(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(-5, 30), server_cpu_s=lambda t: 100 + t, rss_mb=lambda t: 50 + t)
    result = server_use(samples, load, [held], 1000, sessions_left=3, uptime_percent=99.0)
    assert result is not None
    # Until the last sample: the last calls ended after the load.
    assert result.cpu_s == pytest.approx(29)
    assert result.cpu_us_per_call == pytest.approx(29_000)
    assert (result.rss_mb.start, result.rss_mb.peak, result.rss_mb.end) == (50, 70, 70)
    assert (result.fds.peak, result.threads.peak, result.processes) == (10, 4, 1)
    assert (result.sessions_left, result.uptime_percent) == (3, 99.0)


def test_cpu_time_covers_the_whole_load_between_samples(build: type[Build]) -> None:
    load, held = windows(build)
    # Half a core during the load only; the samples in it span 18 of its 20 s.
    samples = build.samples([-1, 1, 10, 19, 21], lambda t: 0.5 * min(max(t, 0), 20))
    result = server_use(samples, load, [held], 1000, sessions_left=None, uptime_percent=None)
    assert result is not None
    assert result.cpu_s == pytest.approx(10, rel=0.06)
    assert result.cpu_s > 9.4


def test_memory_slope_is_per_hour_and_only_over_the_holds(build: type[Build]) -> None:
    load, held = windows(build)
    # 100 MB on the ramp, then 1 MB in 10 s.
    samples = build.samples(range(21), lambda t: t, rss_mb=lambda t: 50 + min(t, 5) * 20 + max(t - 5, 0) / 10)
    result = server_use(samples, load, [held], 1000, sessions_left=None, uptime_percent=None)
    assert result is not None
    assert result.rss_mb.slope_mb_per_h == pytest.approx(360)
    assert result.rss_mb.slope_interval == pytest.approx((360, 360))


def test_too_few_samples_give_no_memory_slope(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(0, 21, 4), lambda t: t)
    result = server_use(samples, load, [held], 1000, sessions_left=None, uptime_percent=None)
    assert result is not None
    assert result.rss_mb.slope_mb_per_h is None
    assert result.rss_mb.slope_interval is None


def test_memory_of_a_server_that_died_ends_with_its_last_sample(build: type[Build]) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), lambda t: t, server_lives_until_s=12)
    result = server_use(samples, load, [held], 1000, sessions_left=None, uptime_percent=None)
    assert result is not None
    assert result.rss_mb.end == 50
    assert result.cpu_s == pytest.approx(12)


@pytest.mark.parametrize("lives_until_s", [-1.0, 0.0], ids=["dead before", "seen once"])
def test_server_without_samples_during_the_load_has_no_use(build: type[Build], lives_until_s: float) -> None:
    load, held = windows(build)
    samples = build.samples(range(21), lambda t: t, server_lives_until_s=lives_until_s)
    assert server_use(samples, load, [held], 10, sessions_left=None, uptime_percent=None) is None
    assert (
        server_use(build.samples(range(21)), load, [held], 10, sessions_left=None, uptime_percent=None)
        is None
    )


def test_no_calls_give_no_cpu_per_call(build: type[Build]) -> None:
    load, held = windows(build)
    result = server_use(
        build.samples(range(21), lambda t: t), load, [held], 0, sessions_left=None, uptime_percent=None
    )
    assert result is not None
    assert result.cpu_us_per_call == 0


# --- slopes ---


def with_readings(samples: tuple[Sample, ...], **changes: Any) -> tuple[Sample, ...]:
    """Return samples of which readings of the server are functions of their time in the load."""
    start_s = samples[0].at_s
    return tuple(
        replace(s, server=replace(s.server, **{name: of(s.at_s - start_s) for name, of in changes.items()}))
        if s.server
        else s
        for s in samples
    )


def use(
    build: type[Build], samples: tuple[Sample, ...], *spans: tuple[float, float], **more: Any
) -> ServerUse:
    start_s = build.started_at_s
    windows = [Window(start_s + a, start_s + b) for a, b in spans]
    load = Window(start_s, start_s + 1000)
    result = server_use(samples, load, windows, 1000, sessions_left=None, uptime_percent=None, **more)
    assert result is not None
    return result


def test_memory_for_each_session_is_no_leak(build: type[Build]) -> None:
    # 3 MB for each of 50 users, then of 100: the ramps between the holds were told as +964 MB/h.
    users = lambda t: min(50.0, t / 2) if t < 400 else min(100.0, 50 + (t - 400) / 2)  # noqa: E731
    samples = build.samples(range(801), lambda t: t, rss_mb=lambda t: 60 + 3 * users(t))
    result = use(build, samples, (100, 400), (500, 800))
    assert result.rss_mb.slope_mb_per_h == 0
    assert result.rss_mb.slope_interval == (0, 0)


def test_leaks_of_files_threads_and_sessions_have_slopes(build: type[Build]) -> None:
    samples = build.samples(range(601), lambda t: t)
    samples = with_readings(samples, fds=lambda t: 20 + int(t / 10), threads=lambda t: 4 + int(t / 60))
    counts = [SessionCount(build.started_at_s + t, 50 + int(t / 30)) for t in range(0, 601, 3)]
    result = use(build, samples, (0, 600), session_counts=counts)
    for trend, per_h in ((result.fds, 360), (result.threads, 60), (result.sessions, 120)):
        assert trend is not None
        assert trend.slope_per_h == pytest.approx(per_h, rel=0.05)
        assert trend.slope_interval is not None
        assert trend.slope_interval[0] > 0.5 * per_h
    assert result.sessions is not None
    assert (result.sessions.start, result.sessions.peak, result.sessions.end) == (50, 70, 70)


def test_steady_files_and_threads_have_a_slope_of_zero(build: type[Build]) -> None:
    result = use(build, build.samples(range(601), lambda t: t), (0, 600))
    assert (result.fds.slope_per_h, result.fds.slope_interval) == (0, (0, 0))
    assert (result.threads.slope_per_h, result.threads.slope_interval) == (0, (0, 0))
    assert result.sessions is None


def test_files_of_connections_that_a_ramp_opens_are_no_slope(build: type[Build]) -> None:
    samples = with_readings(
        build.samples(range(801), lambda t: t), fds=lambda t: 20 + (50 if t < 400 else 100)
    )
    assert use(build, samples, (100, 399), (500, 800)).fds.slope_interval == (0, 0)


def test_constant_loads_leave_out_ramps_and_join_adjoining_stages_of_one_level(build: type[Build]) -> None:
    night = [replace(build.stage(f"hour_{n}", 25.0 * n, 25.0 * n + 25), kind="hold") for n in range(4)]
    day = replace(build.stage("hour_4", 100, 125), kind="hold", rate_per_s=10.0)
    ramp, later = build.stage("ramp_10", 125, 130), replace(build.stage("hour_5", 130, 140), kind="hold")
    spans = constant_loads([*night, day, ramp, later], ("mix",), 1000.0)
    assert [(span.start_s, span.end_s) for span in spans] == [(1000, 1100), (1100, 1125), (1130, 1140)]


def test_stages_that_call_different_tools_are_different_loads(build: type[Build]) -> None:
    tools = [replace(build.stage(name, 10.0 * i, 10.0 * i + 10), kind="hold") for i, name in enumerate("ab")]
    assert len(constant_loads(tools, ("mix", "a", "b"), 0.0)) == 2


# --- resource use of the generator, and saturation ---


def test_periods_in_which_the_generator_was_saturated_are_known(build: type[Build]) -> None:
    # k6 uses 1.8 of 2 cores from 10 s on.
    samples = build.samples(range(21), lambda t: 0.1 * t, lambda t: 0.2 * t + 1.6 * max(0, t - 10))
    saturated = saturated_periods(samples, range(1, 21), build.started_at_s, cpus=2, pinned=False)
    assert saturated == (*[False] * 10, *[True] * 10)
    assert saturated_periods((), [1.0, None], build.started_at_s, cpus=2, pinned=False) == (False, False)


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


def test_cpu_time_of_the_generator_covers_the_whole_load_between_samples(build: type[Build]) -> None:
    load, held = windows(build)
    # Half a core during the load only; the samples in it span 18 of its 20 s.
    samples = build.samples([-1, 1, 10, 19, 21], None, lambda t: 0.5 * min(max(t, 0), 20))
    result = generator_use(
        samples, load, held, 1000, cpus=2, pinned=False, dropped=0, iterations=1000, exit_code=0
    )
    assert result.cpu_s == pytest.approx(10, rel=0.06)
    assert result.cpu_s > 9.4


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


def test_sessions_are_in_the_row_of_the_next_sample(build: type[Build]) -> None:
    counts = [SessionCount(build.started_at_s + t, n) for t, n in ((0.5, 3), (2.1, 4), (2.9, 5), (9, 6))]
    result = server_columns(
        build.samples(range(5), lambda t: t), build.started_at_s, 10, session_counts=counts
    )
    assert result["sessions"] == (3, None, 5, None)


def test_columns_of_a_dead_server_are_gaps_not_zeros(build: type[Build]) -> None:
    samples = build.samples(range(6), lambda t: t, lambda t: t, server_lives_until_s=2)
    result = server_columns(samples, build.started_at_s, 10)
    assert result["rss_mb"] == (50, 50, None, None, None)
    assert result["cpu_cores"] == (pytest.approx(1), pytest.approx(1), None, None, None)
    assert None not in result["generator_cpu_cores"]
