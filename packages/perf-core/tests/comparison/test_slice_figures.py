"""Figures of slices, from synthetic summaries and readings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from perf_core.analysis.k6_summary import Summary
from perf_core.comparison.cpu_log import CpuReading
from perf_core.comparison.schedule import Turn
from perf_core.comparison.slice_figures import SLOWEST_PERCENTS, figures_of, tail_figures
from perf_core.sampling.pulse import Still

T0 = 1_700_000_000.0
USERS = 4


def turns(pair: int, start_s: float, order: str) -> list[Turn]:
    """Return turns of 0.1 s with pauses of 0.05 s."""
    return [
        Turn(f"pair_{pair}_{side}" if pair else f"warmup_{side}", side, pair, t, t + 0.1)  # type: ignore[arg-type]
        for t, side in ((start_s + 0.15 * place, side) for place, side in enumerate(order))
    ]


SCHEDULE = (*turns(0, 0.1, "abba"), *turns(1, 1.0, "baab"), *turns(2, 2.0, "abab"))


def metrics(
    name: str,
    calls: int = 1000,
    errors: int = 0,
    share: float = 1.0,
    late_s: float = 0.004,
    **classes: int,
) -> dict[str, Any]:
    """Return k6's metrics of a slice whose users took a `share` of the turns and left them `late_s` late.

    `calls` are those with a sample of the latency; `errors` are all failed calls.
    """
    own = [turn for turn in SCHEDULE if turn.slice == name]
    entered = [(T0 + turn.start_s) * 1000 for turn in own]
    left = [(T0 + turn.end_s + late_s) * 1000 for turn in own]
    count = round(USERS * len(own) * share)
    latency = {
        "count": calls, "avg": 4.0, "min": 1.0, "med": 3.0, "max": 30.0,
        "p(90)": 6.0, "p(95)": 8.0, "p(99)": 20.0,
    }  # fmt: skip

    def trend(values: list[float]) -> dict[str, Any]:
        statistics = {"min": min(values), "avg": sum(values) / len(values), "max": max(values)}
        return {"values": {"count": count, **statistics} if count else {"count": 0}}

    tag = f"{{stage:{name}}}"
    by_class = {f"mcp_errors{{class:{c},stage:{name}}}": {"values": {"count": n}} for c, n in classes.items()}
    return {
        **by_class,
        f"mcp_tool_call_duration_ms{tag}": {"values": latency if calls else {"count": 0}},
        f"mcp_errors{tag}": {"values": {"count": errors}},
        f"mcp_slice_entered_ms{tag}": trend(entered),
        f"mcp_slice_left_ms{tag}": trend(left),
    }


def summary(**changes: dict[str, Any]) -> Summary:
    merged: dict[str, Any] = {}
    for name in {turn.slice for turn in SCHEDULE}:
        merged |= metrics(name, **changes.get(name, {}))
    return Summary({"metrics": merged})


def readings(every_s: float = 0.02, until_s: float = 4.0, sides: str = "ab") -> list[CpuReading]:
    """Return readings of servers that use 0.9 of a core in their turns and 10 ms longer."""
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


def figures(of_k6: Summary | None = None, log: Sequence[CpuReading] | None = None) -> dict[str, Any]:
    slices = figures_of(SCHEDULE, of_k6 or summary(), readings() if log is None else log, USERS)
    return {each.name: each for each in slices if each.pair > 0}


def test_figures_cover_all_turns_of_a_slice() -> None:
    slices = figures(summary(pair_1_b={"calls": 500}))
    assert set(slices) == {"pair_1_a", "pair_1_b", "pair_2_a", "pair_2_b"}
    a, b = slices["pair_1_a"], slices["pair_1_b"]
    assert (a.side, b.side, a.pair, b.pair) == ("a", "b", 1, 1)
    assert (a.calls, b.calls, a.errors, a.fault, b.fault) == (1000, 500, 0, "", "")
    assert a.figures["latency_ms.med"] == 3.0
    assert a.figures["latency_ms.p95"] == 8.0
    assert a.duration_s == pytest.approx(0.208, abs=1e-3)
    assert a.figures["tool_calls_per_s"] == pytest.approx(1000 / 0.208, rel=1e-3)
    # Work after the last answer belongs to the slice.
    assert a.figures["cpu_us_per_call"] == pytest.approx(0.9 * 0.22 / 1000 * 1e6)
    assert b.figures["cpu_us_per_call"] == pytest.approx(0.9 * 0.22 / 500 * 1e6)


def test_cpu_time_after_the_last_slice_does_not_count() -> None:
    # Sessions are deleted then, which takes CPU time too.
    end_s = SCHEDULE[-1].end_s
    late = [
        CpuReading(
            r.at_s, {s: used + (5.0 if r.at_s > T0 + end_s + 0.14 else 0) for s, used in r.cpu_s.items()}
        )
        for r in readings()
    ]
    slices = figures(log=late)
    for name in ("pair_2_a", "pair_2_b"):
        assert slices[name].figures["cpu_us_per_call"] == pytest.approx(0.9 * 0.22 / 1000 * 1e6)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"calls": 0, "errors": 7}, "no call was answered (7 failed)"),
        ({"errors": 101}, "101 of 1000 calls failed"),
        ({"share": 0.25}, "its users took 2 of 8 turns"),
        ({"share": 0.0}, "it never began"),
    ],
)
def test_faulty_slice_is_dropped_with_the_reason(change: dict[str, Any], fault: str) -> None:
    slices = figures(summary(pair_1_b=change))
    assert slices["pair_1_b"].fault.startswith(fault)
    assert not any(each.fault for name, each in slices.items() if name != "pair_1_b")


def test_answer_after_the_start_of_the_next_pair_drops_both_slices_of_the_pair() -> None:
    slices = figures(summary(pair_1_b={"late_s": 0.5}))
    late = {name for name, each in slices.items() if "after the next pair had begun" in each.fault}
    assert late == {"pair_1_a", "pair_1_b"}, "the CPU time of both servers is read in that rest"


def test_few_errors_are_no_fault_and_do_not_count_as_throughput() -> None:
    one = figures(summary(pair_1_a={"errors": 100, "wrong_answer": 100}))["pair_1_a"]
    assert not one.fault
    assert one.errors_by_class == {"wrong_answer": 100}
    assert one.figures["tool_calls_per_s"] == pytest.approx(900 / 0.208, rel=1e-3)


def test_calls_without_an_answer_are_calls() -> None:
    # Refused connections have no latency, but each was a call, and the server's time was spent on all calls.
    one = figures(summary(pair_1_a={"calls": 950, "errors": 60, "transport": 50, "timeout": 10}))["pair_1_a"]
    assert (one.calls, one.errors) == (1000, 60)
    assert one.figures["tool_calls_per_s"] == pytest.approx(940 / 0.208, rel=1e-3)
    assert one.figures["cpu_us_per_call"] == pytest.approx(0.9 * 0.22 / 1000 * 1e6)


def test_sessions_that_could_not_be_opened_are_failed_calls() -> None:
    one = figures(summary(pair_1_a={"calls": 0, "errors": 7, "jsonrpc_error": 7}))["pair_1_a"]
    assert (one.calls, one.errors) == (7, 7)


def test_warm_up_is_measured_as_pair_0() -> None:
    slices = figures_of(SCHEDULE, summary(warmup_b={"errors": 3}), readings(), USERS)
    assert [(each.name, each.errors) for each in slices if each.pair == 0] == [
        ("warmup_a", 0),
        ("warmup_b", 3),
    ]


def tail_document(count: int = 1000) -> Summary:
    tail = {"count": count, "avg": 4, "min": 1, "med": 3, "p(90)": 6, "p(95)": 8, "max": 90}
    tail |= {f"p({percent:g})": 10 * (percent - 97) for percent in SLOWEST_PERCENTS}
    return Summary({"metrics": {"mcp_tool_call_duration_ms{side:b}": {"values": tail}}})


def test_tails_are_those_of_all_slices_of_a_server() -> None:
    slices = tuple(figures().values())
    assert tail_figures(tail_document(), "b", slices) == {
        # A line from 10 to nearly 30, and the maximum.
        "latency_ms.slowest_2_percent": pytest.approx((9.99 * (19.95 * 1.99 + 59.95 * 0.01) + 50) / 20.98),
        "latency_ms.p99": 20,
        "latency_ms.max": 90,
    }
    assert tail_figures(tail_document(), "a", slices) == {}
    assert tail_figures(tail_document(299), "b", slices) == {"latency_ms.max": 90}, "too few for a p99"


@pytest.mark.parametrize("count", [1000, 20_000])
@pytest.mark.parametrize("stall_ms", [0, 200])
def test_mean_of_the_slowest_calls_is_that_of_the_sorted_calls(count: int, stall_ms: float) -> None:
    draw = np.random.default_rng(5)
    calls = draw.lognormal(1, 0.4, count)
    calls[: count // 90] += 30
    calls[0] += stall_ms
    # As k6 computes them.
    tail = {
        f"p({percent:g})": float(np.percentile(calls, percent)) for percent in (90, 95, *SLOWEST_PERCENTS)
    }
    values = {"count": count, "avg": 4, "min": 1, "med": 3, **tail, "max": float(calls.max())}
    document = Summary({"metrics": {"mcp_tool_call_duration_ms{side:b}": {"values": values}}})
    mean = tail_figures(document, "b", tuple(figures().values()))["latency_ms.slowest_2_percent"]
    assert mean == pytest.approx(np.sort(calls)[-count // 50 :].mean(), rel=0.1)


def test_tails_of_errors_are_no_figures() -> None:
    slices = tuple(figures(summary(pair_1_b={"errors": 201, "wrong_answer": 201})).values())
    assert tail_figures(tail_document(), "b", slices) == {}


def test_pairs_after_an_early_end_of_the_load_are_faulty() -> None:
    slices = figures(summary(pair_2_a={"share": 0.0, "calls": 0}, pair_2_b={"share": 0.0, "calls": 0}))
    assert [each.fault.partition(":")[0] for each in slices.values()] == ["", "", *["it never began"] * 2]


@pytest.mark.parametrize("log", [[], readings(sides="b"), readings(every_s=1.7)])
def test_no_cpu_figure_without_readings_in_the_rests(log: Sequence[CpuReading]) -> None:
    one = figures(log=log)["pair_1_a"]
    assert "cpu_us_per_call" not in one.figures
    assert one.figures["latency_ms.med"] == 3.0


@pytest.mark.parametrize(
    ("begin_s", "end_s", "spoilt"),
    [
        (1.1, 1.5, {"pair_1_a", "pair_1_b"}),
        (1.5, 2.2, {"pair_1_a", "pair_1_b", "pair_2_a", "pair_2_b"}),
        (0.4, 0.45, {"warmup_a", "warmup_b"}),
        (5.0, 9.0, set()),
    ],
)
def test_slices_during_which_k6_stood_still_do_not_count(
    begin_s: float, end_s: float, spoilt: set[str]
) -> None:
    still = Still(T0 + begin_s, T0 + end_s)
    figures = figures_of(SCHEDULE, summary(), (), USERS, [still])
    assert {each.name for each in figures if each.fault} == spoilt
    assert {each.fault for each in figures if each.fault} <= {f"k6 stood still for {end_s - begin_s:.1f} s"}


def test_every_server_of_the_schedule_has_slices() -> None:
    schedule = (*turns(0, 0.1, "abc"), *turns(1, 1.0, "cab"))
    slices = figures_of(schedule, Summary({"metrics": {}}), (), USERS)
    names = [f"warmup_{side}" for side in "abc"] + [f"pair_1_{side}" for side in "abc"]
    assert [each.name for each in slices] == names


def test_mean_latency_is_kept_for_littles_law() -> None:
    assert figures()["pair_1_a"].figures["latency_ms.mean"] == 4.0
