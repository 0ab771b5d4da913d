"""Counts of open sessions during a load."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from perf_core.sampling.session_count import SessionCounter
from perf_core.server.credentials.access import Access, bearer

DEADLINE_S = 30
ACCESS = bearer(["t"])


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterator[int | None]], threading.Event]:
    """Return a function that sets what the server reports; its event tells that all of it was read."""

    def report(counts: Iterator[int | None]) -> threading.Event:
        is_over = threading.Event()

        def open_sessions(_url: str, *, access: Access) -> int | None:
            assert access is ACCESS
            count = next(counts, "over")
            if count == "over":
                is_over.set()
                return None
            return count

        monkeypatch.setattr("perf_core.server.client.endpoints.open_sessions", open_sessions)
        return is_over

    return report


def test_sessions_are_counted_and_a_gap_is_left_out(reported: Callable[..., threading.Event]) -> None:
    is_over = reported(iter([3, None, 5]))
    with SessionCounter("http://server/mcp", ACCESS, interval_s=0.001) as counter:
        assert is_over.wait(DEADLINE_S)
    assert [count.open for count in counter.counts] == [3, 5]
    assert counter.counts[0].at_s <= counter.counts[1].at_s


def test_server_that_reports_no_sessions_is_asked_once(reported: Callable[..., threading.Event]) -> None:
    asked = threading.Semaphore(0)

    def nothing() -> Iterator[None]:
        while True:
            asked.release()
            yield None

    reported(nothing())
    with SessionCounter("http://server/mcp", ACCESS, interval_s=0.001) as counter:
        assert asked.acquire(timeout=DEADLINE_S)
        assert not asked.acquire(timeout=0.05)
    assert counter.counts == ()
