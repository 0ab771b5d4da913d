"""Outages of clients after processes were killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perf_core.analysis.evidence import ShapeFindings
from perf_core.analysis.k6_summary import Summary
from perf_core.analysis.verdict import judge
from perf_core.sampling.kills import Kill
from perf_core.shapes import recovery

if TYPE_CHECKING:
    from conftest import Build


def find(
    build: type[Build], outages: int, recovered: int, slowest_ms: float, kills: int = 3
) -> ShapeFindings:
    summary = build.summary(("hold_10", 0, 60)).counter("mcp_outages", outages)
    summary.trend("mcp_outage_ms", recovered, p95=slowest_ms / 3)
    killed = tuple(Kill(build.started_at_s + number, 100 + number, number > 0) for number in range(kills))
    stages = [build.stage("hold_10", 0, 60)]
    return recovery.find(build.evidence(stages, summary=Summary(summary.document), kills=killed))


def test_slowest_recovery_is_the_figure(build: type[Build]) -> None:
    found = find(build, 4, 4, 600.0)
    figure = found.figures["recovery.slowest_s"]
    assert (figure.value, figure.samples, figure.beyond) == (pytest.approx(0.6), 4, False)
    assert found.figures["recovery.unrecovered"].value == 0
    assert found.figures["recovery.strikes"].value == 3
    assert (
        "3 processes were killed, 2 of them busy; clients had 4 outages"
        in build.finding(found, "Recovery").text
    )
    assert "after 600 ms at the latest" in build.finding(found, "Recovery").text


def test_client_that_did_not_recover_makes_the_figure_a_lower_bound(build: type[Build]) -> None:
    found = find(build, 4, 3, 600.0)
    assert found.figures["recovery.slowest_s"].beyond
    assert found.figures["recovery.unrecovered"].value == 1
    lost = find(build, 2, 0, 0.0).figures["recovery.slowest_s"]
    assert (lost.value, lost.beyond, lost.samples) == (60, True, 2)


def test_kills_without_an_outage_show_no_recovery(build: type[Build]) -> None:
    assert "in the middle of a call" in find(build, 0, 0, 0.0).figures["recovery.slowest_s"].absent
    unkilled = find(build, 0, 0, 0.0, kills=0)
    assert "no process was killed" in unkilled.figures["recovery.slowest_s"].absent
    assert unkilled.figures["recovery.strikes"].value == 0


def test_load_without_a_kill_is_invalid_and_no_failure_of_the_server(build: type[Build]) -> None:
    unkilled = find(build, 0, 0, 0.0, kills=0)
    judged = judge(recovery.SHAPE.targets, unkilled.figures, build.generator(), ())
    assert judged.verdict == "invalid"
    assert judged.reasons[0].startswith("recovery.strikes: ")
