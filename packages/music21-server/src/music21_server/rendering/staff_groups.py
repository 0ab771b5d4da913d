"""A document of many staves becomes several of fewer staves, whose notes say when they begin.

Verovio's time grows with the square of the number of staves.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final, NamedTuple

from lxml import etree

from music21_server.editing.part_list import part_list
from music21_server.reading.xml import parsed

_TICKS_PER_QUARTER: Final = 1_000_000
_NAME: Final = re.compile(r"b(\d+)t(\d+)([ng])\d+")


class Moment(NamedTuple):
    """When a note of an excerpt begins.

    Attributes:
        measure: Index of the bar in the excerpt.
        ticks: Since the beginning of the bar, millionths of a quarter.
    """

    measure: int
    ticks: int


def split(musicxml: bytes, most_staves: int) -> list[bytes]:
    """Return a document as several of the same bars, in the order of its parts.

    The ids of notes are replaced by names that `moment_of` understands.

    Args:
        musicxml: In UTF-8.
        most_staves: That one of them has, unless a single part has more.
    """
    whole = parsed(musicxml)
    numbers = iter(range(1_000_000_000))
    groups: list[list[Any]] = []
    room = 0
    for part in whole.findall("part"):
        _name_notes(part, numbers)
        staves = _staves(part)
        if staves > room:
            groups.append([])
            room = max(most_staves, staves)
        groups[-1].append(part)
        room -= staves
    return [_document(whole, parts) for parts in groups]


def moment_of(name: str) -> Moment | None:
    """Return when a note begins, by the name that `split` gave it."""
    match = _NAME.fullmatch(name)
    return Moment(int(match[1]), int(match[2])) if match else None


def is_grace(name: str) -> bool:
    """Return whether a name is that of a grace note, which stands before its moment."""
    match = _NAME.fullmatch(name)
    return match is not None and match[3] == "g"


def _staves(part: Any) -> int:
    return max((int(each.text or 1) for each in part.iterfind("measure/attributes/staves")), default=1)


def _document(whole: Any, parts: list[Any]) -> bytes:
    root = etree.Element("score-partwise", version=whole.get("version", "4.0"))
    root.append(part_list(whole.find("part-list"), {part.get("id") for part in parts}))
    root.extend(copy.copy(part) for part in parts)
    return bytes(etree.tostring(root, encoding="utf-8"))


def _name_notes(part: Any, numbers: Iterator[int]) -> None:
    divisions = Fraction(1)
    for index, measure in enumerate(part.iterfind("measure")):
        now = begin = Fraction(0)
        for child in measure:
            length = Fraction(child.findtext("duration") or 0) / divisions
            if child.tag == "note":
                grace = child.find("grace") is not None
                if child.find("chord") is None:
                    begin = now
                    now += 0 if grace else length
                ticks = max(0, round(begin * _TICKS_PER_QUARTER))
                child.set("id", f"b{index}t{ticks}{'g' if grace else 'n'}{next(numbers)}")
            elif child.tag == "backup":
                now -= length
            elif child.tag == "forward":
                now += length
            elif child.tag == "attributes":
                divisions = Fraction(child.findtext("divisions") or divisions)
