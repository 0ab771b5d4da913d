"""Whether a tool's result is what was expected, as contract tests see it."""

from __future__ import annotations

from typing import Any

import pytest

from perf_core import Expectation
from perf_core.testing import meets

RESULT: dict[str, Any] = {"structuredContent": {"a": 1, "b": [1, {"c": 2}]}, "content": [{"text": "one"}]}


@pytest.mark.parametrize(
    ("expect", "met"),
    [
        (Expectation.result(RESULT["structuredContent"]), True),
        (Expectation.result({"a": 1}), False),
        (Expectation.members({"a": 1}), True),
        (Expectation.members({"b": [1, {"c": 2}], "a": 1.0}), True),
        (Expectation.members({}), True),
        (Expectation.members({"a": 2}), False),
        (Expectation.members({"b": [1]}), False),
        (Expectation.members({"d": None}), False),
        (Expectation.text("one"), True),
        (Expectation.text("two"), False),
        (Expectation.anything(), True),
        (Expectation.error(), False),
    ],
)
def test_expectations(expect: Expectation, met: bool) -> None:
    assert meets(expect, RESULT) is met


def test_an_error_meets_nothing_but_the_expectation_of_one() -> None:
    failed = {**RESULT, "isError": True}
    assert meets(Expectation.error(), failed)
    for expect in (Expectation.members({"a": 1}), Expectation.anything(), Expectation.text("one")):
        assert not meets(expect, failed)
    assert not meets(Expectation.members({"a": 1}), {"content": []})
