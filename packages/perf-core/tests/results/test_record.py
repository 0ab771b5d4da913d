"""The schema number of the record."""

from __future__ import annotations

from perf_core.results import record


def test_schema_number_has_its_history() -> None:
    assert f"* {record.SCHEMA} —" in str(record.__doc__)
