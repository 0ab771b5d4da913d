"""Silences of a server, from the periods of k6's recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_core.analysis.series import Period
from perf_core.analysis.silence import (
    Silence,
    certainly_silent,
    limit_s,
    silences,
    silent_times,
    with_silence,
)
from perf_core.results.record import Latency

if TYPE_CHECKING:
    from conftest import Build

BEGAN_S = 1_700_000_000.0
PERIOD_S = 0.2


def periods(
    answers: Sequence[int], *, longest_ms: float = 5.0, errors: int = 0, shortest_ms: float = 1.0
) -> list[Period]:
    """Return a recording with these numbers of requests per period."""
    return [
        Period(
            BEGAN_S + number * PERIOD_S,
            {
                "time": {"value": 0.0},
                **(
                    {"http_reqs": {"count": count}, "mcp_tool_call_duration_ms": {"max": longest_ms}}
                    if count
                    else {}
                ),
                **(
                    {"mcp_errors": {"count": errors}, "http_req_duration": {"min": shortest_ms}}
                    if count
                    else {}
                ),
            },
        )
        for number, count in enumerate(answers, 1)
    ]


def found(build: type[Build], recording: Sequence[Period], until_s: float = 4.0) -> tuple[Silence, ...]:
    stages = [build.stage("hold_10", start_s=0.0, end_s=until_s)]
    return silences(
        recording, stages, started_at_s=BEGAN_S, until_s=until_s, period_s=PERIOD_S, timeout_s=30.0
    )


def test_steady_answers_have_no_silence(build: type[Build]) -> None:
    assert found(build, periods([50] * 20)) == ()
    # One empty period is within the resolution.
    assert found(build, periods([50] * 5 + [0] + [50] * 14)) == ()


def test_freeze_is_as_long_as_the_wait_of_the_call_that_ends_it(build: type[Build]) -> None:
    recording = periods([50] * 5 + [0] * 9 + [50] * 6)
    recording[14] = periods([50], longest_ms=2000.0)[0]
    recording[14] = Period(BEGAN_S + 15 * PERIOD_S, recording[14].metrics)
    (freeze,) = found(build, recording)
    assert freeze.length_s == pytest.approx(2.0)
    assert freeze.start_s == pytest.approx(0.9)


def test_silence_until_the_end_of_the_load_is_trailing(build: type[Build]) -> None:
    # k6 records on while it waits for answers, which is no load any more.
    assert found(build, periods([50] * 5 + [0] * 100)) == (Silence(1.0, 4.0),)


def test_calls_that_time_out_are_no_answers(build: type[Build]) -> None:
    timed_out = periods([3], errors=3, shortest_ms=29_990.0)[0].metrics
    recording = periods([50] * 5 + [0] * 15)
    recording[10] = Period(recording[10].end_s, timed_out)
    assert found(build, recording) == (Silence(1.0, 4.0),)
    answered = periods([3], errors=3, shortest_ms=1.0)[0].metrics
    recording[10] = Period(recording[10].end_s, {**answered, "http_req_waiting": {"max": 0.8}})
    assert len(found(build, recording)) == 2
    recording[10] = Period(recording[10].end_s, {**answered, "http_req_waiting": {"max": 0.0}})
    assert found(build, recording) == (Silence(1.0, 4.0),), "refused connections are no answers"


def test_time_for_which_k6_stood_still_is_not_the_servers(build: type[Build]) -> None:
    recording = periods([50] * 20)
    stopped = [replace(p, end_s=p.end_s + 3.0) if number >= 5 else p for number, p in enumerate(recording)]
    assert found(build, stopped, 7.0) == ()


def test_nothing_is_offered_before_the_first_and_after_the_last_user(build: type[Build]) -> None:
    stages = [
        build.stage("ramp_1", 0.0, 2.0),
        build.stage("hold_1", 2.0, 3.0),
        build.stage("ramp_0", 3.0, 4.0),
    ]
    recording = periods([0] * 10 + [5] * 5 + [0] * 5)
    arguments = {"started_at_s": BEGAN_S, "until_s": 4.0, "period_s": PERIOD_S, "timeout_s": 30.0}
    assert silences(recording, stages, **arguments) == ()


@given(answers=st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_silences_lie_within_the_load_and_do_not_overlap(build: type[Build], answers: list[int]) -> None:
    until_s = len(answers) * PERIOD_S
    all_found = found(build, periods(answers), until_s)
    ends = [0.0]
    for silence in all_found:
        assert ends[-1] <= silence.start_s + 1e-6
        assert silence.end_s <= until_s + 1e-6
        ends.append(silence.end_s)
    empty_s = sum(count == 0 for count in answers) * PERIOD_S
    assert sum(each.length_s for each in all_found) <= empty_s + 1e-6


def test_slow_calls_pauses_and_a_low_rate_explain_a_silence(build: type[Build]) -> None:
    stage = build.stage("hold_10")
    # The 90th percentile is 0.8 times the 95th here.
    slow = {"all": build.latency(1.0), "export": build.latency(2500.0)}
    assert limit_s(stage, {}, 0.0) == 1.0
    assert limit_s(stage, slow, 0.0) == pytest.approx(6.0)
    assert limit_s(stage, slow, 4.0) == pytest.approx(10.0)
    assert limit_s(replace(stage, rate_per_s=0.5), {}, 0.0) == pytest.approx(10.0)


def test_calls_that_a_stall_delayed_do_not_explain_it_where_calls_keep_arriving(build: type[Build]) -> None:
    stalled = Latency(800, min=8, avg=330, med=10, p90=1200, p95=1400, p99=1480, max=1500)
    latency_ms = {"all": stalled, "add": stalled}
    stage = build.stage("hold_10")
    assert limit_s(stage, latency_ms, 0.0) == pytest.approx(3.6)
    assert limit_s(replace(stage, rate_per_s=100.0), latency_ms, 0.0) == 1.0
    assert limit_s(replace(stage, rate_per_s=10.0), latency_ms, 0.0) == 2.0
    # Of few calls all may be slow ones.
    assert limit_s(replace(stage, rate_per_s=1.0), latency_ms, 0.0) == 5.0


def test_calls_without_an_answer_do_not_excuse_a_silence(build: type[Build]) -> None:
    hung = replace(build.latency(60_000.0, count=5), lower_bounds=5)
    assert limit_s(build.stage("hold_10"), {"add": hung}, 0.0) == 1.0
    slow = replace(build.latency(2500.0, count=1000), lower_bounds=5)
    assert limit_s(build.stage("hold_10"), {"add": slow}, 0.0) == pytest.approx(6.0)


def test_only_judged_stages_are_silent(build: type[Build]) -> None:
    stages = [
        build.stage("ramp_10", 0.0, 5.0),
        build.stage("hold_10", start_s=5.0, end_s=20.0),
        build.stage("hold_20", start_s=20.0, end_s=30.0),
    ]
    all_found = [Silence(1.0, 4.0), Silence(17.5, 20.05), Silence(25.0, 25.6)]
    judged = with_silence(stages, all_found, {}, think_time_s=0.0, period_s=PERIOD_S)
    assert [(stage.longest_silence_s, stage.is_silent) for stage in judged] == [
        (0.0, False),
        (2.55, True),
        (0.6, False),
    ]
    assert silent_times(judged, all_found) == ((17.5, 20.05),)


@pytest.mark.parametrize(
    ("kept_s", "expected"),
    [
        (0.0, {"hold_10"}),
        (1.4, {"hold_10"}),
        (1.6, frozenset()),
        (None, frozenset()),
    ],
)
def test_silence_is_certain_if_it_is_too_long_without_the_time_lost_to_others(
    build: type[Build], kept_s: float | None, expected: set[str]
) -> None:
    stages = [
        build.stage("hold_10", start_s=0.0, end_s=20.0),
        build.stage("hold_20", start_s=20.0, end_s=30.0),
    ]
    all_found = [Silence(5.0, 7.5), Silence(25.0, 25.6)]
    judged = with_silence(stages, all_found, {}, think_time_s=0.0, period_s=PERIOD_S)
    certain = certainly_silent(judged, all_found, {}, lambda _: kept_s, think_time_s=0.0, period_s=PERIOD_S)
    assert certain == expected
