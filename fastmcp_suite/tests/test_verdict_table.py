"""Tests of the report: every reason to fail has a line."""

from __future__ import annotations

import dataclasses

from verdict_table import problems, remarks, table
from verdicts import Verdict

GOOD = Verdict(
    passed=1234,
    left_out=5,
    through_lane=70,
    requests=900,
    answered=400,
    fail_anyway=(),
    uncollected=(),
    unsteady=(),
    expected=(),
    unexplained={},
    stale=(),
)


def test_a_way_without_differences_has_no_problem() -> None:
    assert problems({"as-written": GOOD}) == []
    assert remarks({"as-written": GOOD}) == []


def test_an_unexplained_difference_is_a_problem_with_its_error() -> None:
    verdict = dataclasses.replace(GOOD, unexplained={"tests/a.py::b": "AssertionError: 1"})
    (line,) = problems({"as-written": verdict})
    assert line == "as-written: fails with the lane only: tests/a.py::b: AssertionError: 1"


def test_a_listed_difference_that_does_not_occur_is_a_problem() -> None:
    (line,) = problems({"as-written": dataclasses.replace(GOOD, stale=("tests/a.py::b",))})
    assert "listed" in line
    assert "tests/a.py::b" in line


def test_a_module_that_cannot_be_imported_is_a_problem() -> None:
    (line,) = problems({"as-written": dataclasses.replace(GOOD, uncollected=("tests/a.py",))})
    assert "cannot be imported: tests/a.py" in line


def test_a_lane_that_answers_nothing_is_a_problem() -> None:
    (line,) = problems({"as-written": dataclasses.replace(GOOD, answered=0)})
    assert "got none of 900" in line


def test_tests_that_say_nothing_are_remarked() -> None:
    verdict = dataclasses.replace(GOOD, unsteady=("a",), fail_anyway=("b",))
    assert problems({"w": verdict}) == []
    assert remarks({"w": verdict}) == ["w: unsteady: a", "w: fails without the lane too: b"]


def test_the_table_has_a_column_for_each_way() -> None:
    lines = table({"one": GOOD, "two": dataclasses.replace(GOOD, passed=7)}).splitlines()
    assert lines[0] == "| FastMCP's tests | one | two |"
    assert lines[1] == "|---|---|---|"
    assert lines[2] == "| passed | 1,234 | 7 |"
    assert {line.count("|") for line in lines} == {4}
