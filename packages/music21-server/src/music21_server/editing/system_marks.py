"""Marks that hold for all parts, and stand in one: tempos, rehearsal marks, segno and coda, "da capo".

Whoever takes a part out of a score needs them as well.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from lxml import etree

from music21_server.editing.element_transposition import text
from music21_server.editing.scan import ScannedDocument, ScannedPart

_TYPES: Final = ("metronome", "rehearsal", "segno", "coda")
_SOUNDS: Final = ("tempo", "dacapo", "dalsegno", "segno", "coda", "tocoda", "fine")
_LIKELY: Final = (b"<sound", b"<metronome", b"<rehearsal", b"<segno", b"<coda")
_OF_ONE_PART: Final = ("voice", "staff")
_DIVISIONS: Final = b"<divisions"
_DEFAULT_DIVISIONS: Final = Fraction(1)


@dataclass(frozen=True)
class SystemMark:
    """A mark.

    Attributes:
        measure: Index of its measure.
        quarters: Quarter notes from the beginning of that.
        kinds: What it says: names of elements of a `<direction-type>`, and attributes of a `<sound>`.
        element: A `<direction>` or `<sound>`.
    """

    measure: int
    quarters: Fraction
    kinds: frozenset[str]
    element: Any


def system_marks(document: ScannedDocument, part: ScannedPart, measures: range) -> Iterator[SystemMark]:
    """Yield the marks of a part in some measures, in their order.

    Args:
        document: The whole.
        part: Which part of it.
        measures: Indices, one after another.
    """
    for measure in document.measures_with(part, _LIKELY, measures):
        (element,) = document.measures(part, measure, measure)
        for now, child in _timed(element, divisions_before(document, part, measure)):
            kinds = _kinds(child)
            if kinds:
                yield SystemMark(measure, now, kinds, child)


def missing(marks: Iterable[SystemMark], present: Iterable[SystemMark]) -> list[SystemMark]:
    """Return those marks of several parts that say something new, each thing once for each moment."""
    said = {(mark.measure, mark.quarters, kind) for mark in present for kind in mark.kinds}
    found = []
    for mark in marks:
        says = {(mark.measure, mark.quarters, kind) for kind in mark.kinds}
        if not says <= said:
            found.append(mark)
            said |= says
    return found


def insert_mark(measure: Any, mark: SystemMark, divisions: Fraction) -> None:
    """Put a copy of a mark where it belongs in a measure of another part.

    Args:
        measure: The element, changed in place.
        mark: Its measure is not looked at.
        divisions: Of a quarter note, at the beginning of the measure.
    """
    element = copy.deepcopy(mark.element)
    element.tail = None
    for tag in _OF_ONE_PART:
        for child in element.findall(tag):
            element.remove(child)
    now = Fraction(0)
    at: int | None = None
    for index, child in enumerate(measure):
        if child.tag == "attributes":
            divisions = _divisions(child.find("divisions"), divisions)
        if now == mark.quarters and _begins(child):
            at = index
            break
        now += _length(child) / divisions
    if at is not None:
        measure.insert(at, element)
        return
    if now > mark.quarters:
        # No note begins there: back to it at the end of the measure, where that disturbs nothing.
        backup = etree.SubElement(measure, "backup")
        etree.SubElement(backup, "duration").text = f"{float((now - mark.quarters) * divisions):g}"
    measure.append(element)


def divisions_before(document: ScannedDocument, part: ScannedPart, measure: int) -> Fraction:
    """Return the divisions of a quarter note at the beginning of a measure, by its index."""
    source = document.source
    at = source.rfind(_DIVISIONS, part.starts[0], part.starts[min(measure, len(part.starts) - 1)])
    if at < 0:
        return _DEFAULT_DIVISIONS
    begin = source.index(b">", at) + 1
    number = etree.Element("divisions")
    number.text = source[begin : source.index(b"<", begin)].decode(errors="replace")
    return _divisions(number, _DEFAULT_DIVISIONS)


def _timed(measure: Any, divisions: Fraction) -> Iterator[tuple[Fraction, Any]]:
    """Yield what stands in a measure, with the quarter notes since its beginning."""
    now = Fraction(0)
    for child in measure:
        if child.tag == "attributes":
            divisions = _divisions(child.find("divisions"), divisions)
        yield now, child
        now = max(now + _length(child) / divisions, Fraction(0))


def _divisions(element: Any, otherwise: Fraction) -> Fraction:
    return _number(element) or otherwise


def _length(child: Any) -> Fraction:
    """Return by how many divisions an element moves on; back is below zero."""
    if child.tag == "note":
        if child.find("chord") is not None or child.find("grace") is not None:
            return Fraction(0)
        return _number(child.find("duration"))
    if child.tag == "forward":
        return _number(child.find("duration"))
    return -_number(child.find("duration")) if child.tag == "backup" else Fraction(0)


def _begins(child: Any) -> bool:
    return child.tag in ("note", "backup", "forward") and child.find("chord") is None


def _number(element: Any) -> Fraction:
    try:
        return Fraction(text(element) or 0)
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def _kinds(element: Any) -> frozenset[str]:
    if element.tag == "sound":
        return frozenset(kind for kind in _SOUNDS if element.get(kind) is not None)
    if element.tag != "direction":
        return frozenset()
    types = {tag for tag in _TYPES if element.find(f"direction-type/{tag}") is not None}
    sound = element.find("sound")
    sounds = {kind for kind in _SOUNDS if sound is not None and sound.get(kind) is not None}
    if "metronome" in types:
        types = (types - {"metronome"}) | {"tempo"}  # its number may stand at the sound of another part
    return frozenset(types | sounds)
