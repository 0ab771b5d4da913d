"""The share of the store that one client may fill with its sessions.

A session without a token is an owner of its own, with limits of its own, and a client may open a thousand.
All its sessions together get half of the store, so that there is room for others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from music21_server.errors import TooMuchScoreError
from music21_server.score.entry import Entry
from music21_server.store.limits import StoreLimits
from music21_server.store.protocol import ScoreStore


@dataclass
class _Share:
    """The scores of a client; `scores` and `size_bytes` are never too low, but deleted ones may count."""

    owners: set[str] = field(default_factory=set)
    scores: int = 0
    size_bytes: int = 0


class ClientShares:
    """The owners that have stored scores through this process, and what their clients have stored.

    Args:
        limits: Limits of the store.
        client_of: Returns a key for the client of an owner who is one of several; None for any other owner.
    """

    def __init__(self, limits: StoreLimits, client_of: Callable[[str], str | None]) -> None:
        self._max_scores = max(limits.max_scores // 2, limits.max_scores_per_owner)
        self._max_bytes = max(limits.max_stored_bytes // 2, limits.max_stored_bytes_per_owner)
        self._client_of = client_of
        self._clients: dict[str, str | None] = {}
        self._shares: dict[str, _Share] = {}

    def add(self, owner: str, entry: Entry) -> Collection[str]:
        """Count a score that an owner is about to store.

        Returns:
            The owners of the client, if their scores must be counted exactly before: `check`. Else nothing.
        """
        if owner not in self._clients:
            self._clients[owner] = self._client_of(owner)
        client = self._clients[owner]
        if client is None:
            return ()
        share = self._shares.setdefault(client, _Share())
        share.owners.add(owner)
        share.scores += 1
        share.size_bytes += entry.size_bytes
        is_within = share.scores <= self._max_scores and share.size_bytes <= self._max_bytes
        return () if is_within else tuple(share.owners)

    def check(self, owner: str, owners: Collection[str], entry: Entry, store: ScoreStore) -> None:
        """Count the scores of a client's owners, of whom one is about to store another score.

        Raises:
            TooMuchScoreError: They have too much.
        """
        stored = [score for each in owners for score in store.scores(each)]
        scores, size_bytes = len(stored) + 1, sum(score.size_bytes for score in stored) + entry.size_bytes
        client = self._clients.get(owner)
        if client is not None and client in self._shares:
            share = self._shares[client]
            share.scores, share.size_bytes = scores, size_bytes
        if any(score.content_id == entry.content_id for score in store.scores(owner)):
            return  # nothing new is stored
        for what, count, most in (
            ("scores", scores, self._max_scores),
            ("bytes of scores", size_bytes, self._max_bytes),
        ):
            if count > most:
                raise TooMuchScoreError(
                    f"Expected at most {most:,} {what} in all sessions of one client, half of the store, got "
                    f"{count:,} with this one. Delete scores that are no longer needed (delete_score), or "
                    "close sessions."
                )

    def forget(self, owner: str) -> bool:
        """Forget an owner and return whether it may have scores."""
        if owner not in self._clients:
            return False
        client = self._clients.pop(owner)
        share = None if client is None else self._shares.get(client)
        if client is not None and share is not None:
            share.owners.discard(owner)
            if not share.owners:
                del self._shares[client]
        return True
