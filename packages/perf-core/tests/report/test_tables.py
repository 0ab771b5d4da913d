from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from perf_core.report import tables
from perf_core.report.wording import DASH
from perf_core.results.record import Graded, Latency, RunRecord

Sample = Callable[..., RunRecord]


def test_every_row_has_a_cell_per_heading_and_never_nan(any_record: RunRecord) -> None:
    for table in (*tables.result_tables(any_record), tables.manifest_table(any_record)):
        if table is None:
            continue
        assert table.rows
        for row in table.rows:
            assert len(row) == len(table.headings)
            assert not {"nan", "inf", "None"} & set(row)


def test_empty_run_has_no_tables(sample: Sample) -> None:
    assert tables.result_tables(sample("empty")) == ()
    assert tables.manifest_table(sample("empty")) is None


def test_latency_lists_the_tools_then_all_then_sessions(sample: Sample) -> None:
    table = tables.latency_table(sample("load"))
    assert table is not None
    names = [row[0] for row in table.rows]
    assert names == ["add", "subtract", "multiply", "divide", "all tools", "session creation"]


def test_no_samples_are_dashes_not_zeros(sample: Sample) -> None:
    table = tables.stage_table(sample("benchmark"))
    assert table is not None
    protocol = table.rows[-1]
    assert protocol[0] == "protocol"
    assert protocol[4:] == ("0", *[DASH] * 6)


def test_tool_that_was_never_called_has_no_latency(sample: Sample) -> None:
    record = sample("load")
    assert record.metrics is not None
    silence = Latency(0, 0, 0, 0, 0, 0, 0, 0)
    silent = replace(record.metrics, latency_ms={"add": silence}, session_creation_ms=None)
    table = tables.latency_table(replace(record, metrics=silent))
    assert table is not None
    assert table.rows == (("add", "0", *[DASH] * 7),)


def test_stages_have_their_load(sample: Sample) -> None:
    load = tables.stage_table(sample("load"))
    paced = tables.stage_table(sample("endurance"))
    assert load is not None
    assert paced is not None
    assert [row[1] for row in load.rows] == ["to 50 VUs", "50 VUs", "to 100 VUs", "100 VUs", "to 0 VUs"]
    assert paced.rows[1][1:4] == ("200/s", "5:00", "2:05:00")


def test_errors_come_most_frequent_first(sample: Sample) -> None:
    table = tables.error_table(sample("stress"))
    assert table is not None
    counts = [int(row[1].replace(",", "")) for row in table.rows]
    assert counts == sorted(counts, reverse=True)
    assert table.rows[0][0] == "connection failed"


def test_errors_by_tool_have_a_column_per_class(sample: Sample) -> None:
    table = tables.tool_error_table(sample("stalled"))
    assert table is not None
    assert table.headings == ("tool", "wrong_answer", "unanswered", "all")
    assert table.rows == (("multiply", "391", "9", "400"), ("add", DASH, "11", "11"))
    assert tables.tool_error_table(sample("load")) is None


def test_phases_have_their_share_and_the_whole_beside_them(sample: Sample) -> None:
    table = tables.phase_table(sample("stalled"))
    assert table is not None
    assert [row[0] for row in table.rows] == ["connect", "tls", "wait", "transfer", "whole call"]
    assert "Calls without an answer count" in table.note
    shares = [float(row[-1].removesuffix(" %")) for row in table.rows[:4]]
    assert sum(shares) == pytest.approx(100, abs=0.1)
    assert table.rows[-1][-1] == DASH
    assert tables.phase_table(sample("load")) is None


def test_stages_have_their_tail_and_their_silence_if_any_is_silent(sample: Sample) -> None:
    stalled, load = tables.stage_table(sample("stalled")), tables.stage_table(sample("load"))
    assert stalled is not None
    assert load is not None
    assert load.headings[-3:] == ("p99", "max", "errors")
    assert stalled.headings[-1] == "silence"
    assert [row[-1] for row in stalled.rows] == ["0.04 s", "16.50 s"]
    assert stalled.rows[1][-4:-2] == ("≥ 16,200", "≥ 16,500")


def test_lower_bounds_are_explained(sample: Sample) -> None:
    table = tables.latency_table(sample("stalled"))
    assert table is not None
    assert table.rows[1][-1] == "≥ 16,500"
    assert "20 calls without an answer" in table.note
    without = tables.latency_table(sample("load"))
    assert without is not None
    assert without.note == ""


def test_manifest_is_flattened_to_dotted_names(sample: Sample) -> None:
    table = tables.manifest_table(sample("load"))
    assert table is not None
    rows = dict(table.rows)
    assert rows["machine.cpu"] == "example CPU, 2 cores"
    assert rows["settings.seed"] == "7"
    assert rows["settings.server_url"] == "null"


def test_grades_come_first_with_their_levels(sample: Sample) -> None:
    levels = (90.0, 95.0, 99.0)
    graded = (
        Graded("Success rate", "success_percent", ">=", levels, 97.0, "good"),
        Graded("Recovery", "recovery.slowest_s", "<", (60, 30, 10), None, "not graded", "not measured"),
    )
    table = tables.result_tables(replace(sample("load"), grades=graded))[0]
    assert table.title == "Grades"
    assert table.rows == (
        ("Success rate", "good", "", "97 %", ">= 90 %", ">= 95 %", ">= 99 %"),
        ("Recovery", "not graded", "not measured", DASH, "< 60 s", "< 30 s", "< 10 s"),
    )
