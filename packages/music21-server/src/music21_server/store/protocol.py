"""The interface of a score store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from music21_server.score.entry import Entry
from music21_server.store.limits import Eviction, StoredScore, StoreFigures


class ScoreStore(Protocol):
    """Keeps scores by owner and name; thread-safe.

    Every method may raise `StoreUnavailableError` if the store is outside this process.
    """

    @property
    def is_in_memory(self) -> bool:
        """Whether no method blocks; methods of other stores are called in a thread, not in an event loop."""

    def put(self, owner: str, entry: Entry, *, name: str | None = None, title: str = "") -> StoredScore:
        """Store a score; storing it again under the same name counts as a use.

        Raises:
            BadNameError: The name is invalid.
            TakenNameError: The owner has another score of that name.
            TooMuchScoreError: The store or the owner's share of it is full.
        """

    def get(self, owner: str, name: str) -> Entry:
        """Return a score, which counts as a use.

        Raises:
            UnknownScoreError: The owner has no score of that name.
        """

    def scores(self, owner: str) -> tuple[StoredScore, ...]:
        """Return an owner's scores, oldest first."""

    def delete(self, owner: str, name: str) -> None:
        """Delete a score.

        Raises:
            UnknownScoreError: The owner has no score of that name.
        """

    def delete_all(self, owner: str) -> int:
        """Delete all scores of an owner and return their number."""

    def sweep(self) -> int:
        """Free scores not used for their lifetime and return their number."""

    def figures(self) -> StoreFigures:
        """Return how full the store is, for all processes that share it."""

    def evictions(self) -> Mapping[Eviction, int]:
        """Return the number of scores that this process has freed, by reason."""

    def check(self) -> None:
        """Raise StoreUnavailableError if the store does not respond."""

    def close(self) -> None:
        """Close the store; scores outside this process stay stored."""
