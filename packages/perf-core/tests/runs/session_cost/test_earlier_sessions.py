"""Earlier sessions that a server has dropped: caps that refuse, replace the oldest, times that expire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from perf_core.load.session_clients import Reply
from perf_core.results.session_costs import Cap
from perf_core.runs.session_cost import earlier_sessions as module
from perf_core.runs.session_cost.earlier_sessions import EarlierSessions, Opened
from perf_core.server.client.sessions import OpenSession


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)


class FakeServer:
    """Sessions 0, 1, 2, … of which some are alive; each ping is counted."""

    def __init__(self, is_alive: Callable[[int, int], bool]) -> None:
        self.pings: list[int] = []
        self._is_alive = is_alive

    async def ping(self, session: OpenSession) -> Reply:
        self.pings.append(int(session.id))
        alive = self._is_alive(int(session.id), len(self.pings))
        return Reply("ping", 200) if alive else Reply("ping", 404, "Session not found")


def sessions(server: FakeServer, count: int, age_s: float = 60.0) -> EarlierSessions:
    """Return sessions that were opened evenly over some time, until now."""
    earlier = EarlierSessions(server.ping)
    first_s = time.monotonic() - age_s
    earlier.opened = [
        Opened(OpenSession(str(number), "http://x/mcp", "2025-11-25"), first_s + age_s * number / count)
        for number in range(count)
    ]
    return earlier


def cap_of(earlier: EarlierSessions) -> Cap:
    return asyncio.run(earlier.cap())


def test_sessions_that_are_all_open_have_no_cap() -> None:
    server = FakeServer(lambda _number, _ping: True)
    cap = cap_of(sessions(server, 500))
    assert (cap.kind, cap.sessions) == ("none", 500)
    assert cap.after_s == pytest.approx(60, abs=5)
    assert server.pings == [0]


@pytest.mark.parametrize("kept", [1, 2, 100, 499])
def test_a_server_that_replaces_the_oldest_keeps_so_many(kept: int) -> None:
    server = FakeServer(lambda number, _ping: number >= 500 - kept)
    cap = cap_of(sessions(server, 500))
    assert (cap.kind, cap.sessions) == ("replaces", kept)
    assert cap.answer is not None
    assert (cap.answer.status, cap.answer.excerpt) == (404, "Session not found")
    assert len(server.pings) < 30


def test_sessions_that_go_on_to_expire_have_a_time_instead_of_a_cap() -> None:
    # After the search and a look at the border the next ones have gone, too.
    server = FakeServer(lambda number, ping: number >= (250 if ping < 26 else 300))
    cap = cap_of(sessions(server, 500, age_s=60.0))
    assert cap.kind == "expires"
    assert cap.after_s == pytest.approx(30, abs=2)


def test_all_sessions_gone_is_expiry() -> None:
    cap = cap_of(sessions(FakeServer(lambda _number, _ping: False), 20))
    assert (cap.kind, cap.sessions) == ("expires", 0)


def test_no_session_is_asked_twice_while_more_are_opened() -> None:
    server = FakeServer(lambda number, _ping: number != 2)
    earlier = sessions(server, 10)
    looks = [asyncio.run(earlier.oldest_is_gone()) for _ in range(3)]
    assert looks == [False, False, True]
    assert server.pings == [0, 1, 2]


def test_without_sessions_there_is_nothing_to_ask() -> None:
    earlier = sessions(FakeServer(lambda _number, _ping: True), 0)
    assert not asyncio.run(earlier.oldest_is_gone())
    assert cap_of(earlier) == Cap("none", 0)
