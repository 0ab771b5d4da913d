"""Exit codes of comparisons and the schema number of their file."""

from __future__ import annotations

from typing import get_args

from perf_core.comparison import model


def test_each_verdict_has_its_exit_code() -> None:
    assert model.EXIT_CODES == {
        "same": 0,
        "better": 0,
        "worse": 3,
        "inconclusive": 4,
        "invalid": 5,
        "interrupted": 5,
    }
    assert set(model.EXIT_CODES) == set(get_args(model.Verdict))


def test_schema_number_has_its_history() -> None:
    assert f"* {model.SCHEMA} —" in str(model.__doc__)
