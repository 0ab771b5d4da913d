"""New MusicXML documents from parts or measures of another one.

Whole parts are copied byte for byte. In an excerpt of measures, the first one states what is in force: clef,
key, time, divisions, staves, transposition and tempo. Slurs, ties, hairpins, octave lines, endings and
repeats that begin or end outside the excerpt are left out.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from lxml import etree

from music21_server.editing.elements import serialize, text
from music21_server.editing.part_excerpt import cut_part
from music21_server.editing.part_list import part_list
from music21_server.editing.scan import ScannedDocument, ScannedPart
from music21_server.editing.system_marks import (
    SystemMark,
    divisions_before,
    insert_mark,
    new_marks,
    system_marks,
)
from music21_server.score.table import Score

_END: Final = b"</score-partwise>"
_PAGE_ATTRIBUTES: Final = ("new-page", "new-system", "blank-page", "page-number")


def document_with_parts(document: ScannedDocument, ids: Collection[str]) -> bytes:
    """Return a document with some of the parts of another, by their ids."""
    parts = _select(document, ids)
    longest = max(parts, key=lambda part: len(part.starts))  # not simply the first: it may have ended
    marks = _marks_of_other_parts(document, parts, range(len(longest.starts) - 1))
    contents = [_with_marks(document, part, marks if part is longest else ()) for part in parts]
    return _assemble(document, parts, contents)


def document_with_measures(
    document: ScannedDocument, score: Score, measures: range, ids: Collection[str]
) -> bytes:
    """Return a document with some measures of some parts of another.

    Args:
        document: Document to cut from.
        score: The same document as columns.
        measures: Consecutive measure indices.
        ids: Ids of the parts.
    """
    parts = _select(document, ids)
    marks = _marks_of_other_parts(document, parts, measures)
    marks += _tempo_in_force(document, score, measures.start)
    contents = []
    for part in parts:
        excerpt = cut_part(document, part, score, measures)
        _remove_page_breaks(excerpt[0])
        _clip_measure_styles(excerpt)
        _remove_open_repeats(excerpt)
        if part is parts[0]:
            divisions = [divisions_before(document, part, index) for index in measures]
            for mark in marks:
                index = mark.measure - measures.start
                insert_mark(excerpt[index], mark, divisions[index])
        contents.append(b"".join(serialize(measure) for measure in excerpt))
    return _assemble(document, parts, contents)


def _select(document: ScannedDocument, ids: Collection[str]) -> list[ScannedPart]:
    return [part for part in document.parts if part.identity in ids]


# Marks in other parts that hold for the whole score


def _marks_of_other_parts(
    document: ScannedDocument, parts: Sequence[ScannedPart], measures: range
) -> list[SystemMark]:
    others = [part for part in document.parts if part not in parts]
    if not others:
        return []
    present = [mark for part in parts for mark in system_marks(document, part, measures)]
    return new_marks((mark for part in others for mark in system_marks(document, part, measures)), present)


def _tempo_in_force(document: ScannedDocument, score: Score, start: int) -> list[SystemMark]:
    """Return the last tempo mark before a measure, unless the measure begins with one."""
    if any((tempo.measure, tempo.onset) == (start, 0) for tempo in score.tempos):
        return []
    before = [tempo for tempo in score.tempos if tempo.measure < start]
    if not before:
        return []
    last = max(before, key=lambda tempo: (tempo.measure, tempo.onset, -tempo.part))
    for part in document.parts:
        marks = system_marks(document, part, range(last.measure, last.measure + 1))
        tempos = [mark for mark in marks if "tempo" in mark.kinds]
        if tempos:
            latest = max(tempos, key=lambda mark: mark.quarters)
            return [SystemMark(start, Fraction(0), latest.kinds, _only_tempo(latest.element))]
    return []


def _only_tempo(element: Any) -> Any:
    """Return a tempo mark without the other contents of its direction."""
    tempo_mark = copy.deepcopy(element)
    for kind in tempo_mark.findall("direction-type"):
        if kind.find("metronome") is None and kind.find("words") is None:
            tempo_mark.remove(kind)
    for sound in tempo_mark.iter("sound"):
        tempo = sound.get("tempo")
        sound.attrib.clear()
        if tempo is not None:
            sound.set("tempo", tempo)
    sound = tempo_mark.find("sound")
    if tempo_mark.tag == "direction" and tempo_mark.find("direction-type") is None and sound is not None:
        return sound
    return tempo_mark


def _with_marks(document: ScannedDocument, part: ScannedPart, marks: Iterable[SystemMark]) -> bytes:
    """Return the measures of a part with marks inserted."""
    by_measure: dict[int, list[SystemMark]] = defaultdict(list)
    for mark in marks:
        by_measure[mark.measure].append(mark)
    pieces: list[bytes] = []
    position = part.starts[0]
    for index in sorted(by_measure):
        (measure,) = document.measures(part, index, index)
        for mark in by_measure[index]:
            insert_mark(measure, mark, divisions_before(document, part, index))
        pieces += (document.source[position : part.starts[index]], serialize(measure))
        position = part.starts[index + 1]
    pieces.append(document.source[position : part.starts[-1]])
    return b"".join(pieces)


# Notation that reaches over the edges of the excerpt


def _remove_page_breaks(first: Any) -> None:
    for layout in first.iterfind("print"):
        for name in _PAGE_ATTRIBUTES:
            layout.attrib.pop(name, None)


def _clip_measure_styles(part: Any) -> None:
    """Shorten multiple-bar rests to the excerpt, and remove signs that repeat measures before it."""
    for index, measure in enumerate(part):
        for style in measure.findall("attributes/measure-style"):
            rests = style.find("multiple-rest")
            if rests is not None and text(rests).isdecimal():
                rests.text = str(min(int(text(rests)), len(part) - index))
            repeat = style.find("measure-repeat")
            if repeat is not None and text(repeat).isdecimal() and int(text(repeat)) > index:
                style.getparent().remove(style)


def _remove_open_repeats(part: Any) -> None:
    """Remove starts of repeats that do not end in the excerpt; an end without a start repeats from the
    beginning and stays."""
    open_repeat: Any = None
    for repeat in list(part.iter("repeat")):
        if repeat.get("direction") == "forward":
            _remove_repeat(open_repeat)
            open_repeat = repeat
        else:
            open_repeat = None
    _remove_repeat(open_repeat)


def _remove_repeat(repeat: Any) -> None:
    if repeat is None:
        return
    barline = repeat.getparent()
    barline.remove(repeat)
    if all(child.tag == "bar-style" for child in barline):
        barline.getparent().remove(barline)


# Documents


def _assemble(document: ScannedDocument, parts: Sequence[ScannedPart], contents: Sequence[bytes]) -> bytes:
    """Return a document of these parts, with the head of the source and a shorter part list."""
    tree = copy.deepcopy(document.head.getroottree())
    root = tree.getroot()
    old_list = root.find("part-list")
    new_list = part_list(old_list, {part.identity for part in parts})
    if old_list is None:
        root.append(new_list)
    else:
        root.replace(old_list, new_list)
    head = bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8"))
    pieces = [head[: head.rindex(_END)]]
    for part, content in zip(parts, contents, strict=True):
        pieces += (f"<part id={quoteattr(part.identity)}>".encode(), content, b"</part>\n")
    return b"".join([*pieces, _END, b"\n"])
