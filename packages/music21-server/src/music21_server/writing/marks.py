"""Keys, time signatures and other marks of a score by measure, pickups, and the staves of instruments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import TypeVar

from music21_server.score.table import ChordSymbol, KeyChange, Score, TempoChange, TimeChange

Mark = TypeVar("Mark", KeyChange, TimeChange, TempoChange, ChordSymbol)


def by_measure(marks: Iterable[Mark]) -> dict[tuple[int, int], list[Mark]]:
    """Return marks by part and measure, ordered by onset."""
    groups: dict[tuple[int, int], list[Mark]] = defaultdict(list)
    for mark in sorted(marks, key=attrgetter("onset")):
        groups[mark.part, mark.measure].append(mark)
    return groups


def moved_to_barlines(marks: Mapping[tuple[int, int], list[Mark]], part: int, measure: int) -> Iterator[Mark]:
    """Yield the marks within the previous measure, then those at the barline of this one."""
    yield from (mark for mark in marks.get((part, measure - 1), []) if mark.onset)
    yield from (mark for mark in marks.get((part, measure), []) if not mark.onset)


def tempos_by_measure(score: Score) -> dict[int, list[TempoChange]]:
    """Return the tempos of each measure by onset; from any part, but one at each onset."""
    by_onset: dict[int, dict[int, TempoChange]] = defaultdict(dict)
    for tempo in score.tempos:
        by_onset[tempo.measure].setdefault(tempo.onset, tempo)
    return {measure: [tempos[onset] for onset in sorted(tempos)] for measure, tempos in by_onset.items()}


def is_pickup(score: Score, part: int) -> bool:
    """Return whether the first measure is shorter than the time signature of a part, 4/4 without one."""
    usual = next(
        (time.ticks for time in score.times if time.part == part and time.measure == time.onset == 0),
        4 * score.notes.ticks_per_quarter,
    )
    return bool(len(score.measure_ticks)) and 0 < int(score.measure_ticks[0]) < usual


def instruments(score: Score) -> list[list[int]]:
    """Return the indices of parts, grouped by instrument."""
    groups: list[list[int]] = []
    before = None
    for index, part in enumerate(score.parts):
        identity = part.identity.removesuffix(f"-Staff{part.staff}")
        if part.staff and identity == before:
            groups[-1].append(index)
        else:
            groups.append([index])
        before = identity if part.staff else None
    return groups
