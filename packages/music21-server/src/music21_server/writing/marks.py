"""Keys, time signatures and other marks of a score, bar by bar."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import TypeVar

from music21_server.score.table import ChordSymbol, KeyChange, Score, TempoChange, TimeChange

Mark = TypeVar("Mark", KeyChange, TimeChange, TempoChange, ChordSymbol)


def by_bar(marks: Iterable[Mark]) -> dict[tuple[int, int], list[Mark]]:
    """Return marks by part and bar, in the order of time."""
    found: dict[tuple[int, int], list[Mark]] = defaultdict(list)
    for mark in sorted(marks, key=attrgetter("onset")):
        found[mark.part, mark.measure].append(mark)
    return found


def moved_to_barlines(marks: Mapping[tuple[int, int], list[Mark]], part: int, bar: int) -> Iterator[Mark]:
    """Yield marks of a barline, and before them those that stand within the bar before it."""
    yield from (mark for mark in marks.get((part, bar - 1), []) if mark.onset)
    yield from (mark for mark in marks.get((part, bar), []) if not mark.onset)


def tempos_by_bar(score: Score) -> dict[int, list[TempoChange]]:
    """Return the tempos of each bar in the order of time: one for each moment, whichever part has it."""
    found: dict[int, dict[int, TempoChange]] = defaultdict(dict)
    for tempo in score.tempos:
        found[tempo.measure].setdefault(tempo.onset, tempo)
    return {bar: [tempos[onset] for onset in sorted(tempos)] for bar, tempos in found.items()}


def is_pickup(score: Score, part: int) -> bool:
    """Tell whether the first bar is shorter than the time signature of a part says; 4/4 without one."""
    usual = next(
        (time.ticks for time in score.times if time.part == part and time.measure == time.onset == 0),
        4 * score.notes.ticks_per_quarter,
    )
    return bool(len(score.measure_ticks)) and 0 < int(score.measure_ticks[0]) < usual


def instruments(score: Score) -> list[list[int]]:
    """Return the indices of parts, the staves of one instrument together."""
    found: list[list[int]] = []
    before = None
    for index, part in enumerate(score.parts):
        identity = part.identity.removesuffix(f"-Staff{part.staff}")
        if part.staff and identity == before:
            found[-1].append(index)
        else:
            found.append([index])
        before = identity if part.staff else None
    return found
