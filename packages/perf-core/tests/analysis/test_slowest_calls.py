"""The slowest calls beside what the server did at the time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from perf_core.analysis.slowest_calls import PAUSE_COLUMNS, pause_columns, slow_calls
from perf_core.load.k6_events import TimedCall
from perf_core.results.record import Stop
from perf_core.results.slow_calls import ServerMeanwhile
from perf_core.sampling.pauses import PauseReading
from perf_core.sampling.sampler import Reading, Sample

START_S = 1_700_000_000.0


def call(at_s: float, duration_s: float) -> TimedCall:
    return TimedCall(at_s, duration_s, 0.0, duration_s, 0.0, "add", "hold", "", 3, "0a1b", "2c3d")


def sample(t_s: float, cpu_s: float, rss_mb: float = 50.0, wait_s: float | None = None) -> Sample:
    return Sample(START_S + t_s, Reading(rss_mb, cpu_s, 9, 2, 1, wait_s), None)


def pause(t_s: float, gc_s: float | None, lag_s: float | None, took_s: float = 0.01) -> PauseReading:
    return PauseReading(START_S + t_s, START_S + t_s + took_s, gc_s, lag_s)


def server_at(
    at_s: float,
    duration_s: float,
    samples: Sequence[Sample],
    pauses: Sequence[PauseReading] = (),
    stops: Sequence[Stop] = (),
) -> ServerMeanwhile | None:
    (slow,) = slow_calls([call(at_s, duration_s)], samples, pauses, stops, START_S)
    assert (slow.at_s, slow.end_s, slow.vu, slow.tool) == (at_s, at_s + duration_s, 3, "add")
    return slow.server


def test_use_is_that_between_the_samples_around_the_call() -> None:
    # One core is in use from 2 s to 3 s.
    samples = [sample(t / 5, min(1.0, max(0.0, t / 5 - 2)), 50 + t) for t in range(26)]
    busy = server_at(2.05, 0.5, samples)
    assert busy is not None
    assert busy.window_s == pytest.approx(0.6)
    assert busy.cpu_cores == pytest.approx(1)
    assert (busy.rss_mb, busy.rss_change_mb) == pytest.approx((63, 3))
    assert (busy.waiting_threads, busy.gc_pause_s, busy.generator_stop_s) == (None, None, 0)
    idle = server_at(3.5, 1.0, samples)
    assert idle is not None
    assert idle.cpu_cores == pytest.approx(0)


def test_threads_that_waited_for_a_cpu_are_a_mean_over_the_time() -> None:
    server = server_at(0.5, 1.0, [sample(0, 0.0, wait_s=0.0), sample(2, 0.3, wait_s=0.5)])
    assert server is not None
    assert server.waiting_threads == pytest.approx(0.25)


def test_k6_may_have_waited_for_a_cpu_itself() -> None:
    samples = [Sample(START_S + t, None, Reading(90, 1.0, 9, 8, 1, 0.5 * t)) for t in (0, 2)]
    server = server_at(0.5, 1.0, samples)
    assert server is not None
    assert (server.generator_waiting_threads, server.cpu_cores) == (0.5, None)


def test_pauses_are_those_between_readings_before_and_after_the_call() -> None:
    samples = [sample(0, 0.0), sample(5, 1.0)]
    pauses = [pause(0, 0.1, 1.0), pause(1, 0.1, 1.01), pause(2, 0.4, 2.0, took_s=0.9), pause(3, 0.5, 2.2)]
    server = server_at(1.2, 1.0, samples, pauses)
    assert server is not None
    # The reading that was asked for at 2 s began before the call ended.
    assert server.pauses_window_s == pytest.approx(2.0)
    assert server.gc_pause_s == pytest.approx(0.4)
    assert server.loop_lag_s == pytest.approx(1.19)


@pytest.mark.parametrize(
    "pauses",
    [
        [],
        [pause(0, 0.1, None)],
        [pause(3, 0.1, 0.2), pause(4, 0.1, 0.2)],
        [pause(0, 0.1, 0.2), pause(1, 0.1, 0.2)],
    ],
)
def test_nothing_is_said_of_pauses_without_readings_on_both_sides(pauses: list[PauseReading]) -> None:
    server = server_at(1.2, 1.0, [sample(0, 0.0), sample(5, 1.0)], pauses)
    assert server is not None
    assert (server.pauses_window_s, server.gc_pause_s, server.loop_lag_s) == (None, None, None)


def test_counts_of_a_restarted_server_and_of_one_pause_alone() -> None:
    samples = [sample(0, 0.0), sample(5, 1.0)]
    server = server_at(1.2, 1.0, samples, [pause(0, 3.0, None), pause(3, 0.1, None)])
    assert server is not None
    assert (server.gc_pause_s, server.loop_lag_s) == (None, None)


def test_times_in_which_k6_stood_still_are_those_within_the_call() -> None:
    stops = [Stop(0.5, 1.3), Stop(1.9, 2.0), Stop(9, 10)]
    server = server_at(1.0, 1.0, [sample(0, 0.0), sample(5, 1.0)], stops=stops)
    assert server is not None
    assert server.generator_stop_s == pytest.approx(0.4)


def test_server_that_is_not_visible_or_has_ended_has_no_use() -> None:
    unseen = [Sample(START_S, None, None), Sample(START_S + 5, None, None)]
    gone = [sample(0, 1.0), Sample(START_S + 5, Reading(0, 1.0, 0, 0, 0), None)]
    for samples in (unseen, gone):
        server = server_at(1.0, 1.0, samples)
        assert server is not None
        assert (server.cpu_cores, server.rss_mb, server.waiting_threads) == (None, None, None)
    assert server_at(1.0, 1.0, []) is None
    assert server_at(1.0, 1.0, [sample(0, 0.0)]) is None


def test_call_after_the_last_sample_has_the_last_ones() -> None:
    server = server_at(4.5, 3.0, [sample(0, 0.0), sample(4, 0.0), sample(5, 0.5)])
    assert server is not None
    assert (server.window_s, server.cpu_cores) == pytest.approx((1.0, 0.5))


def test_rows_between_two_readings_have_the_rate_of_their_pauses() -> None:
    pauses = [pause(0, 0.0, 1.0, 0), pause(1, 0.1, 1.0, 0), pause(3, 0.1, 2.0, 0)]
    columns = pause_columns((-0.5, 0.4, 1.0, 1.2, 3.0, 3.2, None), pauses, START_S)
    assert tuple(columns) == PAUSE_COLUMNS
    assert columns["gc_pause_ms_per_s"] == pytest.approx((None, 100, 100, 0, 0, None, None))
    assert columns["loop_lag_ms_per_s"] == pytest.approx((None, 0, 0, 500, 500, None, None))


def test_columns_without_readings_are_empty() -> None:
    assert pause_columns((0.1,), [pause(0, 0.0, 1.0)], START_S) == dict.fromkeys(PAUSE_COLUMNS, (None,))
