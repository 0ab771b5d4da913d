"""The tunes of an ABC document, which may be a book of many.

ABC standard 2.1: a tune begins with its reference number (`X:`) and its title (`T:`); what stands before the
first belongs to all.
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
        number: Its reference number.
        title: Its first title; may be empty.
        text: Complete, with what stands before the first tune of the document.
    """

    number: int
    title: str
    text: str


def tunes(text: str) -> list[Tune]:
    """Return the tunes of a document; none where it has no reference numbers."""
    begins = list(_NUMBER.finditer(text))
    head = text[: begins[0].start()] if begins else ""
    edges = [match.start() for match in begins] + [len(text)]
    found = []
    for match, end in zip(begins, edges[1:], strict=True):
        body = text[match.start() : end]
        title = _TITLE.search(body)
        found.append(Tune(int(match[1]), title[1].strip() if title else "", head + body))
    return found


def are_voices_of_one(found: list[Tune]) -> bool:
    """Tell whether tunes are the voices of one work, as older books write them: all have its title."""
    return len({tune.title for tune in found}) <= 1


def tune(text: str, number: int) -> Tune:
    """Return the tune with a reference number.

    Raises:
        UnreadableScoreError: There is none.
    """
    found = tunes(text)
    for each in found:
        if each.number == number:
            return each
    raise UnreadableScoreError(
        f"Expected a tune with the number {number} (X:), the document has {listed(found)}."
    )


def listed(found: list[Tune]) -> str:
    """Return the first tunes by number and title, for an error."""
    shown = ", ".join(f"X:{each.number} {each.title[:40]!r}" for each in found[:_SHOWN])
    return f"{len(found)} ({shown}{', ...' if len(found) > _SHOWN else ''})"
