from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from rich.cells import cell_len
from rich.console import Console

from perf_core.report import terminal
from perf_core.results.record import RunRecord

Sample = Callable[..., RunRecord]


def shown(record: RunRecord, width: int = 120, *, is_terminal: bool = False) -> str:
    # A fixed colour system: what a test machine's TERM and NO_COLOR say must not matter.
    colours = "standard" if is_terminal else None
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=is_terminal, color_system=colours, _environ={})
    terminal.render(record, console)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(any_record: RunRecord, width: int) -> None:
    assert max(cell_len(line) for line in shown(any_record, width).splitlines()) <= width


@pytest.mark.parametrize("name", ["load", "stress", "benchmark", "endurance", "saturated", "stalled"])
def test_no_figure_is_cut_off_in_80_columns(sample: Sample, name: str) -> None:
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown(sample(name), 80)


def test_first_line_is_the_verdict(any_record: RunRecord) -> None:
    assert shown(any_record).splitlines()[0].split()[0] == any_record.verdict.upper()


def test_colour_only_on_a_terminal(sample: Sample) -> None:
    assert "\x1b" not in shown(sample("load"))
    assert "\x1b[" in shown(sample("load"), is_terminal=True)


def test_report_has_verdict_targets_and_figures(sample: Sample) -> None:
    text = shown(sample("load"))
    for expected in (
        "p95 latency, all tools",
        "Targets: 2 of 10 met, 8 missed",
        "< 75 ms: missed",
        "hold_100",
        "session creation",
        "no answer in time",
        "MB/h (95 % interval",
        "100 opened, 100 closed",
    ):
        assert expected in text


def test_findings_kinds_and_protocol_are_there(sample: Sample) -> None:
    assert "Knee: Throughput stops growing at about 100 VUs" in shown(sample("stress"))
    assert "tools/list" in shown(sample("benchmark"))
    assert "decimal" in shown(sample("benchmark"))


def test_reasons_for_not_judging_are_there(sample: Sample) -> None:
    assert "p95 latency, all tools: expected at least 30 s of load, got 4.2 s" in shown(sample("interrupted"))


def test_failing_run_can_be_diagnosed(sample: Sample) -> None:
    lines = shown(sample("stalled")).splitlines()
    assert "Silence: 16.5 s with calls offered and none answered. Silent: hold_20 for 16.5 s." in lines
    (health,) = [line for line in lines if line.startswith("Health: ")]
    assert "Other processes used 0.92 of 2 cores." in health
    assert any(line.startswith("Calls: 2,689 begun = 2,275 answered + 411 failed") for line in lines)
    start = lines.index("Failures, the first of each class")
    assert lines[start + 1 : start + 6] == [
        "  wrong answer, 391 calls: multiply at 1.4 s in hold_10",
        '    arguments {"a": 1, "b": 31}',
        '    expected  {"result": 31}',
        '    received  {"result": 32}',
        "  still unanswered when the load ended, 20 calls: add at 13.5 s in hold_20",
    ]


def test_sound_run_has_none_of_these_lines(sample: Sample) -> None:
    assert not re.search(r"^(Silence|Health|Calls|Failures)", shown(sample("load")), re.MULTILINE)


def test_narrow_terminal_leaves_out_the_times_of_stages(sample: Sample) -> None:
    def heading(width: int) -> list[str]:
        (line,) = [line for line in shown(sample("stalled"), width).splitlines() if line.startswith("stage ")]
        return line.split()

    assert heading(120)[:5] == ["stage", "load", "from", "to", "calls"]
    assert heading(80)[:3] == ["stage", "load", "calls"]
    assert heading(120)[-1] == heading(80)[-1] == "silence"


def test_empty_sections_leave_no_trace(sample: Sample) -> None:
    lines = shown(sample("empty")).splitlines()
    assert len(lines) == 3


def test_text_from_a_server_cannot_control_the_terminal(sample: Sample) -> None:
    text = shown(sample("hostile"), is_terminal=True)
    assert "[red]" in text
    left = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "\x1b" not in left
    assert "\x00" not in left


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_narrow_encoding_does_not_end_the_run(any_record: RunRecord, encoding: str) -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    terminal.render(any_record, Console(file=file, width=80, _environ={}))
    assert any_record.verdict.upper().encode() in raw.getvalue()
