"""Pauses that a server reports during a load."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

import pytest

from perf_core.sampling.pauses import PauseReader
from perf_core.server.credentials.access import Access, bearer

DEADLINE_S = 30
ACCESS = bearer(["t"])

Totals = Mapping[str, float | None]
NOTHING: Totals = {"gc": None, "lag": None}


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterator[Totals]], threading.Event]:
    """Return a function that sets what the server reports; its event tells that all of it was read."""

    def report(answers: Iterator[Totals]) -> threading.Event:
        is_over = threading.Event()

        def totals(_url: str, _endings: object, *, access: Access) -> Totals:
            assert access is ACCESS
            answer = next(answers, None)
            if answer is None:
                is_over.set()
                return NOTHING
            return answer

        monkeypatch.setattr("perf_core.server.client.endpoints.totals", totals)
        return is_over

    return report


def test_totals_are_read_and_a_gap_is_left_out(reported: Callable[..., threading.Event]) -> None:
    is_over = reported(iter([{"gc": 0.5, "lag": None}, NOTHING, {"gc": 0.7, "lag": 2.0}]))
    with PauseReader("http://server/mcp", ACCESS, interval_s=0.001) as reader:
        assert is_over.wait(DEADLINE_S)
    assert [(each.gc_pause_s, each.loop_lag_s) for each in reader.readings] == [(0.5, None), (0.7, 2.0)]
    first, second = reader.readings
    assert first.asked_s <= first.at_s <= second.asked_s


def test_server_that_reports_none_is_asked_once(reported: Callable[..., threading.Event]) -> None:
    asked = threading.Semaphore(0)

    def nothing() -> Iterator[Totals]:
        while True:
            asked.release()
            yield NOTHING

    reported(nothing())
    with PauseReader("http://server/mcp", ACCESS, interval_s=0.001) as reader:
        assert asked.acquire(timeout=DEADLINE_S)
        assert not asked.acquire(timeout=0.05)
    reader.finish()
    assert not asked.acquire(blocking=False)
    assert reader.readings == ()


def test_last_reading_is_made_after_the_load(reported: Callable[..., threading.Event]) -> None:
    reported(iter([{"gc": 0.5, "lag": None}, {"gc": 0.9, "lag": None}]))
    # The interval is longer than the load.
    with PauseReader("http://server/mcp", ACCESS, interval_s=1000) as reader:
        while not reader.readings:
            reader.stopping.wait(0.001)
    reader.finish()
    assert [each.gc_pause_s for each in reader.readings] == [0.5, 0.9]
