"""Measures are cut out of a MusicXML document, with what is in force at the first of them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

from lxml import etree

from music21_server.editing.editable_score import identities_of
from music21_server.editing.part_excerpt import cut_part
from music21_server.editing.part_list import part_list
from music21_server.editing.scan import ScannedDocument, ScannedPart, scan
from music21_server.score.table import Score
from music21_server.writing.musicxml_writer import write_musicxml
from music21_server.writing.selection import extract

_LAYOUT: Final = {"print", "listening"}
"""Elements of a measure that are about the source's pages, or about no picture at all."""


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
    wanted = identities_of(score, parts)
    chosen = [part for part in document.parts if part.identity in wanted]
    root = etree.Element("score-partwise", version=document.head.get("version", "4.0"))
    _add_head(root, document.head, score, {part.identity for part in chosen})
    for part in chosen:
        root.append(_part(document, part, score, measures))
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


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
    made = cut_part(document, part, score, measures)
    for measure in made:
        for child in [each for each in measure if each.tag in _LAYOUT]:
            measure.remove(child)
        _remove_measure_styles(measure)
    return made


def _remove_measure_styles(measure: Any) -> None:
    """Bars that a source draws as one rest or as a sign of repetition are drawn as what they contain.

    The sign may stand for bars that are not in the excerpt.
    """
    for attributes in measure.findall("attributes"):
        for style in attributes.findall("measure-style"):
            attributes.remove(style)
