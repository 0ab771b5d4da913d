"""A stored score becomes a transposed one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from music21_server.editing.column_transposition import moving_rows, transposed_columns
from music21_server.editing.document_transposition import (
    TransposedDocument,
    is_percussion,
    transposed_document,
)
from music21_server.editing.editable_score import (
    Editable,
    editable,
    identities_of,
    identity_of,
    names_of,
    with_all_staves,
)
from music21_server.editing.intervals import Interval, interval_named
from music21_server.editing.transposition_plan import (
    check_range,
    interval_of_semitones,
    interval_to_key,
    plan_of,
)
from music21_server.errors import ScoreError
from music21_server.reading.ingest import DerivedScore, stored_entry
from music21_server.reading.musicxml import read_musicxml
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.score.table import UNPITCHED, Score
from music21_server.theory.keys.estimate import likely_key
from music21_server.theory.pitch.names import Key, name_at, parse_key
from music21_server.theory.pitch.transposition import sounding_pitches
from music21_server.workers.progress import report
from music21_server.writing.selection import select_parts

Direction = Literal["up", "down"]

_MOST_SEMITONES = 60


@dataclass(frozen=True)
class Wish:
    """By how much somebody wants a score transposed: one of the first three.

    Attributes:
        interval: Such as ``M3`` or ``-P5``.
        semitones: Up, or down below zero.
        to_key: Such as ``E- major``.
        from_key: The key that it is in; None for the one that key analysis finds.
        direction: Of an interval, or of the way to the key; None for up, and for the nearer way.
        parts: Names, ids or places from 1; None for all.
    """

    interval: str | None = None
    semitones: int | None = None
    to_key: str | None = None
    from_key: str | None = None
    direction: Direction | None = None
    parts: tuple[str, ...] | None = None


def transpose(entries: tuple[Entry], wish: Wish, limits: Limits) -> DerivedScore:
    """Return a score transposed.

    Raises:
        ScoreError: The wish means nothing, or cannot be written.
    """
    _check(wish)
    report(0, 3, "loading the score")
    source = editable(entries[0], limits)
    score = source.score
    moving = _moving(source, wish)
    key = _key(score, wish)
    interval = _interval(score, moving, wish, key)
    rows = moving_rows(score.notes, moving)
    check_range(score, rows, interval)
    plan = plan_of(score, moving, interval)
    report(1, 3, f"transposing {len(moving)} parts by {plan.interval.name}")
    made = transposed_document(source.document, plan, identities_of(score, moving))
    report(2, 3, "storing")
    entry = stored_entry(
        Document("musicxml", made.content), _columns(score, moving, plan.interval, made, limits)
    )
    return DerivedScore(entry, _report(source, moving, plan.interval, made, key))


def _check(wish: Wish) -> None:
    given = [name for name in ("interval", "semitones", "to_key") if getattr(wish, name) is not None]
    if len(given) != 1:
        raise ScoreError(
            "Expected exactly one of interval (`M3`, `-P5`), semitones (-12) and to_key (`E- major`), got "
            f"{' and '.join(given) or 'none'}."
        )
    if wish.from_key is not None and wish.to_key is None:
        raise ScoreError("Expected from_key with to_key only: leave it out.")
    if wish.semitones is not None and wish.direction is not None:
        raise ScoreError("Expected no direction with semitones: below zero they lead down. Leave it out.")
    if wish.semitones is not None and abs(wish.semitones) > _MOST_SEMITONES:
        raise ScoreError(f"Expected at most {_MOST_SEMITONES} semitones up or down, got {wish.semitones:,}.")


def _moving(source: Editable, wish: Wish) -> tuple[int, ...]:
    """Return the parts that move: those wanted, with all staves of their instruments, less percussion."""
    score = source.score
    table = score.notes
    chosen = with_all_staves(score, select_parts(score, wish.parts))
    pitched = set(identities_of(score, np.unique(table.part[moving_rows(table, chosen)]).tolist()))
    drums = identities_of(score, np.unique(table.part[table.kind == UNPITCHED]).tolist()) - pitched
    drums |= {part.identity for part in source.document.parts if is_percussion(source.document, part)}
    moving = tuple(index for index in chosen if identity_of(score, index) not in drums)
    if not pitched - drums:
        what = "the parts asked for have" if wish.parts is not None else "this score has"
        raise ScoreError(
            f"Expected pitched notes to transpose, {what} none (rests and percussion do not move)."
        )
    return moving


def _key(score: Score, wish: Wish) -> Key | None:
    if wish.to_key is None:
        return None
    if wish.from_key is not None:
        return parse_key(wish.from_key)
    return likely_key(score, sounding_pitches(score))


def _interval(score: Score, moving: tuple[int, ...], wish: Wish, key: Key | None) -> Interval:
    if wish.semitones is not None:
        return interval_of_semitones(score, moving, wish.semitones)
    if wish.to_key is not None and key is not None:
        return interval_to_key(key, parse_key(wish.to_key), wish.direction)
    interval = interval_named(wish.interval or "")
    if wish.direction == "up" and not interval.is_up:
        raise ScoreError(
            f"Expected an interval up, as the direction says, got {wish.interval!r}, which leads down: leave "
            "the direction or the hyphen out."
        )
    return interval.down if wish.direction == "down" and interval.is_up else interval


def _columns(
    score: Score, moving: tuple[int, ...], interval: Interval, made: TransposedDocument, limits: Limits
) -> Score:
    """Return the columns of what was made; read from it, where not everything moved alike."""
    if made.is_plain and all(len(texts) == 1 for texts in made.symbols.values()):
        symbols = {old: next(iter(texts)) for old, texts in made.symbols.items()}
        return transposed_columns(score, moving, interval, symbols)
    return read_musicxml(made.content, limits)


def _report(
    source: Editable, moving: tuple[int, ...], interval: Interval, made: TransposedDocument, key: Key | None
) -> Mapping[str, Any]:
    score = source.score
    others = [index for index in range(len(score.parts)) if index not in set(moving)]
    remarks = list(source.remarks)
    if made.has_diagrams:
        remarks.append("Fret diagrams of chord symbols are left out, as they were those of other chords.")
    if not made.is_plain:
        remarks.append(
            "Some passages are spelled otherwise than the interval has it, as more than seven sharps or "
            "flats in a signature, or two at a note, cannot be written."
        )
    keys = {}
    if key is not None:
        to = Key(name_at(key.tonic_fifths + interval.fifths), key.mode)
        keys = {"from_key": key.text, "to_key": to.text}
    return {
        "interval": interval.name,
        "semitones": interval.semitones,
        **keys,
        "transposed_parts": names_of(score, moving),
        "other_parts": names_of(score, others),
        "remarks": remarks,
    }
