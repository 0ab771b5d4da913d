"""Measures are cut out of a MusicXML document, with what is in force at the first of them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

from lxml import etree

from music21_server.notes import Score
from music21_server.rendering.attributes import AttributesInForce
from music21_server.rendering.part_list import part_list
from music21_server.rendering.scan import ScannedDocument, ScannedPart, scan
from music21_server.rendering.spanners import remove_open_spanners
from music21_server.writing.from_columns import write_musicxml
from music21_server.writing.selection import extract, measure_number

_LAYOUT: Final = {"print", "listening"}
"""Elements of a measure that are about the source's pages, or about no picture at all."""

_TIMED: Final = {"note", "backup", "forward"}


def excerpt_of_columns(score: Score, measures: range, parts: Sequence[int]) -> bytes:
    """Return measures of a score as MusicXML, written from the columns.

    Args:
        score: The whole.
        measures: Indices of bars, one after another.
        parts: Indices of parts.
    """
    ends = measures.stop == len(score.measure_ticks)
    return write_musicxml(extract(score, measures, parts), is_complete=ends)


def excerpt_of_document(source: bytes, score: Score, measures: range, parts: Sequence[int]) -> bytes:
    """Return measures of a MusicXML document as one of their own.

    Attributes in force at the first measure are carried over; signs that begin or end outside are left out. A
    part comes with all its staves.

    Args:
        source: The document, unpacked.
        score: What was read from it.
        measures: Indices of bars, one after another.
        parts: Indices of the score's parts.

    Raises:
        UnreadableScoreError: The document is broken.
    """
    document = scan(source, measures.stop)
    wanted = {_identity(score, index) for index in parts}
    chosen = [part for part in document.parts if part.identity in wanted]
    root = etree.Element("score-partwise", version=document.head.get("version", "4.0"))
    _add_head(root, document.head, score, {part.identity for part in chosen})
    for part in chosen:
        root.append(_part(document, part, score, measures))
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


def staves_drawn(score: Score, parts: Sequence[int]) -> tuple[int, ...]:
    """Return the indices of all parts that are drawn with some: those of other staves of the same
    instrument."""
    wanted = {_identity(score, index) for index in parts}
    return tuple(index for index in range(len(score.parts)) if _identity(score, index) in wanted)


def _identity(score: Score, index: int) -> str:
    """Return the document's id of the part that a staff belongs to."""
    part = score.parts[index]
    return part.identity.removesuffix(f"-Staff{part.staff}") if part.staff else part.identity


# What stands before the parts


def _add_head(root: Any, head: Any, score: Score, wanted: set[str]) -> None:
    """Add title, names of people, and the list of parts; pages and fonts of the source are left out."""
    if score.title:
        etree.SubElement(etree.SubElement(root, "work"), "work-title").text = score.title
    identification = etree.SubElement(root, "identification")
    for creator in head.iterfind("identification/creator"):
        identification.append(copy.deepcopy(creator))
    root.append(part_list(head.find("part-list"), wanted))


# Parts


def _part(document: ScannedDocument, part: ScannedPart, score: Score, measures: range) -> Any:
    made = etree.Element("part", id=part.identity)
    bars = len(part.starts) - 1
    if measures.start < bars:
        made.extend(list(document.measures(part, measures.start, min(measures.stop, bars) - 1)))
    for index in range(max(bars, measures.start), measures.stop):
        # The part has ended; the others go on.
        etree.SubElement(made, "measure", number=measure_number(score, index))
    _carry_over(document.attributes_before(part, min(measures.start, bars)), made[0])
    for measure in made:
        for child in [each for each in measure if each.tag in _LAYOUT]:
            measure.remove(child)
        _remove_measure_styles(measure)
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


def _remove_measure_styles(measure: Any) -> None:
    """Bars that a source draws as one rest or as a sign of repetition are drawn as what they contain.

    The sign may stand for bars that are not in the excerpt.
    """
    for attributes in measure.findall("attributes"):
        for style in attributes.findall("measure-style"):
            attributes.remove(style)
