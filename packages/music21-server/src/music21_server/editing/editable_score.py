"""A stored score as a document that can be edited."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from music21_server.editing.scan import ScannedDocument, scan
from music21_server.reading.musicxml import read_musicxml
from music21_server.score import codec
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.writing.musicxml import musicxml_of
from music21_server.writing.selection import part_name

WRITTEN_ANEW: Final = (
    "The score came as {kind} and was written as MusicXML first: notes, rests, ties, voices, signatures, "
    "tempos, transpositions and chord symbols are kept; lyrics, slurs, dynamics, articulations, repeats and "
    "layout of the source are not."
)


@dataclass(frozen=True)
class Editable:
    """A score to edit.

    Attributes:
        document: MusicXML, with the places of its measures.
        score: What is read from it.
        remarks: What was lost on the way here, in sentences.
    """

    document: ScannedDocument
    score: Score
    remarks: tuple[str, ...]


def editable(entry: Entry, limits: Limits) -> Editable:
    """Return a stored score as MusicXML: as it was imported, or written from its columns.

    Raises:
        UnreadableScoreError: The document is broken.
        TooMuchScoreError: It is beyond a limit.
    """
    source, score = entry.document(), codec.decode(entry.columns)
    content = musicxml_of(source, score, limits)
    if source.kind in ("musicxml", "mxl"):
        return Editable(scan(content), score, ())
    return Editable(scan(content), read_musicxml(content, limits), (WRITTEN_ANEW.format(kind=source.kind),))


def identity_of(score: Score, index: int) -> str:
    """Return the document's id of the part that a staff belongs to."""
    part = score.parts[index]
    return part.identity.removesuffix(f"-Staff{part.staff}") if part.staff else part.identity


def identities_of(score: Score, parts: Collection[int]) -> frozenset[str]:
    """Return the document's ids of the parts that staves belong to."""
    return frozenset(identity_of(score, index) for index in parts)


def with_all_staves(score: Score, parts: Sequence[int]) -> tuple[int, ...]:
    """Return the indices of some parts and of the other staves of the same instruments."""
    wanted = identities_of(score, parts)
    return tuple(index for index in range(len(score.parts)) if identity_of(score, index) in wanted)


def names_of(score: Score, parts: Collection[int]) -> list[str]:
    """Return the names of parts, one for all staves of an instrument."""
    return list({identity_of(score, index): part_name(score, index) for index in sorted(parts)}.values())
