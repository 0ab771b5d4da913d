"""Split a document with many staves into several with fewer, and encode each note's onset in its id.

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
_NOTE_ID: Final = re.compile(r"b(\d+)t(\d+)([ng])\d+")


class Moment(NamedTuple):
    """Onset of a note in an excerpt.

    Attributes:
        measure: Index of the bar in the excerpt.
        ticks: Millionths of a quarter note from the start of the bar.
    """

    measure: int
    ticks: int


def split(musicxml: bytes, max_staves: int) -> list[bytes]:
    """Split a document into several with the same bars, in the order of its parts.

    Notes get new ids, from which `moment_of` decodes their onset.

    Args:
        musicxml: MusicXML in UTF-8.
        max_staves: Most staves per document; a single part with more gets its own document.
    """
    whole = parsed(musicxml)
    numbers = iter(range(1_000_000_000))
    groups: list[list[Any]] = []
    room = 0
    for part in whole.findall("part"):
        _set_note_ids(part, numbers)
        staves = _staves(part)
        if staves > room:
            groups.append([])
            room = max(max_staves, staves)
        groups[-1].append(part)
        room -= staves
    return [_document(whole, parts) for parts in groups]


def moment_of(note_id: str) -> Moment | None:
    """Return the onset that `split` encoded in the id of a note; None for other ids."""
    match = _NOTE_ID.fullmatch(note_id)
    return Moment(int(match[1]), int(match[2])) if match else None


def is_grace(note_id: str) -> bool:
    """Return whether an id belongs to a grace note, which is drawn before its onset."""
    match = _NOTE_ID.fullmatch(note_id)
    return match is not None and match[3] == "g"


def _staves(part: Any) -> int:
    return max((int(each.text or 1) for each in part.iterfind("measure/attributes/staves")), default=1)


def _document(whole: Any, parts: list[Any]) -> bytes:
    root = etree.Element("score-partwise", version=whole.get("version", "4.0"))
    root.append(part_list(whole.find("part-list"), {part.get("id") for part in parts}))
    root.extend(copy.copy(part) for part in parts)
    return bytes(etree.tostring(root, encoding="utf-8"))


def _set_note_ids(part: Any, numbers: Iterator[int]) -> None:
    divisions = Fraction(1)
    for index, measure in enumerate(part.iterfind("measure")):
        now = onset = Fraction(0)
        for child in measure:
            length = Fraction(child.findtext("duration") or 0) / divisions
            if child.tag == "note":
                grace = child.find("grace") is not None
                if child.find("chord") is None:
                    onset = now
                    now += 0 if grace else length
                ticks = max(0, round(onset * _TICKS_PER_QUARTER))
                child.set("id", f"b{index}t{ticks}{'g' if grace else 'n'}{next(numbers)}")
            elif child.tag == "backup":
                now -= length
            elif child.tag == "forward":
                now += length
            elif child.tag == "attributes":
                divisions = Fraction(child.findtext("divisions") or divisions)
