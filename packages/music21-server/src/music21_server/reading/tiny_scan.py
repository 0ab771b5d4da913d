"""Amount of music in tiny notation, counted in its text before music21 sees it."""

from __future__ import annotations

import re
from typing import Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.conversion_cost import Workload
from music21_server.reading.written_meters import measure_quarters

_NOTE: Final = re.compile(r"[^\d.]*(\d*)(\.*)")
_LONGEST_WORD: Final = 200
_MOST_NESTED: Final = 8
_MOST_DOTS: Final = 8
_MOST_DIGITS: Final = 4


def tiny_workload(text: str) -> Workload:
    """Return what music21 has to make of tiny notation.

    Raises:
        UnreadableScoreError: A word or a time signature is out of range, or braces are nested too deeply.
    """
    measure, length, total = 4.0, 1.0, 0.0
    measures = pieces = 0.0
    notes = depth = marks = 0
    for word in text.split()[1:]:
        _check_word(word)
        if depth + word.count("{") > _MOST_NESTED:
            raise UnreadableScoreError(
                f"Expected braces nested at most {_MOST_NESTED} deep in tiny notation, got more: close them "
                "with }."
            )
        depth += word.count("{") - word.count("}")
        marks += word.count("{")
        written = measure_quarters(word)
        if written:
            measures += total / measure
            measure, total = written, 0.0
            marks += 1
            continue
        number, dots = _NOTE.match(word.rpartition("{")[2]).groups()  # type: ignore[union-attr]
        if number or dots:
            length = 4 / max(1, int(number or 4)) * (2 - 0.5 ** len(dots))
        notes += 1
        total += length
        pieces += max(0.0, length / measure - 1)
    measures += total / measure
    return Workload(notes, measures=measures, measure_pairs=measures**2, pieces=pieces, marks=marks)


def _check_word(word: str) -> None:
    note = _NOTE.match(word.rpartition("{")[2])
    is_long = len(word) > _LONGEST_WORD
    if is_long or (note and (len(note[1]) > _MOST_DIGITS or len(note[2]) > _MOST_DOTS)):
        raise UnreadableScoreError(
            f"Expected words of at most {_LONGEST_WORD} characters in tiny notation, with at most "
            f"{_MOST_DIGITS} digits and {_MOST_DOTS} dots, got {word[:40]!r}: write notes such as c4 or f#8."
        )
