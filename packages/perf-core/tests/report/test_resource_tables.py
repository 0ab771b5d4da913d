from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from perf_core.report import resource_tables
from perf_core.results.record import Health, RunRecord, Trend

Sample = Callable[..., RunRecord]


def test_server_memory_has_slope_and_interval(sample: Sample) -> None:
    table = resource_tables.server_table(sample("endurance"))
    assert table is not None
    rows = dict(table.rows)
    assert rows["memory (RSS)"] == "61.9 MB at start, 71.3 MB peak, 66.4 MB at end"
    assert rows["memory slope"] == "0.620 MB/h (95 % interval 0.410 to 0.860)"
    assert rows["sessions left open"] == "0"
    assert rows["uptime"] == "100 % of the time"


def test_figures_that_the_server_does_not_report_are_left_out(sample: Sample) -> None:
    record = sample("load")
    assert record.server is not None
    table = resource_tables.server_table(
        replace(record, server=replace(record.server, sessions_left=None, uptime_percent=None))
    )
    assert table is not None
    assert not {"sessions left open", "uptime"} & {row[0] for row in table.rows}


def test_generator_table_marks_saturation(sample: Sample) -> None:
    saturated = resource_tables.generator_table(sample("saturated"))
    assert saturated is not None
    assert dict(saturated.rows)["cores in use"].endswith("saturated: its figures are bounds")
    record = sample("endurance")
    assert record.generator is not None
    dropping = replace(
        record, generator=replace(record.generator, dropped_iterations=30, scheduled_iterations=1000)
    )
    table = resource_tables.generator_table(dropping)
    assert table is not None
    assert dict(table.rows)["dropped iterations"] == "30 of 1,000 (3 %)"


@pytest.mark.parametrize(("duration_s", "has_slopes"), [(119.9, False), (120.0, True)])
def test_short_run_shows_no_growth_in_an_hour(duration_s: float, has_slopes: bool, sample: Sample) -> None:
    table = resource_tables.server_table(replace(sample("endurance"), duration_s=duration_s))
    assert table is not None
    assert ("memory slope" in dict(table.rows)) is has_slopes
    assert any("/h" in text for _, text in table.rows) is has_slopes


def test_slopes_of_files_threads_and_sessions_follow_their_levels(sample: Sample) -> None:
    record = sample("load")
    assert record.server is not None
    server = replace(
        record.server,
        fds=Trend(14, 114, 80, 61.4, (58.2, 64.6)),
        threads=Trend(5, 6, 5, 0.0, (-3e-14, 7.9e-14)),
        sessions=Trend(0, 100, 100),
    )
    table = resource_tables.server_table(replace(record, server=server))
    assert table is not None
    rows = dict(table.rows)
    assert rows["open files"] == (
        "14 at start, 114 peak, 80 at end, slope 61.4/h (95 % interval 58.2 to 64.6)"
    )
    assert rows["threads"] == "5 at start, 6 peak, 5 at end, slope 0/h (95 % interval 0 to 0)"
    assert rows["sessions"] == "0 at start, 100 peak, 100 at end"


def test_health_has_the_measurements_that_the_system_reports(sample: Sample) -> None:
    table = resource_tables.health_table(sample("stalled"))
    assert table is not None
    assert dict(table.rows) == {
        "state": "bounded",
        "server waited for a CPU": "21 % of the time that it wanted one",
        "k6 waited for a CPU": "8 % of the time that it wanted one",
        "some task waited for a CPU": "48 % of the time",
        "the host used the CPU for others": "0 % of the CPU time",
        "other processes used": "0.920 cores",
        "longest stop of k6": "0.03 s",
    }
    remote = resource_tables.health_table(replace(sample("load"), health=Health("unknown")))
    assert remote is not None
    assert remote.rows == (("state", "unknown"),)
    assert resource_tables.health_table(sample("load")) is None
