from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from perf_core.report.notices import calls_equation, notices
from perf_core.report.wording import plain
from perf_core.results.record import Accounting, Health, RunRecord

Sample = Callable[..., RunRecord]


def lines(record: RunRecord) -> dict[str, str]:
    return {notice.label: notice.line for notice in notices(record)}


def test_run_without_anything_to_remark_has_no_notice(sample: Sample) -> None:
    assert notices(sample("load")) == ()
    assert notices(sample("empty")) == ()
    record = sample("load")
    assert record.metrics is not None
    sound = replace(
        record,
        health=Health("sound", server_wait_share=0.01),
        longest_silence_s=0.4,
        metrics=replace(record.metrics, accounting=Accounting(9, 9, 0, 0)),
    )
    assert notices(sound) == ()


def test_each_kind_has_one_line(sample: Sample) -> None:
    assert lines(sample("stalled")) == {
        "Silence": "16.5 s with calls offered and none answered. Silent: hold_20 for 16.5 s.",
        "Health": "Figures of time are only bounds. Other processes used 0.92 of 2 cores. "
        "Tasks waited for a CPU in 48 % of the time.",
        "Calls": "2,689 begun = 2,275 answered + 411 failed + 3 cut off by the end. "
        "Failed: 391 wrong answer, 20 still unanswered when the load ended.",
    }


def test_silence_of_slow_calls_is_no_fault(sample: Sample) -> None:
    (notice,) = notices(replace(sample("load"), longest_silence_s=3.2))
    assert notice.tone == "neutral"
    assert notice.line.startswith("3.2 s with calls offered")
    assert notice.line.endswith("which the latency of the calls explains.")
    assert notices(sample("stalled"))[0].tone == "bad"


def test_many_silent_stages_are_counted_after_the_longest(sample: Sample) -> None:
    record = sample("stalled")
    stages = tuple(
        replace(record.stages[1], name=f"hold_{number}", longest_silence_s=float(number))
        for number in range(1, 8)
    )
    assert lines(replace(record, stages=stages))["Silence"].endswith(
        "Silent: hold_7 for 7 s, hold_6 for 6 s, hold_5 for 5 s, hold_4 for 4 s, 3 more stages."
    )


@pytest.mark.parametrize("state", ["bounded", "invalid", "unknown"])
def test_health_that_is_not_sound_is_stated(sample: Sample, state: str) -> None:
    health = Health(state, ("k6 stood still for 4.0 s.",))
    (notice,) = notices(replace(sample("load"), health=health))
    assert notice.label == "Health"
    assert notice.line.endswith(" k6 stood still for 4.0 s.")


def test_problem_that_is_a_reason_is_not_repeated(sample: Sample) -> None:
    busy = "the machine was busy: others used 1.9 of 2 CPUs"
    record = replace(
        sample("load"),
        reasons=(f"error_rate: missed while {busy}",),
        health=Health("bounded", (busy, "k6 stood still for 0.9 s")),
    )
    assert lines(record)["Health"] == (
        "Figures of time are only bounds for a reason above. k6 stood still for 0.9 s."
    )


@pytest.mark.parametrize(
    ("accounting", "equation"),
    [
        (Accounting(10, 9, 1, 0), "10 begun = 9 answered + 1 failed"),
        (Accounting(10, 8, 0, 2), "10 begun = 8 answered + 0 failed + 2 cut off by the end"),
        (Accounting(10, 7, 1, 0), "10 begun = 7 answered + 1 failed + 2 lost by the generator"),
        (Accounting(10, 10, 1, 0), "10 begun = 10 answered + 1 failed - 1 counted twice by the generator"),
    ],
)
def test_equation_always_adds_up(accounting: Accounting, equation: str) -> None:
    assert calls_equation(accounting) == equation


def test_lost_calls_are_stated_even_without_errors(sample: Sample) -> None:
    record = sample("saturated")
    assert record.metrics is not None
    lost = replace(record.metrics, errors={}, accounting=Accounting(10, 8, 0, 0))
    (notice,) = notices(replace(record, metrics=lost))
    assert "2 lost by the generator" in notice.line
    assert notice.tone == "bad"


def test_text_of_a_record_stays_on_its_line(sample: Sample, hostile_text: str) -> None:
    for line in lines(sample("hostile")).values():
        assert "\n" not in line
        assert "\x1b" not in line
    assert plain(hostile_text)[1:] in lines(sample("hostile"))["Health"]
