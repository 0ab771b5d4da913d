"""Amount of music in a Humdrum document, counted in its text before music21 sees it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.conversion_cost import Workload
from music21_server.reading.part_builder import LONGEST_MEASURE_QUARTERS
from music21_server.reading.written_meters import measure_quarters

_COMPARED: Final = 0.3
"""Share of the pairs of marks that music21 compares; it looks through all marks of a spine for each."""

_COMPARED_COMMENTS: Final = 0.02
_RATIONAL: Final = re.compile(r"(\d+)%(\d+)")
_NUMBER: Final = re.compile(r"\d+")
_MOST_DIGITS: Final = 6
_MOST_DOTS: Final = 8
_MOST_ACCIDENTALS: Final = 14
_LONGEST_TYPES: Final = {"0": 8.0, "00": 16.0, "000": 32.0}
"""Quarters of a breve, a longa and a maxima."""

_COMMON_TIME_QUARTERS: Final = 4.0
_PATHS: Final = frozenset({"*^", "*v", "*x", "*+"})
"""Tokens that split, join, exchange and add spines."""


def humdrum_workload(text: str) -> Workload:
    """Return what music21 has to make of a Humdrum document.

    Raises:
        UnreadableScoreError: A time or key signature or a length is out of range.
    """
    notes = spines = measures = comments = events = 0
    pieces = 0.0
    marks: Counter[int] = Counter()  # by column: barlines, interpretations and grace notes
    filled: Counter[int] = Counter()  # in thousandths of measures, by column
    meters: defaultdict[int, float] = defaultdict(lambda: _COMMON_TIME_QUARTERS)
    without_lengths: set[int] = set()  # columns of lyrics, dynamics and others, until spines change places
    for line in text.splitlines():
        if line.startswith("!"):
            comments += 1
            continue
        tokens = line.split("\t")
        events += len(tokens)
        for column, token in enumerate(tokens):
            if token.startswith("**"):
                spines += 1
                (without_lengths.discard if token.startswith("**kern") else without_lengths.add)(column)
            elif token.startswith("*"):
                marks[column] += len(token) > 1
                if token in _PATHS:
                    without_lengths.clear()
                if token.startswith("*M"):
                    meters[column] = measure_quarters(token[2:]) or meters[column]
                elif token.startswith("*k"):
                    _check_key(token)
            elif token.startswith("="):
                marks[column] += 1
                measures += 1
                filled[column] = 0  # measures with barlines are not divided
            elif token not in ("", "."):
                notes += token.count(" ") + 1
                marks[column] += "q" in token.lower()
                if column not in without_lengths:
                    length = max(map(_quarters, token.split(" "))) / meters[column]
                    pieces += max(0.0, length - 1)
                    filled[column] += round(1_000 * length)
    without_barlines = [each / 1_000 for each in filled.values()]
    return Workload(
        notes,
        staves=max(1, spines),
        measures=measures + sum(without_barlines),
        measure_pairs=sum(each**2 for each in without_barlines),
        pieces=pieces,
        marks=marks.total() - measures,
        mark_pairs=_COMPARED * sum(each**2 for each in marks.values()) + _COMPARED_COMMENTS * comments**2,
        events=events,
    )


def _quarters(token: str) -> float:
    """Return the length of a note, as music21 finds it in a token.

    Raises:
        UnreadableScoreError: It is out of range.
    """
    rational = _RATIONAL.search(token)
    number = rational or _NUMBER.search(token)
    if number is None:
        return 1.0
    dots = token.count(".")
    if max(map(len, number.groups() or (number[0],))) > _MOST_DIGITS or dots > _MOST_DOTS:
        raise _out_of_range(token)
    if rational:
        quarters = 4 * int(rational[2]) / (int(rational[1]) or 1)
    else:
        quarters = _LONGEST_TYPES.get(number[0]) or 4 / (int(number[0]) or 0.5)
    quarters *= 2 - 0.5**dots
    if quarters > LONGEST_MEASURE_QUARTERS:
        raise _out_of_range(token)
    return quarters


def _check_key(token: str) -> None:
    accidentals = max(token.count("#"), token.count("-"))
    if accidentals > _MOST_ACCIDENTALS:
        raise UnreadableScoreError(
            f"Expected at most {_MOST_ACCIDENTALS} accidentals in a key signature, got {accidentals:,} "
            f"({token[:40]!r}): correct it."
        )


def _out_of_range(token: str) -> UnreadableScoreError:
    return UnreadableScoreError(
        f"Expected notes of at most {LONGEST_MEASURE_QUARTERS} quarter notes and {_MOST_DOTS} dots in kern, "
        f"written with at most {_MOST_DIGITS} digits, got {token[:40]!r}: correct the length."
    )
