"""Parts and measures taken out of a MusicXML document, as a document of their own.

Parts are copied byte for byte. Of measures the first says what is in force at it: clef, key, time, divisions,
staves, transposition, tempo; signs that begin or end outside are left out: slurs, ties, hairpins, octave
lines, endings, repeats.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from lxml import etree

from music21_server.editing.element_transposition import text
from music21_server.editing.part_excerpt import cut_part
from music21_server.editing.part_list import part_list
from music21_server.editing.scan import ScannedDocument, ScannedPart
from music21_server.editing.system_marks import (
    SystemMark,
    divisions_before,
    insert_mark,
    missing,
    system_marks,
)
from music21_server.score.table import Score

_END: Final = b"</score-partwise>"
_NEW_PAGES: Final = ("new-page", "new-system", "blank-page", "page-number")


def extracted(document: ScannedDocument, wanted: Collection[str]) -> bytes:
    """Return some parts of a document.

    Args:
        document: The whole.
        wanted: Ids of parts.
    """
    parts = _chosen(document, wanted)
    longest = max(parts, key=lambda part: len(part.starts))  # the first of these; others may have ended
    marks = _marks_of_others(document, parts, range(len(longest.starts) - 1))
    contents = [_with_marks(document, part, marks if part is longest else ()) for part in parts]
    return _written(document, parts, contents)


def sliced(document: ScannedDocument, score: Score, measures: range, wanted: Collection[str]) -> bytes:
    """Return some measures of some parts of a document.

    Args:
        document: The whole.
        score: What was read from it.
        measures: Indices, one after another.
        wanted: Ids of parts.
    """
    parts = _chosen(document, wanted)
    marks = _marks_of_others(document, parts, measures)
    marks += _tempo_in_force(document, score, measures.start)
    contents = []
    for part in parts:
        made = cut_part(document, part, score, measures)
        _begin_on_this_page(made[0])
        _clip_measure_styles(made)
        _remove_open_repeats(made)
        if part is parts[0]:
            divisions = [divisions_before(document, part, index) for index in measures]
            for mark in marks:
                index = mark.measure - measures.start
                insert_mark(made[index], mark, divisions[index])
        contents.append(b"".join(_text_of(measure) for measure in made))
    return _written(document, parts, contents)


def _chosen(document: ScannedDocument, wanted: Collection[str]) -> list[ScannedPart]:
    return [part for part in document.parts if part.identity in wanted]


# What stands in other parts and holds for all


def _marks_of_others(
    document: ScannedDocument, parts: Sequence[ScannedPart], measures: range
) -> list[SystemMark]:
    others = [part for part in document.parts if part not in parts]
    if not others:
        return []
    own = [mark for part in parts for mark in system_marks(document, part, measures)]
    return missing((mark for part in others for mark in system_marks(document, part, measures)), own)


def _tempo_in_force(document: ScannedDocument, score: Score, start: int) -> list[SystemMark]:
    """Return the tempo mark that holds at the beginning of a measure, unless one stands there."""
    if any((tempo.measure, tempo.onset) == (start, 0) for tempo in score.tempos):
        return []
    before = [tempo for tempo in score.tempos if tempo.measure < start]
    if not before:
        return []
    last = max(before, key=lambda tempo: (tempo.measure, tempo.onset, -tempo.part))
    for part in document.parts:
        found = system_marks(document, part, range(last.measure, last.measure + 1))
        tempos = [mark for mark in found if "tempo" in mark.kinds]
        if tempos:
            latest = max(tempos, key=lambda mark: mark.quarters)
            return [SystemMark(start, latest.quarters * 0, latest.kinds, _tempo_alone(latest.element))]
    return []


def _tempo_alone(element: Any) -> Any:
    """Return a tempo mark without anything else that its direction says."""
    made = copy.deepcopy(element)
    for kind in made.findall("direction-type"):
        if kind.find("metronome") is None and kind.find("words") is None:
            made.remove(kind)
    for sound in made.iter("sound"):
        tempo = sound.get("tempo")
        sound.attrib.clear()
        if tempo is not None:
            sound.set("tempo", tempo)
    sound = made.find("sound")
    if made.tag == "direction" and made.find("direction-type") is None and sound is not None:
        return sound
    return made


def _with_marks(document: ScannedDocument, part: ScannedPart, marks: Iterable[SystemMark]) -> bytes:
    """Return the measures of a part with marks put into some of them."""
    by_measure: dict[int, list[SystemMark]] = defaultdict(list)
    for mark in marks:
        by_measure[mark.measure].append(mark)
    pieces: list[bytes] = []
    at = part.starts[0]
    for index in sorted(by_measure):
        (measure,) = document.measures(part, index, index)
        for mark in by_measure[index]:
            insert_mark(measure, mark, divisions_before(document, part, index))
        pieces += (document.source[at : part.starts[index]], _text_of(measure))
        at = part.starts[index + 1]
    pieces.append(document.source[at : part.starts[-1]])
    return b"".join(pieces)


# What makes no sense at the edges


def _begin_on_this_page(first: Any) -> None:
    for layout in first.iterfind("print"):
        for name in _NEW_PAGES:
            layout.attrib.pop(name, None)


def _clip_measure_styles(part: Any) -> None:
    """Let rests over several measures end with the slice; signs that repeat measures before it go."""
    for index, measure in enumerate(part):
        for style in measure.findall("attributes/measure-style"):
            rests = style.find("multiple-rest")
            if rests is not None and text(rests).isdecimal():
                rests.text = str(min(int(text(rests)), len(part) - index))
            repeat = style.find("measure-repeat")
            if repeat is not None and text(repeat).isdecimal() and int(text(repeat)) > index:
                style.getparent().remove(style)


def _remove_open_repeats(part: Any) -> None:
    """Remove the beginnings of repeats that do not end in the slice; an end alone repeats from its start."""
    is_open: Any = None
    for repeat in list(part.iter("repeat")):
        if repeat.get("direction") == "forward":
            _remove_repeat(is_open)
            is_open = repeat
        else:
            is_open = None
    _remove_repeat(is_open)


def _remove_repeat(repeat: Any) -> None:
    if repeat is None:
        return
    barline = repeat.getparent()
    barline.remove(repeat)
    if all(child.tag == "bar-style" for child in barline):
        barline.getparent().remove(barline)


# Documents


def _written(document: ScannedDocument, parts: Sequence[ScannedPart], contents: Sequence[bytes]) -> bytes:
    """Return a document of parts, with all that stands before them in the source."""
    tree = copy.deepcopy(document.head.getroottree())
    root = tree.getroot()
    whole = root.find("part-list")
    made = part_list(whole, {part.identity for part in parts})
    if whole is None:
        root.append(made)
    else:
        root.replace(whole, made)
    head = bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8"))
    pieces = [head[: head.rindex(_END)]]
    for part, content in zip(parts, contents, strict=True):
        pieces += (f"<part id={quoteattr(part.identity)}>".encode(), content, b"</part>\n")
    return b"".join([*pieces, _END, b"\n"])


def _text_of(element: Any) -> bytes:
    return bytes(etree.tostring(element, encoding="utf-8", with_tail=True))
