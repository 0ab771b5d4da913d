"""Levels, hours, pools, leftovers and outages: what they make of what was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from perf_core.analysis.evidence import Evidence, Found
from perf_core.analysis.measurements import Summary
from perf_core.results.record import MemoryTrend, ServerUse, Trend
from perf_core.sampling.kills import Strike
from perf_core.sampling.snapshot import Stock, Stocks, is_back
from perf_core.shapes.findings import find

if TYPE_CHECKING:
    from conftest import Build


def evidence(build: type[Build], stages: list[Any], **changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "metrics": build.metrics(),
        "stages": stages,
        "planned_stages": [stage.name for stage in stages],
        "server": None,
        "load": build.load_columns([(10.0,)] * 10),
        "period_s": 1.0,
        **changes,
    }
    return Evidence(**values)


def text(found: Found, title: str) -> str:
    return next(each.text for each in found.findings if each.title == title)


# --- concurrent ---


def test_each_level_of_clients_is_told_with_its_grades(build: type[Build]) -> None:
    stages = [
        build.stage("ramp_10", 0, 5),
        build.stage("hold_10", 5, 10, p95=400),
        build.stage("hold_200", 10, 15, p95=3000, error_rate=0.08),
    ]
    kinds = {"all": {"known": build.latency(10.0), "unseen": build.latency(90.0)}}
    found = find("concurrent", evidence(build, stages, metrics=build.metrics(kinds_ms=kinds)))
    assert "100.00 % of 1,000 calls succeeded (excellent), p95 400 ms (excellent)" in text(
        found, "10 clients"
    )
    assert "92.00 % of 1,000 calls succeeded (acceptable), p95 3,000 ms (acceptable)" in text(
        found, "200 clients"
    )
    assert "unseen: 1,000 answers, median 45 ms, p95 90 ms" in text(found, "By kind of content")
    assert found.figures["concurrent.worst_level_percent"].value == pytest.approx(92.0)


def test_run_that_ended_in_its_first_ramp_has_no_level(build: type[Build]) -> None:
    found = find("concurrent", evidence(build, [build.stage("ramp_10")]))
    assert "before the first level" in found.figures["concurrent.worst_level_percent"].absent


# --- stability ---


def day(build: type[Build], **fates: Any) -> list[Any]:
    hours = [build.stage(f"hour_{hour:02}", 25.0 * hour, 25.0 * hour + 25, calls=50) for hour in range(24)]
    return [replace(each, kind="hold", **fates.get(each.name, {})) for each in hours]


def test_worst_hour_decides_and_is_told(build: type[Build]) -> None:
    found = find("stability", evidence(build, day(build, hour_13={"error_rate": 0.1})))
    assert found.figures["stability.worst_hour_percent"].value == pytest.approx(90.0)
    assert text(found, "Success by hour") == "1,200 calls in 24 hours; not all right at: 13:00 90.00 % of 50."
    good = find("stability", evidence(build, day(build)))
    assert good.figures["stability.worst_hour_percent"].value == 100
    assert "in every hour all were right" in text(good, "Success by hour")


def test_hour_in_which_nothing_was_answered_is_the_worst(build: type[Build]) -> None:
    found = find("stability", evidence(build, day(build, hour_03={"calls": 0})))
    figure = found.figures["stability.worst_hour_percent"]
    assert figure.value == 0
    assert figure.samples > 20, "it must be judged"
    assert "03:00 no call" in text(found, "Success by hour")


def test_day_that_ended_early_is_not_judged(build: type[Build]) -> None:
    whole = day(build)
    found = find("stability", evidence(build, whole[:9], planned_stages=[each.name for each in whole]))
    assert found.figures["stability.worst_hour_percent"].absent == "the day ended after 9 of 24 hours"


# --- memory ---


def used(slope_mb_per_h: float | None, interval: tuple[float, float] | None = None) -> ServerUse:
    memory = MemoryTrend(100.0, 130.0, 110.0, slope_mb_per_h, interval)
    return ServerUse(memory, 1.0, 10.0, Trend(1, 1, 1), Trend(1, 1, 1), 1)


def test_memory_is_told_for_five_minutes_with_its_interval(build: type[Build]) -> None:
    found = find("memory", evidence(build, [], server=used(24.0, (12.0, 60.0))))
    said = text(found, "Memory")
    assert "changes by +2.00 MB in 5 minutes (95 % interval +1.00 to +5.00)" in said
    assert "130.0 MB at its peak" in said
    assert find("memory", evidence(build, [], server=used(None))) == Found()
    assert find("memory", evidence(build, [], server=None)) == Found()
    day_too = find("stability", evidence(build, day(build), server=used(24.0, (12.0, 60.0))))
    assert [each.title for each in day_too.findings] == ["Success by hour", "Memory"]


# --- large-scores and tools ---


def test_pool_that_no_right_answer_came_from_is_unreached(build: type[Build]) -> None:
    stages = [build.stage("20x100", 0, 5, calls=7), build.stage("50x200", 5, 10, calls=4, error_rate=1.0)]
    planned = ["20x100", "50x200", "150x500"]
    metrics = build.metrics(journey_ms={"20x100": build.latency(2000.0, 2)})
    found = find("large-scores", evidence(build, stages, planned_stages=planned, metrics=metrics))
    assert found.figures["pools.unreached"].value == 2
    assert "from 50x200, 150x500" in text(found, "Not reached")
    assert "7 of 7 calls succeeded, the whole journey 2 times in 1.00 s (median)" in text(found, "20x100")
    alone = find("tools", evidence(build, stages[:1]))
    assert alone.figures["pools.unreached"].value == 0
    assert alone.findings == ()


# --- cleanup ---


def stock(**changes: Any) -> Stock:
    values: dict[str, Any] = {
        "rss_mb": 100.0,
        "fds": 20,
        "threads": 4,
        "processes": 3,
        "temporary_files": 0,
        "held": {"scores": 5.0},
    }
    return Stock(**{**values, **changes})


def test_what_grew_is_left_behind(build: type[Build]) -> None:
    after = stock(rss_mb=103.5, fds=22, processes=2, temporary_files=1, held={"scores": 8.0})
    found = find("cleanup", evidence(build, [], stocks=Stocks(stock(), after)))
    figures = {name.removeprefix("cleanup."): figure.value for name, figure in found.figures.items()}
    assert figures == {
        "rss_growth_mb": 3.5, "fds": 2, "threads": 0, "processes": -1, "temporary_files": 1, "held": 3,
    }  # fmt: skip
    assert "open files 20 and 22" in text(found, "Before and after")
    assert "scores 5 and 8" in text(found, "Before and after")


def test_fewer_of_one_thing_do_not_make_up_for_more_of_another(build: type[Build]) -> None:
    before, after = stock(held={"scores": 5.0, "workers": 3.0}), stock(held={"scores": 6.0, "workers": 1.0})
    found = find("cleanup", evidence(build, [], stocks=Stocks(before, after)))
    assert found.figures["cleanup.held"].value == 1


def test_what_cannot_be_seen_is_absent_with_a_reason(build: type[Build]) -> None:
    unseen = find("cleanup", evidence(build, [], stocks=None))
    assert "cannot be seen" in unseen.figures["cleanup.fds"].absent
    silent = stock(temporary_files=None, held={"scores": None})
    found = find("cleanup", evidence(build, [], stocks=Stocks(silent, silent)))
    assert "the lab starts" in found.figures["cleanup.temporary_files"].absent
    assert "does not tell" in found.figures["cleanup.held"].absent


@pytest.mark.parametrize(
    ("now", "back"),
    [
        ({}, True),
        ({"rss_mb": 900.0, "fds": 19}, True),
        ({"fds": 21}, False),
        ({"threads": 5}, False),
        ({"processes": 4}, False),
        ({"temporary_files": 1}, False),
        ({"held": {"scores": 6.0}}, False),
        ({"held": {"scores": 4.0}}, True),
    ],
)
def test_back_at_rest_means_no_more_than_before_but_memory(now: dict[str, Any], back: bool) -> None:
    assert is_back(stock(), stock(**now)) is back


# --- recovery ---


def struck(build: type[Build], begun: int, recovered: int, slowest_ms: float, strikes: int = 3) -> Found:
    summary = build.summary(("hold_10", 0, 60)).counter("mcp_outages", begun)
    summary.trend("mcp_outage_ms", recovered, p95=slowest_ms / 3)
    killed = tuple(Strike(build.started_at_s + number, 100 + number, number > 0) for number in range(strikes))
    stages = [build.stage("hold_10", 0, 60)]
    return find("recovery", evidence(build, stages, summary=Summary(summary.document), strikes=killed))


def test_slowest_recovery_counts(build: type[Build]) -> None:
    found = struck(build, 4, 4, 600.0)
    figure = found.figures["recovery.slowest_s"]
    assert (figure.value, figure.samples, figure.beyond) == (pytest.approx(0.6), 4, False)
    assert found.figures["recovery.unrecovered"].value == 0
    assert found.figures["recovery.strikes"].value == 3
    assert "3 processes were killed, 2 of them at work; 4 times a client's calls failed" in text(
        found, "Recovery"
    )
    assert "after 600 ms at the latest" in text(found, "Recovery")


def test_client_that_did_not_recover_is_neither_forgotten_nor_quick(build: type[Build]) -> None:
    found = struck(build, 4, 3, 600.0)
    assert found.figures["recovery.slowest_s"].beyond
    assert found.figures["recovery.unrecovered"].value == 1
    lost = struck(build, 2, 0, 0.0).figures["recovery.slowest_s"]
    assert (lost.value, lost.beyond, lost.samples) == (60, True, 2)


def test_strikes_that_nobody_felt_show_no_recovery(build: type[Build]) -> None:
    assert "in the middle of one" in struck(build, 0, 0, 0.0).figures["recovery.slowest_s"].absent
    nobody = struck(build, 0, 0, 0.0, strikes=0)
    assert "no process was killed" in nobody.figures["recovery.slowest_s"].absent
    assert nobody.figures["recovery.strikes"].value == 0
