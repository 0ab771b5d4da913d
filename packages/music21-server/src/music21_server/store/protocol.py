"""What the server asks of a store of scores, wherever it keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from music21_server.score.entry import Entry
from music21_server.store.limits import Eviction, StoredScore, StoreFigures


class ScoreStore(Protocol):
    """Keeps scores by owner and name; any thread may use it.

    All of it may raise `StoreUnavailableError` where others than this process keep the scores.
    """

    @property
    def is_in_memory(self) -> bool:
        """Whether no method waits for anything; others are called in a thread, not in an event loop."""

    def put(self, owner: str, entry: Entry, *, name: str | None = None, title: str = "") -> StoredScore:
        """Store a score; what is stored already is used by that.

        Raises:
            BadNameError: It cannot be a name.
            TakenNameError: The name stands for another score of this owner.
            TooMuchScoreError: There is no room.
        """

    def get(self, owner: str, name: str) -> Entry:
        """Return a score, which counts as a use.

        Raises:
            UnknownScoreError: The owner has none of that name.
        """

    def scores(self, owner: str) -> tuple[StoredScore, ...]:
        """Return an owner's scores, in the order in which they were stored."""

    def delete(self, owner: str, name: str) -> None:
        """Delete a score.

        Raises:
            UnknownScoreError: The owner has none of that name.
        """

    def delete_all(self, owner: str) -> int:
        """Delete all scores of an owner; return how many there were."""

    def sweep(self) -> int:
        """Free what has not been used for its lifetime, and return how many."""

    def figures(self) -> StoreFigures:
        """Return how full the store is."""

    def evictions(self) -> Mapping[Eviction, int]:
        """Return how many scores this process has freed, by reason."""

    def check(self) -> None:
        """Return if the store answers."""

    def close(self) -> None:
        """Let go of the store; what outlives this process stays there."""
