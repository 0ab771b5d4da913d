"""Derive a transposed score from a stored one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from music21_server.editing.column_transposition import moving_rows, transpose_columns
from music21_server.editing.document_transposition import (
    TransposedDocument,
    is_percussion,
    transpose_document,
)
from music21_server.editing.editable_score import (
    EditableScore,
    instrument_names,
    load_editable,
    part_id,
    part_ids,
    with_all_staves,
)
from music21_server.editing.intervals import Interval, parse_interval
from music21_server.editing.transposition_plan import (
    check_range,
    interval_of_semitones,
    interval_to_key,
    plan_transposition,
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

_MAX_SEMITONES = 60


@dataclass(frozen=True)
class TranspositionRequest:
    """Arguments of a transposition; exactly one of the first three is given.

    Attributes:
        interval: Name such as ``M3`` or ``-P5``.
        semitones: Number of semitones, negative downwards.
        to_key: Key such as ``E- major``.
        from_key: Present key of the score; None for the key that key analysis finds.
        direction: Direction of the interval or towards the key; None means up, or the shorter way to a key.
        parts: Names, ids or numbers from 1; None for all.
    """

    interval: str | None = None
    semitones: int | None = None
    to_key: str | None = None
    from_key: str | None = None
    direction: Direction | None = None
    parts: tuple[str, ...] | None = None


def transpose(entries: tuple[Entry], request: TranspositionRequest, limits: Limits) -> DerivedScore:
    """Return a transposed score.

    Raises:
        ScoreError: The request is contradictory, or its result cannot be written.
    """
    _check(request)
    report(0, 3, "loading the score")
    source = load_editable(entries[0], limits)
    score = source.score
    moving = _moving_parts(source, request)
    key = _present_key(score, request)
    interval = _interval(score, moving, request, key)
    rows = moving_rows(score.notes, moving)
    check_range(score, rows, interval)
    plan = plan_transposition(score, moving, interval)
    report(1, 3, f"transposing {len(moving)} parts by {plan.interval.name}")
    result = transpose_document(source.document, plan, part_ids(score, moving))
    report(2, 3, "storing")
    columns = _columns(score, moving, plan.interval, result, limits)
    entry = stored_entry(Document("musicxml", result.content), columns)
    return DerivedScore(entry, _report(source, moving, plan.interval, result, key))


def _check(request: TranspositionRequest) -> None:
    given = [name for name in ("interval", "semitones", "to_key") if getattr(request, name) is not None]
    if len(given) != 1:
        raise ScoreError(
            "Expected exactly one of interval (`M3`, `-P5`), semitones (-12) and to_key (`E- major`), got "
            f"{' and '.join(given) or 'none'}."
        )
    if request.from_key is not None and request.to_key is None:
        raise ScoreError("Expected from_key only together with to_key, got it alone: leave it out.")
    if request.semitones is not None and request.direction is not None:
        raise ScoreError(
            f"Expected no direction with semitones, got {request.direction!r}: leave it out, and use "
            "negative semitones to go down."
        )
    if request.semitones is not None and abs(request.semitones) > _MAX_SEMITONES:
        raise ScoreError(
            f"Expected at most {_MAX_SEMITONES} semitones up or down, got {request.semitones:,}."
        )


def _moving_parts(source: EditableScore, request: TranspositionRequest) -> tuple[int, ...]:
    """Return the requested parts, with all staves of their instruments and without percussion."""
    score = source.score
    table = score.notes
    chosen = with_all_staves(score, select_parts(score, request.parts))
    pitched = set(part_ids(score, np.unique(table.part[moving_rows(table, chosen)]).tolist()))
    drums = part_ids(score, np.unique(table.part[table.kind == UNPITCHED]).tolist()) - pitched
    drums |= {part.identity for part in source.document.parts if is_percussion(source.document, part)}
    moving = tuple(index for index in chosen if part_id(score, index) not in drums)
    if not pitched - drums:
        subject = "the requested parts" if request.parts is not None else "this score"
        raise ScoreError(
            f"Expected pitched notes to transpose, got none in {subject}: rests and percussion do not move."
        )
    return moving


def _present_key(score: Score, request: TranspositionRequest) -> Key | None:
    if request.to_key is None:
        return None
    if request.from_key is not None:
        return parse_key(request.from_key)
    return likely_key(score, sounding_pitches(score))


def _interval(
    score: Score, moving: tuple[int, ...], request: TranspositionRequest, key: Key | None
) -> Interval:
    if request.semitones is not None:
        return interval_of_semitones(score, moving, request.semitones)
    if request.to_key is not None and key is not None:
        return interval_to_key(key, parse_key(request.to_key), request.direction)
    interval = parse_interval(request.interval or "")
    if request.direction == "up" and not interval.is_up:
        raise ScoreError(
            f"Expected an upward interval with direction `up`, got {request.interval!r}: leave out the "
            "direction or the hyphen."
        )
    return interval.down if request.direction == "down" and interval.is_up else interval


def _columns(
    score: Score, moving: tuple[int, ...], interval: Interval, result: TransposedDocument, limits: Limits
) -> Score:
    """Return the transposed columns, computed if the transposition was uniform, else read from the result."""
    if result.is_uniform and all(len(texts) == 1 for texts in result.symbols.values()):
        symbols = {old: next(iter(texts)) for old, texts in result.symbols.items()}
        return transpose_columns(score, moving, interval, symbols)
    return read_musicxml(result.content, limits)


def _report(
    source: EditableScore,
    moving: tuple[int, ...],
    interval: Interval,
    result: TransposedDocument,
    key: Key | None,
) -> Mapping[str, Any]:
    score = source.score
    others = [index for index in range(len(score.parts)) if index not in set(moving)]
    remarks = list(source.remarks)
    if result.has_diagrams:
        remarks.append("Fret diagrams of chord symbols are left out, because they show the old chords.")
    if not result.is_uniform:
        remarks.append(
            "Some passages are respelled, because the interval would need more than seven sharps or flats in "
            "a signature, or more than two on a note."
        )
    keys = {}
    if key is not None:
        new_key = Key(name_at(key.tonic_fifths + interval.fifths), key.mode)
        keys = {"from_key": key.text, "to_key": new_key.text}
    return {
        "interval": interval.name,
        "semitones": interval.semitones,
        **keys,
        "transposed_parts": instrument_names(score, moving),
        "other_parts": instrument_names(score, others),
        "remarks": remarks,
    }
