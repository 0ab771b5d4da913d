"""MusicXML excerpts to draw: measures of some parts, with the attributes in force at their start."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

from lxml import etree

from music21_server.editing.accidentals import states_accidentals, write_missing_accidentals
from music21_server.editing.editable_score import part_ids, with_all_staves
from music21_server.editing.part_excerpt import cut_part
from music21_server.editing.part_list import part_list
from music21_server.editing.scan import ScannedDocument, ScannedPart, scan
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.writing.musicxml import musicxml_of
from music21_server.writing.musicxml_writer import write_musicxml
from music21_server.writing.selection import extract

_REMOVED_TAGS: Final = {"print", "listening"}
"""Children of a measure that concern the layout of the source, or no picture."""


def drawn_parts(document: Document, score: Score, parts: Sequence[int]) -> tuple[int, ...]:
    """Return the indices of the parts that an excerpt draws: in MusicXML, all staves of each instrument."""
    return with_all_staves(score, parts) if _is_xml(document) else tuple(parts)


def excerpt(document: Document, score: Score, measures: range, parts: Sequence[int], limits: Limits) -> bytes:
    """Return measures of a score as MusicXML: cut from a MusicXML document, else written from the columns.

    Args:
        document: The imported document.
        score: The document as columns.
        measures: Consecutive measure indices.
        parts: Indices of parts.
        limits: Limits on the uncompressed document.

    Raises:
        UnreadableScoreError: The document is broken.
    """
    if _is_xml(document):
        return excerpt_of_document(musicxml_of(document, score, limits), score, measures, parts)
    is_end = measures.stop == len(score.measure_ticks)
    return write_musicxml(extract(score, measures, parts), is_complete=is_end)


def _is_xml(document: Document) -> bool:
    return document.kind in ("musicxml", "mxl")


def excerpt_of_document(source: bytes, score: Score, measures: range, parts: Sequence[int]) -> bytes:
    """Return measures of a MusicXML document as a new document.

    The first measure states the attributes in force; signs that begin or end outside are left out. All staves
    of an instrument are included.

    Args:
        source: The uncompressed document.
        score: The document as columns.
        measures: Consecutive measure indices.
        parts: Indices of parts.

    Raises:
        UnreadableScoreError: The document is broken.
    """
    document = scan(source, measures.stop)
    ids = part_ids(score, parts)
    chosen = [part for part in document.parts if part.identity in ids]
    root = etree.Element("score-partwise", version=document.head.get("version", "4.0"))
    _add_head(root, document.head, score, {part.identity for part in chosen})
    for part in chosen:
        root.append(_part(document, part, score, measures))
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


def _add_head(root: Any, head: Any, score: Score, ids: set[str]) -> None:
    """Add title, creators and part list, without page layout and fonts of the source."""
    if score.title:
        etree.SubElement(etree.SubElement(root, "work"), "work-title").text = score.title
    identification = etree.SubElement(root, "identification")
    for creator in head.iterfind("identification/creator"):
        identification.append(copy.deepcopy(creator))
    root.append(part_list(head.find("part-list"), ids))


def _part(document: ScannedDocument, part: ScannedPart, score: Score, measures: range) -> Any:
    element = cut_part(document, part, score, measures)
    if not states_accidentals(document.source):
        write_missing_accidentals(element, [True] * len(element))
    for measure in element:
        for child in [each for each in measure if each.tag in _REMOVED_TAGS]:
            measure.remove(child)
        # Draw the bars themselves: a multiple-bar rest or repeat sign may stand for bars outside the excerpt.
        for attributes in measure.findall("attributes"):
            for style in attributes.findall("measure-style"):
                attributes.remove(style)
    return element
