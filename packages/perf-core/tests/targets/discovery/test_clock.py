"""Answers that contain the time of their call."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from perf_core.targets.discovery.clock import at_another_time

CALL = datetime(2026, 3, 1, 12, 34, 57, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-01T12:34:56Z",
        "2026-03-01T12:34:56.123+00:00",
        "It is 2026-03-01 12:34",
        "Tokyo: 2026-03-01T21:34:57+09:00",
        "Kathmandu: 2026-03-01T18:19:57+05:45",
        "It is 12:34 now",
        "It is 12:34:57",
        {"now": CALL.timestamp()},
        {"now": [int(CALL.timestamp() * 1000)]},
        f"epoch {int(CALL.timestamp())}",
    ],
)
def test_time_of_the_call_varies(value: object) -> None:
    assert at_another_time(value, CALL) != value


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-15T12:34:56Z",
        "2026-03-01T12:00:00Z",
        "open from 9:00 to 17:30",
        "ratio 12:34:56:78",
        "version 2026.3.1",
        1_234_567_890,
        12345678901,
        True,
        None,
        3.5,
        float("inf"),
        10**400,
        -(10**400),
        {"a": ["x", {"b": 1}]},
        "",
    ],
)
def test_other_values_stay(value: object) -> None:
    assert at_another_time(value, CALL) == value


def test_only_the_time_is_replaced() -> None:
    changed = at_another_time({"zone": "UTC", "now": "at 2026-03-01T12:34:57Z sharp"}, CALL)
    assert changed["zone"] == "UTC"
    assert changed["now"].startswith("at 2026-03-01")
    assert changed["now"].endswith("Z sharp")
