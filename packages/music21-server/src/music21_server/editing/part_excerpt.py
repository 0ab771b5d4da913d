"""Measures of one part, as a part of their own."""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from music21_server.editing.attributes import AttributesInForce
from music21_server.editing.scan import ScannedDocument, ScannedPart
from music21_server.editing.spanners import remove_open_spanners
from music21_server.score.table import Score
from music21_server.writing.selection import measure_number

_TIMED: Final = {"note", "backup", "forward"}


def cut_part(document: ScannedDocument, part: ScannedPart, score: Score, measures: range) -> Any:
    """Return a `<part>` of some measures: what is in force before them is said in the first, and signs that
    begin or end outside are left out.

    Args:
        document: The whole.
        part: Which part of it.
        score: What was read from it.
        measures: Indices, one after another; where the part has ended already they are empty.
    """
    made = etree.Element("part", id=part.identity)
    bars = len(part.starts) - 1
    if measures.start < bars:
        made.extend(list(document.measures(part, measures.start, min(measures.stop, bars) - 1)))
    for index in range(max(bars, measures.start), measures.stop):
        # The part has ended; the others go on.
        etree.SubElement(made, "measure", number=measure_number(score, index))
    _carry_over(document.attributes_before(part, min(measures.start, bars)), made[0])
    remove_open_spanners(made)
    return made


def _carry_over(before: list[Any], first: Any) -> None:
    """Put what is in force at the beginning of a measure at its beginning."""
    in_force = AttributesInForce()
    for attributes in before:
        in_force.take(attributes)
    for child in list(first):
        if child.tag in _TIMED:
            break
        if child.tag == "attributes":
            in_force.take(child)
            first.remove(child)
    first.insert(0, in_force.element())
