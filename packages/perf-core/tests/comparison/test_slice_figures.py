"""Figures of slices from made-up summaries and readings of which every number is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from perf_core.analysis.k6_summary import Summary
from perf_core.comparison.cpu_log import CpuReading
from perf_core.comparison.schedule import Turn
from perf_core.comparison.slice_figures import figures_of

T0 = 1_700_000_000.0
USERS = 4


def turns(pair: int, start_s: float, order: str) -> list[Turn]:
    """Turns of 0.1 s with 0.05 s between them."""
    return [
        Turn(f"pair_{pair}_{side}" if pair else f"warmup_{side}", side, pair, t, t + 0.1)  # type: ignore[arg-type]
        for t, side in ((start_s + 0.15 * place, side) for place, side in enumerate(order))
    ]


SCHEDULE = (*turns(0, 0.1, "abba"), *turns(1, 1.0, "baab"), *turns(2, 2.0, "abab"))


def metrics(
    name: str, calls: int = 1000, errors: int = 0, share: float = 1.0, late_s: float = 0.004
) -> dict[str, Any]:
    """What k6 says of a slice whose users all left `late_s` after each turn, but took only some of them."""
    own = [turn for turn in SCHEDULE if turn.slice == name]
    entered = [(T0 + turn.start_s) * 1000 for turn in own]
    left = [(T0 + turn.end_s + late_s) * 1000 for turn in own]
    count = round(USERS * len(own) * share)
    latency = {
        "count": calls, "avg": 4.0, "min": 1.0, "med": 3.0, "max": 30.0,
        "p(90)": 6.0, "p(95)": 8.0, "p(99)": 20.0,
    }  # fmt: skip

    def trend(values: list[float]) -> dict[str, Any]:
        found = {"min": min(values), "avg": sum(values) / len(values), "max": max(values)}
        return {"values": {"count": count, **found} if count else {"count": 0}}

    tag = f"{{stage:{name}}}"
    return {
        f"mcp_tool_call_duration_ms{tag}": {"values": latency if calls else {"count": 0}},
        f"mcp_errors{tag}": {"values": {"count": errors}},
        f"mcp_slice_entered_ms{tag}": trend(entered),
        f"mcp_slice_left_ms{tag}": trend(left),
    }


def summary(**changes: dict[str, Any]) -> Summary:
    found: dict[str, Any] = {}
    for name in {turn.slice for turn in SCHEDULE}:
        found |= metrics(name, **changes.get(name, {}))
    return Summary({"metrics": found})


def readings(every_s: float = 0.02, until_s: float = 4.0, sides: str = "ab") -> list[CpuReading]:
    """A server works at 0.9 of a core in its turns and 10 ms longer, and rests otherwise."""
    log = []
    for step in range(round(until_s / every_s)):
        t = step * every_s
        used = {
            side: sum(
                0.9 * max(0.0, min(t, turn.end_s + 0.01) - turn.start_s)
                for turn in SCHEDULE
                if turn.side == side
            )
            for side in sides
        }
        log.append(CpuReading(T0 + t, used))  # type: ignore[arg-type]
    return log


def figures(found: Summary | None = None, log: Sequence[CpuReading] | None = None) -> dict[str, Any]:
    made = figures_of(SCHEDULE, found or summary(), readings() if log is None else log, USERS)
    return {each.name: each for each in made}


def test_figures_are_those_of_all_turns_of_the_slice() -> None:
    found = figures(summary(pair_1_b={"calls": 500}))
    assert set(found) == {"pair_1_a", "pair_1_b", "pair_2_a", "pair_2_b"}, "warm-up counts for nothing"
    a, b = found["pair_1_a"], found["pair_1_b"]
    assert (a.side, b.side, a.pair, b.pair) == ("a", "b", 1, 1)
    assert (a.calls, b.calls, a.errors, a.fault, b.fault) == (1000, 500, 0, "", "")
    assert a.figures["latency_ms.med"] == 3.0
    assert a.figures["latency_ms.p95"] == 8.0
    assert a.figures["latency_ms.p99"] == 20.0
    assert a.duration_s == pytest.approx(0.208, abs=1e-3)
    assert a.figures["tool_calls_per_s"] == pytest.approx(1000 / 0.208, rel=1e-3)
    # What a server still does after its last answer belongs to the slice.
    assert a.figures["cpu_us_per_call"] == pytest.approx(0.9 * 0.22 / 1000 * 1e6)
    assert b.figures["cpu_us_per_call"] == pytest.approx(0.9 * 0.22 / 500 * 1e6)


def test_what_comes_after_the_last_slice_does_not_count() -> None:
    # Sessions are deleted then, and that is work too.
    end_s = SCHEDULE[-1].end_s
    late = [
        CpuReading(
            r.at_s, {s: used + (5.0 if r.at_s > T0 + end_s + 0.14 else 0) for s, used in r.cpu_s.items()}
        )
        for r in readings()
    ]
    found = figures(log=late)
    for name in ("pair_2_a", "pair_2_b"):
        assert found[name].figures["cpu_us_per_call"] == pytest.approx(0.9 * 0.22 / 1000 * 1e6)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"calls": 0, "errors": 7}, "no call came back (7 failed)"),
        ({"errors": 11}, "11 of 1000 calls failed"),
        ({"share": 0.25}, "its users took 2 of 8 turns"),
        ({"share": 0.0}, "it never began"),
    ],
)
def test_slice_that_shows_something_else_is_dropped_with_its_reason(
    change: dict[str, Any], fault: str
) -> None:
    found = figures(summary(pair_1_b=change))
    assert found["pair_1_b"].fault.startswith(fault)
    assert not any(each.fault for name, each in found.items() if name != "pair_1_b")


def test_answer_that_comes_after_the_next_pair_has_begun_spoils_both_slices_of_its_pair() -> None:
    found = figures(summary(pair_1_b={"late_s": 0.5}))
    late = {name for name, each in found.items() if "after the next pair had begun" in each.fault}
    assert late == {"pair_1_a", "pair_1_b"}, "both servers' CPU is read in that rest"


def test_few_errors_are_no_fault_but_no_correct_answers_either() -> None:
    one = figures(summary(pair_1_a={"errors": 10}))["pair_1_a"]
    assert not one.fault
    assert one.figures["tool_calls_per_s"] == pytest.approx(990 / 0.208, rel=1e-3)


def test_load_that_ended_early_leaves_the_later_pairs_faulty() -> None:
    found = figures(summary(pair_2_a={"share": 0.0, "calls": 0}, pair_2_b={"share": 0.0, "calls": 0}))
    assert [each.fault.partition(":")[0] for each in found.values()] == ["", "", *["it never began"] * 2]


@pytest.mark.parametrize("log", [[], readings(sides="b"), readings(every_s=1.7)])
def test_without_readings_in_the_rests_there_is_no_cpu_figure(log: Sequence[CpuReading]) -> None:
    one = figures(log=log)["pair_1_a"]
    assert "cpu_us_per_call" not in one.figures
    assert one.figures["latency_ms.med"] == 3.0
