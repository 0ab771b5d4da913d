"""Tunes of an ABC document, which may be a book of many.

ABC standard 2.1: a tune begins with its reference number (`X:`) and its title (`T:`); the lines before the
first tune apply to all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from music21_server.errors import UnreadableScoreError

_NUMBER: Final = re.compile(r"(?m)^X:[ \t]*(\d{1,9})")
_TITLE: Final = re.compile(r"(?m)^T:(.*)$")
_SHOWN: Final = 5


@dataclass(frozen=True)
class Tune:
    """A tune.

    Attributes:
        number: Reference number.
        title: First title; may be empty.
        head: The lines before the first tune of the document.
        body: The tune itself.
    """

    number: int
    title: str
    head: str
    body: str

    @property
    def text(self) -> str:
        """Complete ABC; made on demand, because a book of many tunes may have a long head."""
        return self.head + self.body


def tunes(text: str) -> list[Tune]:
    """Return the tunes of a document; none if it has no reference numbers."""
    begins = list(_NUMBER.finditer(text))
    head = text[: begins[0].start()] if begins else ""
    edges = [match.start() for match in begins] + [len(text)]
    book = []
    for match, end in zip(begins, edges[1:], strict=True):
        body = text[match.start() : end]
        title = _TITLE.search(body)
        book.append(Tune(int(match[1]), title[1].strip() if title else "", head, body))
    return book


def are_voices_of_one(book: list[Tune]) -> bool:
    """Return whether tunes are the voices of one work, as older books write them: all have its title.

    Tunes without a title are tunes of their own.
    """
    titles = {tune.title for tune in book}
    return len(book) <= 1 or (len(titles) == 1 and titles != {""})


def tune(text: str, number: int) -> Tune:
    """Return the tune with a reference number.

    Raises:
        UnreadableScoreError: No tune has that number.
    """
    book = tunes(text)
    for each in book:
        if each.number == number:
            return each
    raise UnreadableScoreError(
        f"Expected the number (X:) of a tune, got {number}: the document has {summary(book)}."
    )


def summary(book: list[Tune]) -> str:
    """Return the number of tunes and the first few, for an error."""
    shown = ", ".join(f"X:{each.number} {each.title[:40]!r}" for each in book[:_SHOWN])
    return f"{len(book)} tune{'s' * (len(book) != 1)} ({shown}{', ...' if len(book) > _SHOWN else ''})"


def one_work(text: str) -> list[Tune]:
    """Return the tunes of a document that is one work: one tune, or several that are its voices.

    Raises:
        UnreadableScoreError: The document is a book of works.
    """
    book = tunes(text) or [Tune(0, "", "", text)]
    if not are_voices_of_one(book):
        raise UnreadableScoreError(
            f"Expected ABC with one tune, got {summary(book)}: send one of them, from its X: line to the "
            "line before the next X:."
        )
    return book
