"""Resource use of the bridge over the load, and processes of the server that ended by themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from perf_core.analysis.bridge_use import (
    BridgeObservations,
    after_starts,
    bridge_use,
    end_failures,
    repetition_failures,
    use_since_start,
)
from perf_core.analysis.k6_summary import Window
from perf_core.sampling.sampler import Reading
from perf_core.server.bridge.cost import BridgeCost
from perf_core.server.bridge.pages import BridgeCounts, End

if TYPE_CHECKING:
    from conftest import Build

EARLIER = End(1, 11, "ended with exit code 1", "")
CRASH = End(3, 33, "ended with exit code 3", "Traceback\n  the reactor is cold\n")
BEFORE = BridgeCounts(
    cpu_s=1.0, requests=500, started=4, ended=1, ends=(EARLIER,), notifications={"notifications/message": 2}
)
AFTER = replace(
    BEFORE,
    cpu_s=1.06,
    requests=2500,
    started=14,
    ended=2,
    ends=(EARLIER, CRASH),
    late_answers=3,
    repeated_answers=2,
    skipped_lines=5,
    first_skipped_line="hello",
    notifications={"notifications/message": 2, "notifications/progress": 7},
    server_requests={"ping": 1},
)
COST = BridgeCost(400, 130.0, 50.0, 61.0)
OBSERVED = BridgeObservations(COST, BEFORE, AFTER)


def test_use_is_that_of_the_load_alone(build: type[Build]) -> None:
    samples = [
        replace(sample, bridge=Reading(20.0 + number, 0.0, 0, 0, 1))
        for number, sample in enumerate(build.samples(range(10)))
    ]
    use = bridge_use(OBSERVED, samples, Window(build.started_at_s + 2, build.started_at_s + 5))
    assert use.requests == 2000
    assert use.cpu_us_per_request == pytest.approx(30.0)
    assert use.rss_peak_mb == 25.0
    assert (use.echo_calls, use.echo_p50_us, use.direct_p50_us, use.echo_cpu_us) == (400, 130, 50, 61)
    assert (use.started, use.ended, use.late_answers, use.repeated_answers) == (10, 1, 3, 2)
    assert use.notifications == {"notifications/progress": 7}
    assert use.server_requests == {"ping": 1}
    assert (use.skipped_lines, use.first_skipped_line) == (5, "hello")
    assert "the reactor is cold" in use.first_end


def test_bridge_that_no_longer_answers_has_no_figures() -> None:
    use = bridge_use(BridgeObservations(None, BEFORE, None), (), Window(0, 1))
    assert (use.requests, use.cpu_us_per_request, use.echo_calls, use.ended) == (0, 0.0, 0, 0)


def test_process_that_ended_by_itself_is_a_failure_with_its_reason() -> None:
    (failure,) = end_failures(OBSERVED)
    assert failure.startswith(
        "a process of the server ended without being asked to; the first ended with exit"
    )
    assert "Traceback / the reactor is cold" in failure


def test_second_answer_to_a_request_is_a_failure() -> None:
    (failure,) = repetition_failures(OBSERVED)
    assert failure.startswith("the server sent 2 further answers to requests that it had answered")
    (one,) = repetition_failures(replace(OBSERVED, after=replace(AFTER, repeated_answers=1)))
    assert one.startswith("the server sent a second answer")
    assert repetition_failures(None) == []
    assert repetition_failures(BridgeObservations(COST, AFTER, AFTER)) == [], "before the load"
    assert repetition_failures(BridgeObservations(COST, BEFORE, None)) == []


def test_use_since_the_start_counts_everything() -> None:
    use = use_since_start(AFTER)
    assert (use.requests, use.ended, use.skipped_lines, use.repeated_answers) == (2500, 2, 5, 2)


def test_process_that_the_lab_killed_is_none() -> None:
    assert end_failures(OBSERVED, killed={33}) == []
    assert bridge_use(OBSERVED, (), Window(0, 1), killed={33}).ended == 0


def test_server_that_keeps_its_processes_does_not_fail() -> None:
    assert end_failures(None) == []
    assert end_failures(BridgeObservations(COST, BEFORE, BEFORE)) == []
    assert end_failures(BridgeObservations(COST, BEFORE, None)) == []


def test_further_ends_are_counted_although_only_some_are_kept() -> None:
    many = replace(AFTER, ended=40)
    (failure,) = end_failures(BridgeObservations(COST, BEFORE, many))
    assert failure.startswith("39 processes of the server")


def test_time_in_which_processes_start_is_no_constant_load(build: type[Build]) -> None:
    start = build.started_at_s
    samples = [
        replace(sample, server=Reading(10.0, 0.0, 0, 0, processes))
        for sample, processes in zip(build.samples(range(10)), [0, 1, 3, 4, 4, 4, 3, 4, 4, 4], strict=True)
    ]
    whole = Window(start, start + 9)
    assert after_starts([whole], samples, 2.0) == (Window(start + 5, start + 9),)
    assert after_starts([whole], samples, 20.0) == (), "all of it was the start"
    late = Window(start + 6.5, start + 9)
    assert after_starts([whole, late], samples, 0.5) == (
        Window(start + 3.5, start + 9),
        Window(start + 7.5, start + 9),
    )


def test_server_without_visible_processes_has_its_spans_unchanged(build: type[Build]) -> None:
    span = Window(build.started_at_s, build.started_at_s + 9)
    assert after_starts([span], build.samples(range(10)), 2.0) == (span,)
