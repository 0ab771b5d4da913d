"""The bridge has a table of its own, a part in the note on latency, and remarks on the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from perf_core.report import html, markdown, terminal
from perf_core.report.bridge import bridge_table, latency_note, remarks
from perf_core.report.notices import notices
from perf_core.report.tables import latency_table
from perf_core.results.record import BridgeUse, RunRecord
from perf_core.results.record_file import from_json, to_json

Sample = Callable[..., RunRecord]

USE = BridgeUse(
    requests=2000,
    cpu_us_per_request=31.4,
    rss_peak_mb=25.6,
    echo_calls=400,
    echo_p50_us=131.0,
    direct_p50_us=47.0,
    echo_cpu_us=62.0,
    started=10,
)
TROUBLED = replace(
    USE,
    ended=2,
    first_end="ended with exit code 3, with 'cold' at the end of its standard error",
    late_answers=1,
    repeated_answers=2,
    skipped_lines=3,
    first_skipped_line="Listening on <stdio>",
    overlong_lines=1,
    notifications={"notifications/progress": 5, "notifications/message": 70},
    server_requests={"elicitation/create": 4},
)


def rows_of(bridge: BridgeUse, record: RunRecord) -> dict[str, str]:
    table = bridge_table(replace(record, bridge=bridge))
    assert table is not None
    return dict(table.rows)


def test_table_states_the_cost_and_how_it_was_measured(sample: Sample) -> None:
    rows = rows_of(USE, sample("load"))
    assert rows == {
        "time per call": "p50 84.0 µs: a process that answers at once takes 131 µs through the bridge, "
        "47.0 µs without it (400 calls before the load)",
        "CPU": "31.4 µs per request of the load, the start of processes included, "
        "62.0 µs in the calls before it",
        "memory (RSS)": "25.6 MB peak",
        "requests passed on": "2,000",
        "processes started": "10; the server's CPU time includes their start",
    }


def test_table_names_what_the_server_sent(sample: Sample) -> None:
    rows = rows_of(TROUBLED, sample("load"))
    assert rows["processes started"].startswith("10, 2 ended by themselves; ")
    assert rows["answers too late"] == "1"
    assert rows["notifications of the server"] == "70 notifications/message, 5 notifications/progress"
    assert rows["requests of the server, answered or declined"] == "4 elicitation/create"


def test_server_without_a_bridge_has_none_of_it(sample: Sample) -> None:
    assert bridge_table(sample("load")) is None
    assert latency_note(None) == ""
    assert remarks(None) == ()


def test_latency_table_says_that_the_bridge_is_included(sample: Sample) -> None:
    table = latency_table(replace(sample("load"), bridge=USE))
    assert table is not None
    assert table.note == "Latencies include the bridge: p50 84.0 µs."
    unmeasured = replace(USE, echo_calls=0)
    assert latency_note(unmeasured) == "Latencies include the bridge, whose own time was not measured."
    assert "time per call" not in rows_of(unmeasured, sample("load"))


@pytest.mark.parametrize(
    ("bridge", "tone", "texts"),
    [
        (replace(USE, skipped_lines=1, first_skipped_line="hi"), "neutral", ["Skipped 1 line on", "'hi'"]),
        (TROUBLED, "bad", ["2 processes of the server ended", "exit code 3", "1 answers were longer"]),
    ],
)
def test_remarks_stand_among_the_notices(
    bridge: BridgeUse, tone: str, texts: list[str], sample: Sample
) -> None:
    (notice,) = [
        each for each in notices(replace(sample("load"), bridge=bridge)) if each.label == "Server on stdio"
    ]
    assert notice.tone == tone
    for text in texts:
        assert text in notice.line


def test_every_report_shows_the_bridge_and_the_record_keeps_it(sample: Sample) -> None:
    record = replace(sample("load"), bridge=TROUBLED)
    assert from_json(to_json(record)).bridge == TROUBLED
    console = Console(file=StringIO(), width=160)
    terminal.render(record, console)
    reports = [console.file.getvalue(), markdown.render(record), html.render(record)]
    for report in reports:
        assert "Bridge to the server" in report
        assert "Latencies include the bridge" in report
        assert "ended without being asked to" in report
    assert "<stdio>" not in reports[2], "text of the server is escaped"
