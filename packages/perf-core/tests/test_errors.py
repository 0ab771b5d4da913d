"""The exception tree and the one table of exit codes."""

from __future__ import annotations

import inspect
import itertools

import pytest

from perf_core import errors
from perf_core.analysis.verdict import Judgement
from perf_core.errors import ExitCode, Interrupted, LabError, UsageError, most_serious

TABLE = {
    "PASS": 0,
    "LAB_FAILED": 1,
    "USAGE": 2,
    "WORSE": 3,
    "INCONCLUSIVE": 4,
    "INVALID": 5,
    "TARGETS_MISSED": 99,
}

ONLY_COMPARE = {ExitCode.WORSE, ExitCode.INCONCLUSIVE}
"""Exit codes of `compare` only."""

ERRORS = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, Exception) and error.__module__ == errors.__name__
]


def raised(error: type[LabError]) -> LabError:
    return Interrupted() if error is Interrupted else error("what came", "what to do")


def test_exit_codes_are_the_published_ones() -> None:
    assert {code.name: code.value for code in ExitCode} == TABLE


def test_each_exit_code_has_a_cause() -> None:
    from_errors = {raised(error).exit_code for error in ERRORS}
    from_verdicts = {
        Judgement(verdict, (), ()).exit_code for verdict in ("pass", "fail", "invalid", "interrupted")
    }
    assert from_errors | from_verdicts == set(ExitCode) - ONLY_COMPARE


def test_all_errors_form_one_tree() -> None:
    assert len(ERRORS) > 5
    assert all(issubclass(error, LabError) for error in ERRORS)


def test_docstring_shows_the_tree() -> None:
    drawn = {
        words[0]: int(line.rpartition("exit ")[2])
        for line in str(errors.__doc__).splitlines()
        if (words := line.strip(" │├└─").split()) and line.rpartition("exit ")[2].isdigit()
    }
    assert drawn == {error.__name__: int(raised(error).exit_code) for error in ERRORS}


@pytest.mark.parametrize("error", ERRORS)
def test_text_of_an_error_begins_with_its_message(error: type[LabError]) -> None:
    one = raised(error)
    assert one.message
    assert str(one).startswith(one.message)


def test_hint_follows_the_message() -> None:
    assert str(UsageError("what came", "what to do")) == "what came\nwhat to do"
    assert str(UsageError("what came")) == "what came"


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 99], 99),
        ([99, 5], 5),
        ([0, 5, 99], 5),
        ([5, 1, 99, 0], 1),
    ],
)
def test_most_serious_of_several_scenarios(codes: list[int], expected: int) -> None:
    for order in itertools.permutations(codes):
        assert most_serious([ExitCode(code) for code in order]) == expected
