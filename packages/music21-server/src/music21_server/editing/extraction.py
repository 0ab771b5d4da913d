"""Parts or measures of a stored score become a score of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from music21_server.editing.editable_score import Editable, editable, identities_of, names_of
from music21_server.editing.excerpts import extracted, sliced
from music21_server.reading.ingest import DerivedScore, derive
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.workers.progress import report
from music21_server.writing.selection import measure_number, select_measures, select_parts


def extract(entries: tuple[Entry], parts: tuple[str, ...], limits: Limits) -> DerivedScore:
    """Return some parts of a score, whole.

    Args:
        entries: The score.
        parts: Names, ids or places from 1; a part comes with all staves of its instrument.
        limits: Of a score.

    Raises:
        ScoreError: There is no such part.
    """
    report(0, 2, "loading the score")
    source = editable(entries[0], limits)
    chosen = select_parts(source.score, parts)
    content = extracted(source.document, identities_of(source.score, chosen))
    report(1, 2, "reading the parts")
    measures = range(len(source.score.measure_ticks))
    return derive(Document("musicxml", content), _report(source, chosen, measures), limits)


def cut(
    entries: tuple[Entry],
    first_measure: str | None,
    last_measure: str | None,
    parts: tuple[str, ...] | None,
    limits: Limits,
) -> DerivedScore:
    """Return some measures of a score, of all or some of its parts.

    Args:
        entries: The score.
        first_measure: Number as printed, or ``@12`` for the twelfth; None for the beginning.
        last_measure: Likewise; None for the end.
        parts: As in `extract`; None for all.
        limits: Of a score.

    Raises:
        ScoreError: There is no such measure or part.
    """
    report(0, 2, "loading the score")
    source = editable(entries[0], limits)
    score = source.score
    measures = select_measures(score, first_measure, last_measure)
    chosen = select_parts(score, parts)
    content = sliced(source.document, score, measures, identities_of(score, chosen))
    report(1, 2, "reading the slice")
    return derive(Document("musicxml", content), _report(source, chosen, measures), limits)


def _report(source: Editable, parts: tuple[int, ...], measures: range) -> Mapping[str, Any]:
    score = source.score
    return {
        "first_measure": measure_number(score, measures[0]),
        "last_measure": measure_number(score, measures[-1]),
        "extracted_parts": names_of(score, parts),
        "remarks": list(source.remarks),
    }
