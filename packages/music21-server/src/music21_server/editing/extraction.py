"""Derive new scores from parts or measures of a stored one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from music21_server.editing.editable_score import (
    EditableScore,
    instrument_names,
    load_editable,
    part_ids,
)
from music21_server.editing.excerpts import document_with_measures, document_with_parts
from music21_server.reading.ingest import DerivedScore, derive
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.workers.progress import report
from music21_server.writing.selection import measure_number, select_measures, select_parts


def extract_parts(entries: tuple[Entry], parts: tuple[str, ...], limits: Limits) -> DerivedScore:
    """Return a new score with some parts of another.

    Args:
        entries: The score.
        parts: Names, ids or numbers from 1; all staves of an instrument are included.
        limits: Limits on a score.

    Raises:
        ScoreError: There is no such part.
    """
    report(0, 2, "loading the score")
    source = load_editable(entries[0], limits)
    chosen = select_parts(source.score, parts)
    content = document_with_parts(source.document, part_ids(source.score, chosen))
    report(1, 2, "reading the parts")
    measures = range(len(source.score.measure_ticks))
    return derive(Document("musicxml", content), _report(source, chosen, measures), limits)


def slice_score(
    entries: tuple[Entry],
    first_measure: str | None,
    last_measure: str | None,
    parts: tuple[str, ...] | None,
    limits: Limits,
) -> DerivedScore:
    """Return a new score with some measures of another, of all or some parts.

    Args:
        entries: The score.
        first_measure: Printed number, or ``@12`` for the twelfth; None for the beginning.
        last_measure: Printed number or position as for the first; None for the end.
        parts: Names, ids or numbers as in `extract_parts`; None for all.
        limits: Limits on a score.

    Raises:
        ScoreError: There is no such measure or part.
    """
    report(0, 2, "loading the score")
    source = load_editable(entries[0], limits)
    score = source.score
    measures = select_measures(score, first_measure, last_measure)
    chosen = select_parts(score, parts)
    content = document_with_measures(source.document, score, measures, part_ids(score, chosen))
    report(1, 2, "reading the slice")
    return derive(Document("musicxml", content), _report(source, chosen, measures), limits)


def _report(source: EditableScore, parts: tuple[int, ...], measures: range) -> Mapping[str, Any]:
    score = source.score
    return {
        "first_measure": measure_number(score, measures[0]),
        "last_measure": measure_number(score, measures[-1]),
        "extracted_parts": instrument_names(score, parts),
        "remarks": list(source.remarks),
    }
