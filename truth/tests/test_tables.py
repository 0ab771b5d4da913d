"""Tests of the table of results."""

from __future__ import annotations

from checks import Line, Result
from tables import markdown, text

RIGHT = Result("a | b", "quick", ("pass",), "pass", (), (Line("calls", "10", "10", is_right=True),), "", 2.0)
WRONG = Result("c", "load", ("fail",), "pass", ("all good",), (), "", 3.0)


def test_a_result_is_right_only_with_verdict_reason_and_figures() -> None:
    assert RIGHT.is_right
    assert not WRONG.is_right
    assert not Result("d", "quick", ("fail",), "fail", (), (), "expected a reason", 1.0).is_right
    assert not Result(
        "e", "quick", ("pass",), "pass", (), (Line("calls", "1", "2", is_right=False),), "", 1.0
    ).is_right


def test_terminal_lines_show_why_a_result_is_wrong() -> None:
    assert text(RIGHT).startswith("ok")
    assert "reason: all good" in text(WRONG)
    assert "pass, expected fail" in text(WRONG)


def test_the_table_has_a_row_for_each_server() -> None:
    table = markdown([RIGHT, WRONG], "2 cores", 3.5)
    assert "2 servers, 1 of them reported rightly; 3.5 minutes, 2 cores." in table
    assert "| a \\| b | quick | calls: 10 → 10 | pass | right |" in table
    assert "| c | load |  | pass | wrong |" in table
