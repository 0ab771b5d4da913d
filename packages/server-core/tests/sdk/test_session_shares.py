"""Shares of sessions: a cap for each client, and room for clients with fewer."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_core.sdk.session_shares import UNKNOWN_CLIENT, IdleSession, SessionShares, Share, session_client

ANN, BOB, EVE = b"ann", b"bob", b"eve"


@dataclass
class Table:
    """Sessions by number, opened one after the other; those in `busy` serve a request."""

    shares: SessionShares
    sessions: dict[int, Share] = field(default_factory=dict)
    busy: set[int] = field(default_factory=set)
    expired: int = 0
    opened: int = 0

    def __post_init__(self) -> None:
        self.shares.add_table(self)

    def open(self, client: bytes) -> int | None:
        if not self.shares.make_room(client):
            return None
        self.opened += 1
        self.sessions[self.opened] = self.shares.take(client)
        return self.opened

    def close(self, number: int) -> None:
        self.shares.give_back(self.sessions.pop(number))

    def expire(self) -> None:
        self.expired += 1

    def longest_idle(self, share: Share) -> IdleSession | None:
        for number, owner in self.sessions.items():
            if owner is share and number not in self.busy:
                return IdleSession(float(number), functools.partial(self.close, number))
        return None

    def share_of(self, session_id: str) -> Share | None:
        # A table lives until the next collection, and may be asked for the sessions of a later test.
        return self.sessions.get(int(session_id)) if session_id.isdigit() else None

    def of(self, client: bytes) -> list[int]:
        return [number for number, share in self.sessions.items() if share.client == client]


def test_a_client_with_its_share_gives_up_its_oldest_idle_session() -> None:
    table = Table(SessionShares(100, 3))
    table.open(BOB)
    numbers = [table.open(ANN) for _ in range(3)]
    table.busy = {2}
    assert table.open(ANN) is not None
    assert table.of(ANN) == [2, 4, 5], "3 was the oldest idle one"
    assert (numbers, table.of(BOB)) == ([2, 3, 4], [1])


def test_the_log_says_once_that_a_client_has_its_share(caplog: pytest.LogCaptureFixture) -> None:
    table = Table(SessionShares(100, 2))
    with caplog.at_level(logging.WARNING):
        for client in (ANN, ANN, ANN, ANN, BOB):
            table.open(client)
    (record,) = caplog.records
    assert "2 sessions (setting max_sessions_per_client)" in record.getMessage()


def test_a_client_whose_sessions_are_all_busy_gets_no_more() -> None:
    table = Table(SessionShares(100, 2))
    table.busy = {1, 2}
    assert [table.open(ANN) for _ in range(4)] == [1, 2, None, None]
    assert table.open(BOB) == 3


def test_the_oldest_of_several_kinds_is_given_up() -> None:
    shares = SessionShares(100, 2)
    one, other = Table(shares), Table(shares, opened=10)
    other.open(ANN)
    one.open(ANN)
    assert one.open(ANN) == 2
    assert (one.of(ANN), other.of(ANN)) == ([2], [11])


def test_a_full_server_takes_from_the_client_with_the_most() -> None:
    table = Table(SessionShares(4, 100))
    for client in (EVE, EVE, EVE, ANN):
        table.open(client)
    assert table.open(BOB) == 5
    assert (table.of(EVE), table.of(ANN), table.of(BOB)) == ([2, 3], [4], [5])


def test_a_full_server_takes_nothing_for_a_client_with_as_many() -> None:
    table = Table(SessionShares(2, 100))
    assert [table.open(ANN), table.open(BOB), table.open(EVE), table.open(ANN)] == [1, 2, None, None]


def test_one_client_alone_is_refused_when_the_server_is_full() -> None:
    table = Table(SessionShares(2, 100))
    assert [table.open(ANN) for _ in range(3)] == [1, 2, None]


def test_clients_that_cannot_be_told_apart_share_the_limit_of_all() -> None:
    table = Table(SessionShares(5, 2))
    numbers = [table.open(UNKNOWN_CLIENT) for _ in range(5)]
    assert numbers == [1, 2, 3, 4, 5]
    assert [table.open(UNKNOWN_CLIENT), table.open(ANN)] == [None, None]
    table.close(1)
    assert table.open(ANN) == 6
    assert table.open(UNKNOWN_CLIENT) is None


def test_expired_sessions_end_before_any_other_is_given_up() -> None:
    table = Table(SessionShares(2, 100))
    table.open(ANN)
    assert table.expired == 1


def test_the_client_of_a_session_is_known_while_it_is_open() -> None:
    table = Table(SessionShares(100, 100), opened=1_000_000)
    numbers = [table.open(client) for client in (ANN, BOB, ANN)]
    clients = [session_client(str(number)) for number in numbers]
    assert clients[0] == clients[2] != clients[1]
    assert numbers[0] is not None
    table.close(numbers[0])
    assert session_client(str(numbers[0])) is None


def test_a_session_that_was_opened_without_room_takes_it_afterwards() -> None:
    table = Table(SessionShares(4, 3))
    for client in (EVE, EVE, EVE, ANN):
        table.open(client)
    shares = table.shares
    assert shares.may_open(EVE)
    assert shares.may_open(BOB)
    assert table.of(EVE) == [1, 2, 3], "nothing has been given up yet"
    table.sessions[5] = shares.take(BOB)
    shares.settle(BOB)
    assert (table.of(EVE), table.of(BOB)) == ([2, 3], [5])
    shares.settle(BOB)
    assert table.of(EVE) == [2, 3]
    table.busy = {2, 3, 4, 5}
    assert not shares.may_open(BOB)


@given(
    st.lists(st.tuples(st.sampled_from([ANN, BOB, EVE]), st.booleans()), max_size=60),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_limits_hold_and_nothing_is_remembered_of_clients_without_sessions(
    openings: list[tuple[bytes, bool]], limit: int, limit_per_client: int
) -> None:
    table = Table(SessionShares(limit, limit_per_client))
    for client, is_busy in openings:
        number = table.open(client)
        if number is not None and is_busy:
            table.busy.add(number)
        assert len(table.sessions) <= limit
        assert all(len(table.of(each)) <= limit_per_client for each in (ANN, BOB, EVE))
    for number in list(table.sessions):
        table.close(number)
    assert table.shares._shares == {}
    assert table.shares.make_room(ANN)
