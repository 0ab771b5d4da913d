"""Streams in the reports: tables and remarks, only where there is something to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from perf_core.report import html, markdown, terminal
from perf_core.report.notices import notices
from perf_core.report.streams import held_table, stream_remarks, stream_table
from perf_core.results.record import HeldStreams, Latency, RunRecord, SlowReader, Streams, ToolStream

Sample = Callable[..., RunRecord]

TIMES = Latency(20, 11.0, 52.0, 50.0, 80.0, 92.5, 99.0, 104.0)
EXPORT = ToolStream("export", 20, 3.5, 3.0, TIMES, TIMES, TIMES)
HELD = HeldStreams(3, 3, 0, 0, 0, 0, None, 12, None, 60.0)
DROPPED = replace(HELD, opened=5, kept=3, dropped=2, shortest_s=4.25)
REFUSED = HeldStreams(1, 0, 0, 0, 0, 1, 405, 0, None, 0.01)
SLOW = SlowReader("export", 8_000_000, 5.1, True, 12.0, 3900.0, True)


def with_streams(record: RunRecord, **changes: object) -> RunRecord:
    return replace(record, streams=replace(Streams(calls=20, share_of_calls=0.0123), **changes))


def everywhere(record: RunRecord) -> list[str]:
    """Return the record as each report shows it."""
    console = Console(file=StringIO(), width=200)
    terminal.render(record, console)
    assert isinstance(console.file, StringIO)
    return [console.file.getvalue(), markdown.render(record), html.render(record)]


def test_tool_that_streams_is_in_every_report(sample: Sample) -> None:
    record = with_streams(sample("load"), tools=(EXPORT,), held=HELD)
    table = stream_table(record)
    assert table is not None
    assert table.rows == (
        ("export", "20", "3.50", "3.00", "50.0", "92.5", "50.0", "104", "50.0", "92.5", "0"),
    )
    for text in everywhere(record):
        assert "Streams in ms" in text
        assert "1.23 %" in text
        assert "3 opened: 3 open until the end" in text
    assert stream_remarks(record)[1] == ()


def test_held_streams_are_one_row(sample: Sample) -> None:
    table = held_table(with_streams(sample("load"), held=DROPPED))
    assert table is not None
    (row,) = table.rows
    assert row[1] == (
        "5 opened: 3 open until the end, 2 dropped; at most 1 min each, one ended after 4.25 s; 12 messages"
    )


def test_server_without_streams_has_no_section(sample: Sample) -> None:
    plain = sample("load")
    quiet = with_streams(plain, held=REFUSED)
    assert stream_table(quiet) is None
    assert held_table(quiet) is None
    assert notices(quiet) == notices(plain)
    assert stream_table(plain) is None
    assert held_table(plain) is None
    assert "Streams" not in everywhere(quiet)[0]


def test_figures_from_before_the_load_are_marked(sample: Sample) -> None:
    table = stream_table(with_streams(sample("load"), tools=(replace(EXPORT, is_idle=True),)))
    assert table is not None
    assert table.rows[0][0] == "export (before the load)"


def test_tool_name_cannot_style_a_report(sample: Sample) -> None:
    table = stream_table(with_streams(sample("load"), tools=(replace(EXPORT, tool="\x1b[31mred"),)))
    assert table is not None
    assert "\x1b" not in table.rows[0][0]


@pytest.mark.parametrize(
    ("changes", "tone", "words"),
    [
        ({"held": DROPPED}, "bad", "2 of 5 held GET streams were dropped, the first after 4.25 s"),
        ({"slow_reader": SLOW}, "bad", "held up another call: 3,900 ms instead of 12.0 ms"),
        ({"server_methods": {"elicitation/create": 3}}, "unsure", "(elicitation/create), 3 times"),
        ({"server_methods": {"roots/list": 1}}, "unsure", "(roots/list), once"),
        ({"problem": "the probe ended early: status 500"}, "unsure", "ended early: status 500"),
    ],
)
def test_what_went_wrong_is_a_remark(
    changes: dict[str, object], tone: str, words: str, sample: Sample
) -> None:
    record = with_streams(sample("load"), **changes)
    (notice,) = [each for each in notices(record) if each.label == "Streams"]
    assert notice.tone == tone
    assert words in notice.line
    for text in everywhere(record)[1:]:
        assert words[:20] in text


def test_slow_reader_that_held_up_nobody_is_only_in_the_table(sample: Sample) -> None:
    record = with_streams(sample("load"), slow_reader=replace(SLOW, held_up=False, meanwhile_ms=None))
    assert stream_remarks(record)[1] == ()
    table = held_table(record)
    assert table is not None
    assert table.rows[1] == ("another call", "12.0 ms before, no answer meanwhile")
    assert "8,000,000 bytes in 5.1 s, whole" in table.rows[0][1]
