"""The judgement of answers in Python, with the table of cases that k6's scripts are tested with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perf_core.adapter import Expectation
from perf_core.load.answers import MISSING, answer_error, has_shape, meets, same_value, value_at

CASES = json.loads((Path(__file__).parents[1] / "data" / "answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    expected = json.loads(case["expected_text"]) if "expected_text" in case else case["expected"]
    answer = json.loads(case["answer_text"]) if "answer_text" in case else case["answer"]
    expect = Expectation(case["kind"], expected)
    method = case.get("method", "tools/call")
    assert answer_error(answer, expect, method) == case["error"]
    if "result" in answer and "error" not in answer and isinstance(answer["result"], dict):
        assert meets(expect, answer["result"], method) is (case["error"] is None)


def test_json_pointers() -> None:
    document = {"a": [{"b~/": 1}, '{"c": [null]}'], "": 2}
    assert value_at(document, "") == document
    assert value_at(document, "/a/0/b~0~1") == 1
    assert value_at(document, "/") == 2
    assert value_at(document, "/a/1/c/0") is None
    for pointer in ("/b", "/a/2", "/a/-1", "/a/01", "/a/1/d", "/a/0/b~0~1/x", "/a/x"):
        assert value_at(document, pointer) is MISSING, pointer


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        (3, 3.0, True),
        (True, 1, False),
        (0, False, False),
        (2**53 + 1, 2**53 + 1, True),
        (2**53 + 1, float(2**53), False),
        (float(2**53), 2**53 + 1, True),
        (1e308, 10**400, False),
        (None, MISSING, False),
        ({"a": [1, {}]}, {"a": [1.0, {}]}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], [2, 1], False),
        ([], {}, False),
        ("1", 1, False),
    ],
)
def test_equality(expected: Any, actual: Any, same: bool) -> None:
    assert same_value(expected, actual) is same


def test_unknown_types_of_a_shape_hold_for_nothing() -> None:
    assert not has_shape(1, "integer")
    assert not has_shape({}, 5)
