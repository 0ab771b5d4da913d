"""Figures of slices from made-up summaries and readings of which every number is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from perf_core.cpu_log import CpuReading
from perf_core.measurements import Summary
from perf_core.slice_figures import figures_of
from perf_core.slices import Slice

T0 = 1_700_000_000.0
SCHEDULE = (
    Slice("warmup_a", "a", 0, 0.0, 1.0),
    Slice("warmup_b", "b", 0, 1.1, 2.1),
    Slice("pair_1_b", "b", 1, 2.2, 3.2),
    Slice("pair_1_a", "a", 1, 3.3, 4.3),
)


def metrics(
    each: Slice, calls: int = 1000, errors: int = 0, users: int = 4, late_s: float = 0.004
) -> dict[str, Any]:
    """What k6 says of one slice whose users all left `late_s` after its end."""
    began, ended = (T0 + each.start_s) * 1000, (T0 + each.end_s + late_s) * 1000
    tag = f"{{stage:{each.name}}}"
    latency = {
        "count": calls, "avg": 4.0, "min": 1.0, "med": 3.0, "max": 30.0,
        "p(90)": 6.0, "p(95)": 8.0, "p(99)": 20.0,
    }  # fmt: skip
    return {
        f"mcp_tool_call_duration_ms{tag}": {"values": latency if calls else {"count": 0}},
        f"mcp_errors{tag}": {"values": {"count": errors}},
        f"mcp_slice_entered_ms{tag}": {"values": {"count": users, "min": began, "avg": began, "max": began}},
        f"mcp_slice_left_ms{tag}": {"values": {"count": users, "min": ended, "avg": ended, "max": ended}},
    }


def summary(**changes: dict[str, Any] | None) -> Summary:
    found: dict[str, Any] = {}
    for each in SCHEDULE:
        change = changes.get(each.name, {})
        if change is not None:
            found |= metrics(each, **change)
    return Summary({"metrics": found})


def readings(every_s: float = 0.02, until_s: float = 6.0, sides: str = "ab") -> list[CpuReading]:
    """A server works at 0.9 of a core in its slices and 10 ms longer, and rests otherwise."""
    log = []
    for step in range(round(until_s / every_s)):
        t = step * every_s
        used = {
            side: sum(0.9 * max(0.0, min(t, s.end_s + 0.01) - s.start_s) for s in SCHEDULE if s.side == side)
            for side in sides
        }
        log.append(CpuReading(T0 + t, used))  # type: ignore[arg-type]
    return log


def test_figures_are_those_of_the_slice() -> None:
    b, a = figures_of(SCHEDULE, summary(pair_1_b={"calls": 500}), readings(), 4)
    assert (b.side, a.side, b.pair, a.pair) == ("b", "a", 1, 1)
    assert (b.calls, a.calls, b.errors, b.fault, a.fault) == (500, 1000, 0, "", "")
    assert a.figures["latency_ms.med"] == 3.0
    assert a.figures["latency_ms.p95"] == 8.0
    assert a.figures["latency_ms.p99"] == 20.0
    assert a.duration_s == pytest.approx(1.004)
    assert a.figures["tool_calls_per_s"] == pytest.approx(1000 / 1.004)
    # What a server still does after its last answer belongs to the slice.
    assert a.figures["cpu_us_per_call"] == pytest.approx(0.9 * 1.01 / 1000 * 1e6)
    assert b.figures["cpu_us_per_call"] == pytest.approx(0.9 * 1.01 / 500 * 1e6)


def test_warm_up_counts_for_nothing() -> None:
    assert {s.name for s in figures_of(SCHEDULE, summary(), readings(), 4)} == {"pair_1_b", "pair_1_a"}


def test_what_comes_after_the_last_slice_does_not_count() -> None:
    # Sessions are deleted then, and that is work too.
    late = [
        CpuReading(
            r.at_s, {side: used + (5.0 if r.at_s > T0 + 4.45 else 0) for side, used in r.cpu_s.items()}
        )
        for r in readings()
    ]
    _, a = figures_of(SCHEDULE, summary(), late, 4)
    assert a.figures["cpu_us_per_call"] == pytest.approx(0.9 * 1.01 / 1000 * 1e6)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"calls": 0, "errors": 7}, "no call came back (7 failed)"),
        ({"errors": 11}, "11 of 1000 calls failed"),
        ({"users": 3}, "3 of 4 users took part"),
        ({"late_s": 0.2}, "its last answer came after the next slice had begun"),
    ],
)
def test_slice_that_shows_something_else_is_dropped_with_its_reason(
    change: dict[str, Any], fault: str
) -> None:
    b, a = figures_of(SCHEDULE, summary(pair_1_b=change), readings(), 4)
    assert b.fault.startswith(fault)
    assert not a.fault


def test_few_errors_are_no_fault_but_no_correct_answers_either() -> None:
    _, a = figures_of(SCHEDULE, summary(pair_1_a={"errors": 10}), readings(), 4)
    assert not a.fault
    assert a.figures["tool_calls_per_s"] == pytest.approx(990 / 1.004)


def test_slice_that_never_began_is_said() -> None:
    b, a = figures_of(SCHEDULE, summary(pair_1_a=None), readings(), 4)
    assert "never began" in a.fault
    assert a.calls == 0
    assert b.fault == ""


@pytest.mark.parametrize("log", [[], readings(sides="b"), readings(every_s=0.7)])
def test_without_readings_in_the_rests_there_is_no_cpu_figure(log: Sequence[CpuReading]) -> None:
    _, a = figures_of(SCHEDULE, summary(), log, 4)
    assert "cpu_us_per_call" not in a.figures
    assert a.figures["latency_ms.med"] == 3.0
