"""Work says how far it has come, and not too often."""

from __future__ import annotations

import pytest

from music21_server.workers import progress
from music21_server.workers.progress import Progress, listening, report


def test_without_a_listener_reports_do_nothing() -> None:
    report(1, 2, "half")


def test_the_first_report_arrives_at_once_and_later_ones_ten_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 0.0
    monkeypatch.setattr(progress, "monotonic", lambda: now_s)
    heard: list[Progress] = []
    with listening(heard.append):
        for step in range(9):
            now_s = step / 16  # every second one is more than 0.1 s after the last that was heard
            report(step, 100, "bars")
    report(100, 100, "nobody listens any more")
    assert [each.done for each in heard] == [0, 2, 4, 6, 8]
    assert heard[0] == Progress(0, 100, "bars")
