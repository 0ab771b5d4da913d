"""Which bars and parts somebody means, and a score of these alone."""

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

_NAMED: Final = 12
"""Parts that a message names."""

_LONGEST_NAME: Final = 100
"""Of a part, in letters; looking for what is near to a longer one would take long."""


def select_measures(score: Score, first: str | None = None, last: str | None = None) -> range:
    """Return the indices of bars by their printed numbers.

    Where a number is printed on several bars (movements that count anew), `first` is the first of them, and
    `last` the next one from there on. ``@12`` is the twelfth bar of the score whatever is printed on it.

    Args:
        score: Whose bars.
        first: Such as ``5``, ``12a`` or ``@12``; None for the beginning.
        last: Likewise, itself included; None for the end.

    Raises:
        ScoreError: There is no such bar.
    """
    bars = len(score.measure_ticks)
    if not bars:
        raise ScoreError("Expected a score with bars, this one has none.")
    begin = 0 if first is None else _measure(score, first, 0)
    end = bars - 1 if last is None else _measure(score, last, begin)
    if end < begin:
        raise ScoreError(f"Expected the last bar to be none before the first, got {first} to {last}.")
    return range(begin, end + 1)


def _measure(score: Score, number: str, since: int) -> int:
    """Return the index of a bar, looked for from another on."""
    bars = len(score.measure_ticks)
    number = number.strip()
    if number.startswith("@"):
        place = _place(number[1:], bars)
        if place is not None:
            return place
    numbers = [measure_number(score, index) for index in range(bars)]
    for index in [*range(since, bars), *range(since)]:
        if numbers[index] == number:
            return int(index)
    raise ScoreError(
        f"Expected the number of a bar, from {numbers[0]} to {numbers[-1]} (or @1 to @{bars}, counted from "
        f"the "
        f"beginning), got {number[:40]!r}."
    )


def _place(text: str, count: int) -> int | None:
    """Return the index of a place that is counted from 1; None where there is no such place."""
    if not text.isdecimal() or len(text) > len(str(count)):
        return None
    return int(text) - 1 if 1 <= int(text) <= count else None


def measure_number(score: Score, index: int) -> str:
    """Return the printed number of a bar; its place where nothing is printed."""
    printed = score.measure_numbers[index] if index < len(score.measure_numbers) else ""
    return printed or str(index + 1)


def part_name(score: Score, index: int) -> str:
    """Return the printed name of a part; ``Part 3`` where nothing is printed."""
    return score.parts[index].name or f"Part {index + 1}"


def select_parts(score: Score, parts: Sequence[str] | None = None) -> tuple[int, ...]:
    """Return the indices of parts by name, id or place.

    Args:
        score: Whose parts.
        parts: Names (all that have one are meant; upper and lower case are alike), ids of the document, or
            places from ``1``; None for all.

    Raises:
        ScoreError: There is no such part.
    """
    if parts is None:
        return tuple(range(len(score.parts)))
    found = {index for part in parts for index in _part(score, part)}
    if not found:
        raise ScoreError(f"Expected at least one part, got none. The score has: {_names(score)}.")
    return tuple(sorted(found))


def _part(score: Score, wanted: str) -> list[int]:
    key = wanted.strip().casefold()
    labels = [
        (part_name(score, index).casefold(), part.identity.casefold())
        for index, part in enumerate(score.parts)
    ]
    for column in (0, 1):
        if found := [index for index, label in enumerate(labels) if label[column] == key]:
            return found
    place = _place(key, len(score.parts))
    if place is not None:
        return [place]
    names = [name for name, _ in labels]
    near = difflib.get_close_matches(key[:_LONGEST_NAME], names, n=1)
    hint = f"Did you mean {part_name(score, names.index(near[0]))!r}? " if near else ""
    raise ScoreError(
        f"Expected the name, id or place (1 to {len(score.parts)}) of a part, got {wanted[:40]!r}. {hint}"
        f"The score has: {_names(score)}."
    )


def _names(score: Score) -> str:
    names = [f"{index + 1} {part_name(score, index)}" for index in range(len(score.parts))]
    if len(names) > _NAMED:
        return ", ".join(names[:_NAMED]) + f" and {len(names) - _NAMED} more"
    return ", ".join(names)


def excerpt(
    score: Score, first: str | None = None, last: str | None = None, parts: Sequence[str] | None = None
) -> Score:
    """Return a score of some bars of some parts, as `select_measures` and `select_parts` understand them.

    Raises:
        ScoreError: There is no such bar or part.
    """
    if first is None and last is None and parts is None:
        return score
    return extract(score, select_measures(score, first, last), select_parts(score, parts))


def extract(score: Score, measures: range, parts: Sequence[int]) -> Score:
    """Return a score of some bars of some parts; what was in force before the first of them is in force at
    it.

    Args:
        score: The whole.
        measures: Indices of bars, one after another.
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
        # A tempo counts for all parts, and often only the first one has it.
        tempos=tuple(_marks(_tempos(score, parts[0]), measures, renumbered, is_state=True)),
        chord_symbols=tuple(_marks(score.chord_symbols, measures, renumbered, is_state=False)),
        fermatas=tuple(_marks(score.fermatas, measures, renumbered, is_state=False)),
    )


def _tempos(score: Score, part: int) -> list[TempoChange]:
    """Return the tempos of all parts as those of one, one for each moment."""
    found: dict[tuple[int, int], TempoChange] = {}
    for tempo in score.tempos:
        found.setdefault((tempo.measure, tempo.onset), replace(tempo, part=part))
    return [found[at] for at in sorted(found)]


def _part_from(part: Part, measures: range) -> Part:
    """Return a part whose transposition at the first bar is the one in force."""
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
    """Yield the marks of some bars; where they stand for a state, first the last one before each part's."""
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
