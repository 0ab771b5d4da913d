"""Selection of measures and parts, and excerpts of a score."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np

from music21_server.errors import ScoreError
from music21_server.score.table import (
    ChordSymbol,
    Fermata,
    KeyChange,
    NoteTable,
    Part,
    Score,
    TempoChange,
    TimeChange,
    Transposition,
)

_LISTED: Final = 12
"""Most parts that a message lists."""

_LONGEST_NAME: Final = 100
"""Characters of a part name that are compared with others; the time grows with their square."""


def select_measures(score: Score, first: str | None = None, last: str | None = None) -> range:
    """Return the indices of measures by their printed numbers.

    If several measures have a number (in movements that are numbered separately), `first` is the first of
    them, and `last` the next one from there on. ``@12`` is the twelfth measure of the score, whatever its
    number.

    Args:
        first: Number such as ``5``, ``12a`` or ``@12``; None for the beginning.
        last: Number of the last measure, itself included; None for the end.

    Raises:
        ScoreError: There is no such measure.
    """
    measures = len(score.measure_ticks)
    if not measures:
        raise ScoreError("Expected a score with measures, got one without any.")
    begin = 0 if first is None else _measure(score, first, 0)
    end = measures - 1 if last is None else _measure(score, last, begin)
    if end < begin:
        raise ScoreError(
            f"Expected the last measure not to precede the first, got {first} to {last}: swap them."
        )
    return range(begin, end + 1)


def _measure(score: Score, number: str, since: int) -> int:
    """Return the index of a measure, searching from index `since` on and then from the beginning."""
    measures = len(score.measure_ticks)
    number = number.strip()
    if number.startswith("@"):
        index = _index(number[1:], measures)
        if index is not None:
            return index
    numbers = [measure_number(score, index) for index in range(measures)]
    for index in [*range(since, measures), *range(since)]:
        if numbers[index] == number:
            return int(index)
    raise ScoreError(
        f"Expected the number of a measure, from {numbers[0]} to {numbers[-1]} (or @1 to @{measures}, "
        f"counted from the beginning), got {number[:40]!r}."
    )


def _index(text: str, count: int) -> int | None:
    """Return the index for a position that is counted from 1; None if it is out of range."""
    if not text.isdecimal() or len(text) > len(str(count)):
        return None
    return int(text) - 1 if 1 <= int(text) <= count else None


def measure_number(score: Score, index: int) -> str:
    """Return the printed number of a measure, or else its position from 1."""
    printed = score.measure_numbers[index] if index < len(score.measure_numbers) else ""
    return printed or str(index + 1)


def part_name(score: Score, index: int) -> str:
    """Return the printed name of a part, or else a name such as ``Part 3``."""
    return score.parts[index].name or f"Part {index + 1}"


def select_parts(score: Score, parts: Sequence[str] | None = None) -> tuple[int, ...]:
    """Return the indices of parts by name, id or position.

    Args:
        parts: Names (of all parts with that name; case does not matter), ids of the document, or positions
            from ``1``; None for all.

    Raises:
        ScoreError: There is no such part.
    """
    if parts is None:
        return tuple(range(len(score.parts)))
    indices = {index for part in parts for index in _part(score, part)}
    if not indices:
        raise ScoreError(f"Expected at least one part, got none. The score has: {_names(score)}.")
    return tuple(sorted(indices))


def _part(score: Score, part: str) -> list[int]:
    key = part.strip().casefold()
    labels = [
        (part_name(score, index).casefold(), each.identity.casefold())
        for index, each in enumerate(score.parts)
    ]
    for column in (0, 1):
        if matches := [index for index, label in enumerate(labels) if label[column] == key]:
            return matches
    position = _index(key, len(score.parts))
    if position is not None:
        return [position]
    names = [name for name, _ in labels]
    near = difflib.get_close_matches(key[:_LONGEST_NAME], names, n=1)
    hint = f"Did you mean {part_name(score, names.index(near[0]))!r}? " if near else ""
    raise ScoreError(
        f"Expected the name, id or position (1 to {len(score.parts)}) of a part, got {part[:40]!r}. {hint}"
        f"The score has: {_names(score)}."
    )


def _names(score: Score) -> str:
    names = [f"{index + 1} {part_name(score, index)}" for index in range(len(score.parts))]
    if len(names) > _LISTED:
        return ", ".join(names[:_LISTED]) + f" and {len(names) - _LISTED} more"
    return ", ".join(names)


def excerpt(
    score: Score, first: str | None = None, last: str | None = None, parts: Sequence[str] | None = None
) -> Score:
    """Return some measures of some parts as a score; arguments as in `select_measures` and `select_parts`.

    Raises:
        ScoreError: There is no such measure or part.
    """
    if first is None and last is None and parts is None:
        return score
    return extract(score, select_measures(score, first, last), select_parts(score, parts))


def extract(score: Score, measures: range, parts: Sequence[int]) -> Score:
    """Return some measures of some parts as a score.

    Keys, time signatures, tempos and transpositions in force before the first measure are moved to it.

    Args:
        score: The whole score.
        measures: Indices of consecutive measures.
        parts: Indices of parts, in order.
    """
    kept = np.asarray(parts, dtype=np.int64)
    own = score.own_ticks[kept, measures.start : measures.stop]
    renumbered = {part: index for index, part in enumerate(parts)}
    return replace(
        score,
        parts=tuple(_part_from(score.parts[part], measures) for part in parts),
        notes=_rows(score.notes, measures, kept),
        measure_numbers=tuple(measure_number(score, index) for index in measures),
        measure_ticks=score.measure_ticks[measures.start : measures.stop],
        own_ticks=own,
        keys=tuple(_marks(score.keys, measures, renumbered, is_state=True)),
        times=tuple(_marks(score.times, measures, renumbered, is_state=True)),
        # A tempo holds for all parts, but is often written in the first one only.
        tempos=tuple(_marks(_tempos(score, parts[0]), measures, renumbered, is_state=True)),
        chord_symbols=tuple(_marks(score.chord_symbols, measures, renumbered, is_state=False)),
        fermatas=tuple(_marks(score.fermatas, measures, renumbered, is_state=False)),
    )


def _tempos(score: Score, part: int) -> list[TempoChange]:
    """Return the tempos of all parts as tempos of one part, at most one at each onset."""
    tempos: dict[tuple[int, int], TempoChange] = {}
    for tempo in score.tempos:
        tempos.setdefault((tempo.measure, tempo.onset), replace(tempo, part=part))
    return [tempos[at] for at in sorted(tempos)]


def _part_from(part: Part, measures: range) -> Part:
    """Return a part with the transpositions of some measures, including the one in force before them."""
    before = [each for each in part.transpositions if each.measure <= measures.start]
    after = [each for each in part.transpositions if measures.start < each.measure < measures.stop]
    moved = [
        Transposition(max(each.measure - measures.start, 0), each.diatonic, each.chromatic)
        for each in before[-1:] + after
    ]
    return replace(part, transpositions=tuple(moved))


def _rows(table: NoteTable, measures: range, parts: np.ndarray) -> NoteTable:
    kept = (table.measure >= measures.start) & (table.measure < measures.stop) & np.isin(table.part, parts)
    columns = {
        name: getattr(table, name)[kept]
        for name in (
            "duration", "kind", "step", "alter_cents", "octave", "tie", "grace", "cue", "voice", "node",
            "onset",
        )
    }  # fmt: skip
    return NoteTable(
        **columns,
        part=np.searchsorted(parts, table.part[kept]),
        measure=table.measure[kept] - measures.start,
        ticks_per_quarter=table.ticks_per_quarter,
    )


_Mark = TypeVar("_Mark", KeyChange, TimeChange, TempoChange, ChordSymbol, Fermata)


def _marks(
    marks: Iterable[_Mark], measures: range, parts: dict[int, int], *, is_state: bool
) -> Iterable[_Mark]:
    """Yield the marks of some measures; if `is_state`, first those in force before the measures."""
    before: dict[int, _Mark] = {}
    inside: list[_Mark] = []
    for mark in marks:
        if mark.part not in parts:
            continue
        if measures.start <= mark.measure < measures.stop:
            inside.append(mark)
        elif mark.measure < measures.start:
            last = before.get(mark.part)
            if last is None or (last.measure, last.onset) <= (mark.measure, mark.onset):
                before[mark.part] = mark
    replaced = {mark.part for mark in inside if mark.measure == measures.start and mark.onset == 0}
    if is_state:
        for part, mark in before.items():
            if part not in replaced:
                yield replace(mark, part=parts[part], measure=0, onset=0)
    for mark in inside:
        yield replace(mark, part=parts[mark.part], measure=mark.measure - measures.start)
