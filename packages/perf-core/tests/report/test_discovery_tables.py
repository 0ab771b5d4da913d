"""Strictness of the checks and tools left out, in every report."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from perf_core.report import html, markdown, notices, terminal
from perf_core.report.discovery_tables import check_table, left_out_table
from perf_core.results import record_file
from perf_core.results.record import RunRecord
from perf_core.server.checks import Discovery, LeftOut, ToolCheck

CHECKS = (
    ToolCheck("sum", {"exact": 20}, '{"a":1,"b":2}', "3", call_s=0.0012),
    ToolCheck("forecast", {"members": 2, "exact": 1}, '{"city":"Oslo"}', '{"city":"Oslo"}\n' + "x" * 500),
    ToolCheck("tree", {"exact": 1}, "{}", '{\n    "a":   1\n}'),
    ToolCheck("noise", {"no error": 1}, "{}", "\x1b[31mkqzwf"),
)
LEFT_OUT = (
    LeftOut("wipe", "it says destructiveHint: true", advice="--tool wipe permits its calls"),
    LeftOut("broken", "the disk is full", 3, '{"path":"/"}'),
    *(
        LeftOut(f"write_{n}", "it does not say readOnlyHint: true", advice=f"--tool write_{n}")
        for n in range(15)
    ),
)
DISCOVERY = Discovery(7, 3.2, CHECKS, LEFT_OUT, ("wrong answers cannot be noticed: noise",))


@pytest.fixture
def load_record(sample: Callable[..., RunRecord]) -> RunRecord:
    return sample("load")


@pytest.fixture
def record(load_record: RunRecord) -> RunRecord:
    return replace(load_record, discovery=DISCOVERY)


def test_each_tool_has_a_row_with_strictness_and_example(record: RunRecord) -> None:
    table = check_table(record)
    assert table is not None
    by_tool = {row[0]: row for row in table.rows}
    assert by_tool["sum"] == ("sum", "exact", "20", "1.20", '{"a":1,"b":2}', "3")
    assert by_tool["forecast"][1] == "exact 1, members 2"
    assert len(by_tool["forecast"][5]) == 80
    assert by_tool["tree"][5] == '{ "a": 1 }'
    assert "\x1b" not in by_tool["noise"][5]


def test_tools_with_the_same_reason_share_a_row(record: RunRecord) -> None:
    table = left_out_table(record)
    assert table is not None
    assert [row[0] for row in table.rows][:2] == ["wipe", "broken"]
    assert "--tool wipe" in table.rows[0][1]
    assert '3 tries, such as {"path":"/"}' in table.rows[1][1]
    tools, reason = table.rows[2]
    assert tools.startswith("write_0, write_1")
    assert tools.endswith("and 3 more")
    assert "--tool NAME" in reason


def test_record_without_drawn_calls_has_no_such_tables(load_record: RunRecord) -> None:
    assert check_table(load_record) is None
    assert left_out_table(load_record) is None
    assert "Answers" not in {notice.label for notice in notices.notices(load_record)}


def test_warnings_stand_at_the_top(record: RunRecord) -> None:
    first = notices.notices(record)[0]
    assert (first.label, first.tone) == ("Answers", "unsure")
    doubtful = replace(CHECKS[0], doubt="Error: fetch failed")
    useless = replace(DISCOVERY, checks=(doubtful,), warnings=("nothing useful was measured",))
    assert notices.notices(replace(record, discovery=useless))[0].tone == "bad"


def test_terminal_shows_strictness_and_answers_in_80_columns(record: RunRecord) -> None:
    file = io.StringIO()
    terminal.render(record, Console(file=file, width=80, force_terminal=False, _environ={}))
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    printed = "\n".join(lines)
    row = next(line for line in lines if "sum" in line and "exact" in line)
    assert "20" in row
    assert "Tools left out" in printed
    assert "destructiveHint" in printed
    assert printed.index("cannot be noticed") < printed.index("Drawn calls")


def test_page_and_summary_show_the_same(record: RunRecord) -> None:
    page, summary = html.render(record), markdown.render(record)
    for text in (page, summary):
        assert "Drawn calls" in text
        assert "Tools left out" in text
        assert "the disk is full" in text
    assert "\x1b" not in page + summary


def test_record_keeps_it(record: RunRecord) -> None:
    assert record_file.from_json(record_file.to_json(record)).discovery == DISCOVERY


def test_strictness_of_a_tool_is_that_of_its_least_checked_call() -> None:
    assert [check.strictness for check in CHECKS] == ["exact", "members", "exact", "no error"]
