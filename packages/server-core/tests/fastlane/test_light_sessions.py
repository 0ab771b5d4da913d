"""Light sessions: what they share, what they count, and which of them give way."""

from __future__ import annotations

from server_core.fastlane.light_sessions import LightSession, LightSessions
from server_core.sdk.session_ids import SessionIds
from server_core.sdk.session_shares import SessionShares


class Sessions(LightSessions):
    """Light sessions with a record of those that have ended."""

    def __init__(
        self, limit: int = 10_000, *, per_client: int = 10_000, idle_timeout_s: float = 60.0
    ) -> None:
        self.shares = SessionShares(limit, per_client)
        self.ended: list[str] = []
        super().__init__(self.shares, idle_timeout_s, SessionIds(), self.ended.append)

    def opened(self, params: bytes = b"{}", client: bytes = b"ann") -> LightSession | None:
        return self.open("2025-11-25", params, None, client) if self.shares.make_room(client) else None


def test_equal_parameters_are_one_object() -> None:
    sessions = Sessions()
    first, second = (sessions.open("2025-11-25", bytes(bytearray(b"{}")), None, b"ann") for _ in range(2))
    assert first.initialize_params is second.initialize_params


def test_parameters_are_forgotten_with_the_last_session_that_has_them() -> None:
    sessions = Sessions()
    opened = [sessions.open("2025-11-25", b"%d" % (number % 50), None, b"ann") for number in range(100)]
    assert len(sessions._params._texts) == 50
    for session in opened[:50]:
        sessions.close(session)
    assert len(sessions._params._texts) == 50
    for session in opened[50:]:
        sessions.close(session)
        sessions.close(session)  # a second end changes nothing
    assert (sessions._params._texts, +sessions._params._references) == ({}, {})
    assert sessions.ended == [session.session_id.decode() for session in opened]


def test_a_client_with_its_share_gives_up_the_session_that_it_used_least_recently() -> None:
    sessions = Sessions(per_client=2)
    first, second = sessions.opened(), sessions.opened()
    other = sessions.opened(client=b"bob")
    assert first is not None
    assert second is not None
    assert other is not None
    sessions.touch(first)
    assert sessions.opened() is not None
    assert sessions.get(second.session_id) is None
    assert sessions.get(first.session_id) is first
    assert sessions.get(other.session_id) is other
    assert sessions.ended == [second.session_id.decode()]


def test_sessions_that_serve_a_request_do_not_give_way() -> None:
    sessions = Sessions(per_client=1)
    session = sessions.opened()
    assert session is not None
    sessions.begin(session)
    assert sessions.opened() is None
    sessions.end(session)
    assert sessions.opened() is not None
    assert sessions.get(session.session_id) is None


def test_the_session_that_gives_way_is_found_without_a_look_at_those_of_other_clients() -> None:
    sessions = Sessions(per_client=2)
    for _ in range(2):
        sessions.opened(client=b"bob")
    mine = [sessions.opened() for _ in range(2)]
    share = mine[0].share  # type: ignore[union-attr]
    sessions.touch(mine[0])  # type: ignore[arg-type]
    assert list(sessions._by_share[share].values()) == mine[::-1]
    for session in mine:
        sessions.close(session)  # type: ignore[arg-type]
    assert sessions.longest_idle(share) is None
    assert len(sessions._by_share) == 1


def test_expired_sessions_make_room() -> None:
    sessions = Sessions(limit=1, idle_timeout_s=0.0)
    first = sessions.opened()
    assert first is not None
    first.used_at -= 1
    assert sessions.opened() is not None
    assert sessions.ended == [first.session_id.decode()]


def test_a_session_that_goes_on_elsewhere_has_not_ended() -> None:
    sessions = Sessions()
    session = sessions.opened()
    assert session is not None
    assert sessions.remove(session)
    assert not sessions.remove(session)
    assert (sessions.ended, sessions.shares._shares, len(sessions)) == ([], {}, 0)


def test_cleared_sessions_count_no_more() -> None:
    sessions = Sessions(limit=2)
    for _ in range(2):
        assert sessions.opened() is not None
    sessions.clear()
    assert (sessions.ended, sessions.shares._shares, sessions._params._texts) == ([], {}, {})
