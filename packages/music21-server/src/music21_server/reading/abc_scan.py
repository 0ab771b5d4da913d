"""Amount of music in an ABC document, counted in its text before music21 sees it.

ABC standard 2.1: a line such as `M:3/4` is a field, and so is `[M:3/4]` between notes; `%` begins a comment;
text in quotation marks is a chord symbol or an annotation, text in exclamation marks a decoration.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.conversion_cost import Workload
from music21_server.reading.part_builder import LONGEST_MEASURE_QUARTERS
from music21_server.reading.written_meters import measure_quarters

_FIELD_LINE: Final = re.compile(r"\s*([A-Za-z]):(.*)")
_TOKEN: Final = re.compile(
    r"\[([A-Za-z]):([^\]\n]*)\]"  # a field between notes
    r'|"[^"\n]*"|![^!\n ]*!'  # a chord symbol or annotation; a decoration
    r"|[A-Ga-gxyzXZ][,']*(\d*)(/*)(\d*)"  # a note or rest with its length
    r"|\((?!\d)|[){}|]"  # slurs, grace notes, barlines
)
_FRACTION: Final = re.compile(r"\s*(\d+)\s*/\s*(\d+)", re.ASCII)
_COMMON_TIME_QUARTERS: Final = 4.0
_EIGHTH_QUARTERS: Final = 0.5
_MOST_DIGITS: Final = 5
_COMPARED: Final = 0.3
"""Share of the pairs of measures without barlines that music21 compares."""


def abc_workload(text: str) -> Workload:
    """Return what music21 has to make of an ABC document.

    Raises:
        UnreadableScoreError: A length or a time signature is out of range.
    """
    scan = _Scan()
    for line in text.splitlines():
        code = line.split("%", 1)[0]
        field = _FIELD_LINE.match(code)
        if field:
            scan.take_field(field[1], field[2])
        else:
            scan.take_music(code)
    return scan.workload()


class _Scan:
    def __init__(self) -> None:
        self._measure_quarters = _COMMON_TIME_QUARTERS
        self._unit_quarters = _EIGHTH_QUARTERS
        self._tune, self._voice = 0, ""
        self._barlines: Counter[tuple[int, str]] = Counter({(0, ""): 1})
        self._notes = self._marks = self._fields = self._spanners = 0
        self._depth = self._spanned = 0
        self._pieces = 0.0
        self._filled: Counter[tuple[int, str]] = Counter()  # in thousandths of measures, by voice

    def take_field(self, name: str, value: str) -> None:
        self._fields += 1
        if name == "M":
            self._measure_quarters = measure_quarters(value) or _COMMON_TIME_QUARTERS
        elif name == "L":
            fraction = _FRACTION.match(value)
            if fraction:
                length = _number(fraction[1]) / max(1, _number(fraction[2]))
                self._unit_quarters = _checked(4 * length, f"L:{value}")
        elif name == "V":
            self._voice = value.split(maxsplit=1)[0] if value.strip() else ""
            self._barlines[self._tune, self._voice] += 1
        elif name == "X":
            self._tune += 1
            self._voice = ""
            self._barlines[self._tune, ""] += 1

    def take_music(self, line: str) -> None:
        for token in _TOKEN.finditer(line):
            sign = token[0][0]
            if token[1]:
                self.take_field(token[1], token[2])
            elif sign == "|":
                self._barlines[self._tune, self._voice] += 1
            elif sign == "(":
                self._spanners += 1
                self._depth += 1
            elif sign == ")":
                self._depth = max(0, self._depth - 1)
            elif sign == "{" or (sign == "!" and "(" in token[0]):  # grace notes, or a hairpin
                self._spanners += 1
            elif sign in '"!':
                self._marks += 1
            elif sign != "}":
                self._take_note(token)

    def _take_note(self, token: re.Match[str]) -> None:
        length = _number(token[3]) if token[3] else 1
        quarters = _checked(length * self._unit_quarters, token[0])
        self._notes += 1
        self._spanned += self._depth
        measures = quarters / self._measure_quarters
        self._pieces += max(0.0, measures - 1)
        self._filled[self._tune, self._voice] += round(1_000 * measures)

    def workload(self) -> Workload:
        measures = self._barlines.values()
        return Workload(
            notes=self._notes,
            staves=max(1, len(measures) - 1),  # without the one before the first tune
            measures=sum(measures),
            measure_pairs=sum(each**2 for each in measures),
            pieces=self._pieces,
            marks=self._marks + self._fields + self._spanners,
            # music21 compares each slur with all others, and each note with the slurs that are open. It makes
            # measures of a voice without barlines, in quadratic time, too.
            mark_pairs=self._spanners**2 / 2
            + self._spanned
            + len(measures) ** 2
            + _COMPARED * sum((each / 1_000) ** 2 for each in self._filled.values()),
            is_abc=True,
        )


def _number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise UnreadableScoreError(
            f"Expected numbers of at most {_MOST_DIGITS} digits in ABC, got {digits[:40]}: correct the "
            "length."
        )
    return int(digits)


def _checked(quarters: float, text: str) -> float:
    if quarters > LONGEST_MEASURE_QUARTERS:
        raise UnreadableScoreError(
            f"Expected notes of at most {LONGEST_MEASURE_QUARTERS} quarter notes, got {quarters:,.0f} "
            f"({text[:40]!r}): correct the length."
        )
    return quarters
