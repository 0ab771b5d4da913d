"""Marks that are written in one part and hold for all: tempo, rehearsal mark, segno, coda, "da capo".

An excerpt without the part that has them must still show them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from lxml import etree

from music21_server.editing.elements import text
from music21_server.editing.scan import ScannedDocument, ScannedPart

_DIRECTION_TYPES: Final = ("metronome", "rehearsal", "segno", "coda")
_SOUND_ATTRIBUTES: Final = ("tempo", "dacapo", "dalsegno", "segno", "coda", "tocoda", "fine")
_CANDIDATE_TAGS: Final = (b"<sound", b"<metronome", b"<rehearsal", b"<segno", b"<coda")
_PART_SPECIFIC_TAGS: Final = ("voice", "staff")
_DIVISIONS: Final = b"<divisions"
_DEFAULT_DIVISIONS: Final = Fraction(1)


@dataclass(frozen=True)
class SystemMark:
    """A mark that holds for all parts.

    Attributes:
        measure: Index of its measure.
        quarters: Onset in quarter notes from the start of the measure.
        kinds: Its meanings: names of elements of a `<direction-type>` and of attributes of a `<sound>`.
        element: Its `<direction>` or `<sound>` element.
    """

    measure: int
    quarters: Fraction
    kinds: frozenset[str]
    element: Any


def system_marks(document: ScannedDocument, part: ScannedPart, measures: range) -> Iterator[SystemMark]:
    """Yield the marks of a part, in order.

    Args:
        measures: Consecutive measure indices.
    """
    for measure in document.measures_with(part, _CANDIDATE_TAGS, measures):
        (element,) = document.measures(part, measure, measure)
        for onset, child in _children_with_onsets(element, divisions_before(document, part, measure)):
            kinds = _kinds(child)
            if kinds:
                yield SystemMark(measure, onset, kinds, child)


def new_marks(marks: Iterable[SystemMark], present: Iterable[SystemMark]) -> list[SystemMark]:
    """Return the marks with a kind that no present or earlier mark has at the same moment."""
    covered = {(mark.measure, mark.quarters, kind) for mark in present for kind in mark.kinds}
    new = []
    for mark in marks:
        kinds = {(mark.measure, mark.quarters, kind) for kind in mark.kinds}
        if not kinds <= covered:
            new.append(mark)
            covered |= kinds
    return new


def insert_mark(measure: Any, mark: SystemMark, divisions: Fraction) -> None:
    """Insert a copy of a mark at its moment in a measure of another part.

    Args:
        measure: `<measure>` element, changed in place.
        mark: Mark to copy; its `measure` is ignored.
        divisions: Divisions per quarter note at the start of the measure.
    """
    element = copy.deepcopy(mark.element)
    element.tail = None
    for tag in _PART_SPECIFIC_TAGS:
        for child in element.findall(tag):
            element.remove(child)
    now = Fraction(0)
    position: int | None = None
    for index, child in enumerate(measure):
        if child.tag == "attributes":
            divisions = _divisions(child.find("divisions"), divisions)
        if now == mark.quarters and _starts_event(child):
            position = index
            break
        now += _length(child) / divisions
    if position is not None:
        measure.insert(position, element)
        return
    if now > mark.quarters:
        # No note begins at this moment: go back to it from the end of the measure.
        backup = etree.SubElement(measure, "backup")
        etree.SubElement(backup, "duration").text = f"{float((now - mark.quarters) * divisions):g}"
    measure.append(element)


def divisions_before(document: ScannedDocument, part: ScannedPart, measure: int) -> Fraction:
    """Return the divisions per quarter note at the start of the measure with this index."""
    source = document.source
    tag = source.rfind(_DIVISIONS, part.starts[0], part.starts[min(measure, len(part.starts) - 1)])
    if tag < 0:
        return _DEFAULT_DIVISIONS
    begin = source.index(b">", tag) + 1
    number = etree.Element("divisions")
    number.text = source[begin : source.index(b"<", begin)].decode(errors="replace")
    return _divisions(number, _DEFAULT_DIVISIONS)


def _children_with_onsets(measure: Any, divisions: Fraction) -> Iterator[tuple[Fraction, Any]]:
    """Yield the children of a measure, each with its onset in quarter notes."""
    now = Fraction(0)
    for child in measure:
        if child.tag == "attributes":
            divisions = _divisions(child.find("divisions"), divisions)
        yield now, child
        now = max(now + _length(child) / divisions, Fraction(0))


def _divisions(element: Any, default: Fraction) -> Fraction:
    return _number(element) or default


def _length(child: Any) -> Fraction:
    """Return by how many divisions an element advances time; a backup is negative."""
    if child.tag == "note":
        if child.find("chord") is not None or child.find("grace") is not None:
            return Fraction(0)
        return _number(child.find("duration"))
    if child.tag == "forward":
        return _number(child.find("duration"))
    return -_number(child.find("duration")) if child.tag == "backup" else Fraction(0)


def _starts_event(child: Any) -> bool:
    return child.tag in ("note", "backup", "forward") and child.find("chord") is None


def _number(element: Any) -> Fraction:
    try:
        return Fraction(text(element) or 0)
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def _kinds(element: Any) -> frozenset[str]:
    if element.tag == "sound":
        return frozenset(kind for kind in _SOUND_ATTRIBUTES if element.get(kind) is not None)
    if element.tag != "direction":
        return frozenset()
    types = {tag for tag in _DIRECTION_TYPES if element.find(f"direction-type/{tag}") is not None}
    sound = element.find("sound")
    sounds = {kind for kind in _SOUND_ATTRIBUTES if sound is not None and sound.get(kind) is not None}
    if "metronome" in types:
        types = (types - {"metronome"}) | {"tempo"}  # another part may have the same tempo as a <sound>
    return frozenset(types | sounds)
