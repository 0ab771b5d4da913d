"""Scores that the server makes itself, as the store keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from music21_server.reading import formats
from music21_server.score import codec
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.theory.analyses.overview import information


@dataclass(frozen=True)
class Made:
    """A new score.

    Attributes:
        entry: As the store keeps it.
        report: What there is to say about how it was made, JSON-able.
    """

    entry: Entry
    report: Mapping[str, Any]


def made(document: Document, report: Mapping[str, Any], limits: Limits) -> Made:
    """Return a new score, read back from its document like any other.

    Args:
        document: The score.
        report: What there is to say about it, JSON-able.
        limits: Of a score.

    Raises:
        TooMuchScoreError: It is beyond a limit.
    """
    return Made(stored(document, formats.read(document, limits)), report)


def stored(document: Document, score: Score) -> Entry:
    """Return what the store keeps of a document and what was read from it."""
    return Entry.of(document, codec.encode(score), _facts(score))


def _facts(score: Score) -> dict[str, Any]:
    """Return what lists say of a score."""
    found = asdict(information(score))
    names = ("title", "composer", "measures", "notes", "lowest_sounding", "highest_sounding",
             "duration_quarters", "duration_s")  # fmt: skip
    return {**{name: found[name] for name in names}, "parts": len(score.parts)}
