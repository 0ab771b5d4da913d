"""Resources left behind after a load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perf_core.analysis.figures import figures
from perf_core.analysis.verdict import judge
from perf_core.results.record import MemoryTrend, ServerUse, Trend
from perf_core.sampling.snapshot import ResourceSnapshot, SnapshotPair
from perf_core.shapes import cleanup

if TYPE_CHECKING:
    from conftest import Build

SERVER = ServerUse(MemoryTrend(50.0, 80.0, 70.0), 2.0, 400.0, Trend(9, 12, 9), Trend(3, 3, 3), processes=1)


def snapshot(**changes: Any) -> ResourceSnapshot:
    values: dict[str, Any] = {
        "rss_mb": 100.0,
        "fds": 20,
        "threads": 4,
        "processes": 3,
        "temporary_files": 0,
        "gauges": {"scores": 5.0},
    }
    return ResourceSnapshot(**{**values, **changes})


def test_growth_is_reported_by_resource(build: type[Build]) -> None:
    after = snapshot(rss_mb=103.5, fds=22, processes=2, temporary_files=1, gauges={"scores": 8.0})
    found = cleanup.find(build.evidence([], snapshots=SnapshotPair(snapshot(), after)))
    figures = {name.removeprefix("cleanup."): figure.value for name, figure in found.figures.items()}
    assert figures == {
        "rss_growth_mb": 3.5, "fds": 2, "threads": 0, "processes": -1, "temporary_files": 1, "held": 3,
    }  # fmt: skip
    assert "open files 20 and 22" in build.finding(found, "Before and after").text
    assert "scores 5 and 8" in build.finding(found, "Before and after").text


def test_shrinking_gauge_does_not_make_up_for_a_growing_one(build: type[Build]) -> None:
    before, after = (
        snapshot(gauges={"scores": 5.0, "workers": 3.0}),
        snapshot(gauges={"scores": 6.0, "workers": 1.0}),
    )
    found = cleanup.find(build.evidence([], snapshots=SnapshotPair(before, after)))
    assert found.figures["cleanup.held"].value == 1


def test_unseen_resources_are_absent_with_a_reason(build: type[Build]) -> None:
    unseen = cleanup.find(build.evidence([], snapshots=None))
    assert "not visible" in unseen.figures["cleanup.fds"].absent
    cut_off = cleanup.find(build.evidence([], snapshots=None, server=SERVER))
    assert "without a snapshot" in cut_off.figures["cleanup.fds"].absent
    silent = snapshot(temporary_files=None, gauges={"scores": None})
    found = cleanup.find(build.evidence([], snapshots=SnapshotPair(silent, silent)))
    assert "the lab starts" in found.figures["cleanup.temporary_files"].absent
    assert "no gauges" in found.figures["cleanup.held"].absent


def test_thread_left_behind_misses_a_target(build: type[Build]) -> None:
    pair = SnapshotPair(snapshot(), snapshot(threads=5))
    found = cleanup.find(build.evidence([], snapshots=pair))
    metrics = build.metrics(tool_calls=50, error_rate=0.0)
    common = figures(metrics, [], [], None, sessions_left=0, uptime_percent=None)
    results = judge(cleanup.SHAPE.targets, {**common, **found.figures}, build.generator(), []).targets
    assert [each.figure for each in results if each.outcome == "missed"] == ["cleanup.threads"]
