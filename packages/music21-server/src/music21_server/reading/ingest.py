"""Store entries for scores that the server derives itself, such as transpositions and harmonisations."""

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

_LISTED: tuple[str, ...] = (
    "title", "composer", "measures", "notes", "lowest_sounding", "highest_sounding", "duration_quarters",
    "duration_s",
)  # fmt: skip
"""Facts of the overview that listings show, besides the number of parts."""


@dataclass(frozen=True)
class DerivedScore:
    """A new score.

    Attributes:
        entry: What the store keeps.
        report: JSON-able account of how the score was derived.
    """

    entry: Entry
    report: Mapping[str, Any]


def derive(document: Document, report: Mapping[str, Any], limits: Limits) -> DerivedScore:
    """Return a new score, with columns read back from its document as for an imported one.

    Raises:
        TooMuchScoreError: The score exceeds a limit.
    """
    return DerivedScore(stored_entry(document, formats.read(document, limits)), report)


def stored_entry(document: Document, score: Score) -> Entry:
    """Return the store entry for a document and the score read from it."""
    facts = asdict(information(score))
    info = {**{name: facts[name] for name in _LISTED}, "parts": len(score.parts)}
    if score.remarks:
        info["remarks"] = list(score.remarks)
    return Entry.from_document(document, codec.encode(score), info)
