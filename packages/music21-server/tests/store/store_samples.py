"""Scores to store, and the types of the fixtures that open stores."""

from __future__ import annotations

from collections.abc import Callable

from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.store.limits import StoreLimits
from music21_server.store.protocol import ScoreStore

HOUR_S = 3600.0
LIMITS = StoreLimits()

Make = Callable[..., ScoreStore]
Open = Callable[[str, StoreLimits, Callable[[], float]], ScoreStore]


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def entry(content: str = "a", columns: bytes = bytes(10)) -> Entry:
    return Entry.from_document(Document("abc", content.encode()), columns, {"title": content})


def names(store: ScoreStore, owner: str = "o") -> list[str]:
    return [score.name for score in store.scores(owner)]
