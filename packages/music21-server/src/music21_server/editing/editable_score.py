"""Stored scores as MusicXML documents to edit."""

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

CONVERSION_REMARK: Final = (
    "The score was imported as {kind} and converted to MusicXML first: notes, rests, ties, voices, "
    "signatures, tempos, transpositions and chord symbols are kept; lyrics, slurs, dynamics, articulations, "
    "repeats and layout of the source are lost."
)


@dataclass(frozen=True)
class EditableScore:
    """A score to edit.

    Attributes:
        document: The MusicXML, scanned for its measures.
        score: The same music as columns.
        remarks: Sentences about what the conversion to MusicXML lost.
    """

    document: ScannedDocument
    score: Score
    remarks: tuple[str, ...]


def load_editable(entry: Entry, limits: Limits) -> EditableScore:
    """Return a stored score as MusicXML: the imported document, or one written from the columns.

    Raises:
        UnreadableScoreError: The document is broken.
        TooMuchScoreError: The document exceeds a limit.
    """
    source, score = entry.document(), codec.decode(entry.columns)
    content = musicxml_of(source, score, limits)
    if source.kind in ("musicxml", "mxl"):
        return EditableScore(scan(content), score, ())
    remark = CONVERSION_REMARK.format(kind=source.kind)
    return EditableScore(scan(content), read_musicxml(content, limits), (remark,))


def part_id(score: Score, index: int) -> str:
    """Return the `<part>` id of a part by its index; all staves of an instrument share one."""
    part = score.parts[index]
    return part.identity.removesuffix(f"-Staff{part.staff}") if part.staff else part.identity


def part_ids(score: Score, parts: Collection[int]) -> frozenset[str]:
    """Return the `<part>` ids of parts by their indices."""
    return frozenset(part_id(score, index) for index in parts)


def with_all_staves(score: Score, parts: Sequence[int]) -> tuple[int, ...]:
    """Return the indices of all staves of the instruments that these parts belong to."""
    ids = part_ids(score, parts)
    return tuple(index for index in range(len(score.parts)) if part_id(score, index) in ids)


def instrument_names(score: Score, parts: Collection[int]) -> list[str]:
    """Return the names of parts, once for all staves of an instrument."""
    return list({part_id(score, index): part_name(score, index) for index in sorted(parts)}.values())
