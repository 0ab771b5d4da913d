"""Measures cut out of one part, with the attributes in force before them."""

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
    """Return a `<part>` element with some measures.

    The first measure states the attributes in force; slurs, ties and other signs that begin or end outside
    the excerpt are left out.

    Args:
        document: Document to cut from.
        score: The document as columns.
        measures: Consecutive measure indices; those after the end of the part become empty measures.
    """
    excerpt = etree.Element("part", id=part.identity)
    bars = len(part.starts) - 1
    if measures.start < bars:
        excerpt.extend(list(document.measures(part, measures.start, min(measures.stop, bars) - 1)))
    for index in range(max(bars, measures.start), measures.stop):
        # This part has ended, but others go on.
        etree.SubElement(excerpt, "measure", number=measure_number(score, index))
    _carry_over(document.attributes_before(part, min(measures.start, bars)), excerpt[0])
    remove_open_spanners(excerpt)
    return excerpt


def _carry_over(earlier: list[Any], first: Any) -> None:
    """Start a measure with one `<attributes>` element that combines all earlier ones and its own."""
    in_force = AttributesInForce()
    for attributes in earlier:
        in_force.update(attributes)
    for child in list(first):
        if child.tag in _TIMED:
            break
        if child.tag == "attributes":
            in_force.update(child)
            first.remove(child)
    first.insert(0, in_force.element())
