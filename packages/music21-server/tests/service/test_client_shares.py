"""All sessions of one client together get half of the store."""

from __future__ import annotations

import pytest

from music21_server.errors import TooMuchScoreError
from music21_server.score.entry import Entry
from music21_server.service.client_shares import ClientShares
from music21_server.store.limits import StoreLimits
from music21_server.store.local import LocalStore

LIMITS = StoreLimits(
    max_scores=8, max_scores_per_owner=2, max_stored_bytes=20_000, max_stored_bytes_per_owner=6_000
)


def entry(number: int, size_bytes: int = 100) -> Entry:
    return Entry(f"{number:064x}", "abc", b"x" * size_bytes, size_bytes, b"", {"title": ""})


class Service:
    """A store whose owners are called `<client> <number>`, or have no client."""

    def __init__(self) -> None:
        self.store = LocalStore(LIMITS)
        self.shares = ClientShares(LIMITS, lambda owner: owner.split()[0] if " " in owner else None)

    def put(self, owner: str, number: int, size_bytes: int = 100) -> None:
        score = entry(number, size_bytes)
        owners = self.shares.add(owner, score)
        if owners:
            self.shares.check(owner, owners, score, self.store)
        self.store.put(owner, score)

    def end(self, owner: str) -> None:
        if self.shares.forget(owner):
            self.store.delete_all(owner)


def test_the_sessions_of_a_client_get_half_of_the_scores() -> None:
    service = Service()
    for number in range(4):
        service.put(f"ann {number}", number)
    with pytest.raises(TooMuchScoreError, match=r"4 scores in all sessions of one client.*got 5"):
        service.put("ann 4", 4)
    service.put("ann 0", 0)  # the same score again is none more
    for number in range(4):
        service.put(f"bob {number}", 10 + number)


def test_the_sessions_of_a_client_get_half_of_the_bytes() -> None:
    service = Service()
    for number in range(3):
        service.put(f"ann {number}", number, 3_000)
    with pytest.raises(TooMuchScoreError, match=r"10,000 bytes of scores in all sessions"):
        service.put("ann 3", 3, 3_000)
    service.put("bob 0", 4, 3_000)


def test_deleted_scores_and_closed_sessions_count_no_more() -> None:
    service = Service()
    for number in range(4):
        service.put(f"ann {number}", number)
    service.store.delete("ann 0", service.store.scores("ann 0")[0].name)
    service.put("ann 4", 4)
    for number in range(5):
        service.end(f"ann {number}")
    assert (service.shares._shares, service.shares._clients) == ({}, {})
    for number in range(4):
        service.put(f"ann {number + 10}", number + 10)


def test_other_owners_have_only_their_own_limits() -> None:
    service = Service()
    for owner in ("a", "b", "c", "d"):
        for number in range(2):
            service.put(owner, ord(owner) * 10 + number)
    assert service.store.figures().names == 8
    assert not service.shares.forget("unknown")
