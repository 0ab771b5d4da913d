"""Pools called one after another, and those without a right answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perf_core.shapes import large_scores

if TYPE_CHECKING:
    from conftest import Build


def test_pool_without_a_right_answer_is_unreached(build: type[Build]) -> None:
    stages = [build.stage("20x100", 0, 5, calls=7), build.stage("50x200", 5, 10, calls=4, error_rate=1.0)]
    stages.append(build.stage("150x500", 10, 15, calls=0))
    planned = ["20x100", "50x200", "150x500"]
    metrics = build.metrics(journey_ms={"20x100": build.latency(2000.0, 2)})
    found = large_scores.find(build.evidence(stages, planned_stages=planned, metrics=metrics))
    assert found.figures["pools.unreached"].value == 2
    assert [each.title for each in found.findings] == ["20x100", "50x200", "Not reached"]
    assert "from 50x200, 150x500" in build.finding(found, "Not reached").text
    assert (
        "7 of 7 calls succeeded, the whole journey 2 times in 1.00 s (median)"
        in build.finding(found, "20x100").text
    )
