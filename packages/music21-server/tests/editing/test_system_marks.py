"""Marks that hold for all parts: their onsets, kinds and insertion into another part."""

from __future__ import annotations

from fractions import Fraction

import pytest
from lxml import etree

from music21_server.editing.scan import ScannedDocument, scan
from music21_server.editing.system_marks import (
    SystemMark,
    divisions_before,
    insert_mark,
    new_marks,
    system_marks,
)


def note(duration: int, before: str = "", after: str = "") -> str:
    return f"<note>{before}<rest/><duration>{duration}</duration>{after}</note>"


def moved(tag: str, duration: int) -> str:
    return f"<{tag}><duration>{duration}</duration></{tag}>"


def divisions(number: int | str) -> str:
    return f"<attributes><divisions>{number}</divisions></attributes>"


def direction(content: str, sound: str = "") -> str:
    return f"<direction><direction-type>{content}</direction-type>{sound}</direction>"


REHEARSAL = direction("<rehearsal>A</rehearsal>")


def scanned(*measures: str) -> ScannedDocument:
    bars = "".join(f"<measure>{each}</measure>" for each in measures)
    return scan(f"<score-partwise><part-list/><part id='P1'>{bars}</part></score-partwise>".encode())


def marks_in(*measures: str, within: range | None = None) -> list[SystemMark]:
    document = scanned(*measures)
    return list(system_marks(document, document.parts[0], within or range(len(measures))))


@pytest.mark.parametrize(
    ("before", "quarters"),
    [
        ("", 0),
        (note(1), Fraction(1, 2)),
        (note(2) + note(2, "<chord/>"), 1),
        (note(2) + note(2, "<grace/>"), 1),
        (note(3) + moved("backup", 1), 1),
        (note(1) + moved("forward", 3), 2),
        (note(1) + moved("backup", 4), 0),  # back before the start of the bar
        (note(2) + divisions(4) + note(2), Fraction(3, 2)),
        (note(2) + divisions("none") + note(2), 2),
        (note(2) + divisions("0") + note(2), 2),
    ],
)
def test_onset_of_a_mark(before, quarters):
    (mark,) = marks_in(divisions(2) + before + REHEARSAL + note(9))
    assert (mark.measure, mark.quarters, mark.kinds) == (0, quarters, {"rehearsal"})


def test_latest_divisions_apply():
    bars = (divisions(2) + note(2), note(2) + divisions(3), note(1) + REHEARSAL)
    document = scanned(*bars)
    assert [divisions_before(document, document.parts[0], index) for index in range(4)] == [1, 2, 3, 3]
    assert [(mark.measure, mark.quarters) for mark in marks_in(*bars)] == [(2, Fraction(1, 3))]
    assert marks_in(*bars, within=range(2)) == []


@pytest.mark.parametrize(
    ("element", "kinds"),
    [
        (direction("<metronome/>"), {"tempo"}),
        (direction("<words>Lento</words>", '<sound tempo="60"/>'), {"tempo"}),
        (direction("<metronome/>", '<sound tempo="60" dynamics="9"/>'), {"tempo"}),
        (direction("<segno/>", '<sound segno="1"/>'), {"segno"}),
        (direction("<coda/>"), {"coda"}),
        (direction("<rehearsal>A</rehearsal>"), {"rehearsal"}),
        (direction("<words>D.C. al Fine</words>", '<sound dacapo="yes"/>'), {"dacapo"}),
        (direction("<words>D.S.</words>", '<sound dalsegno="1"/>'), {"dalsegno"}),
        (direction("<words>To Coda</words>", '<sound tocoda="1"/>'), {"tocoda"}),
        ('<sound fine="yes" tempo="60"/>', {"fine", "tempo"}),
        (direction("<words>dolce</words>"), None),
        (direction("<dynamics><f/></dynamics>", '<sound dynamics="90"/>'), None),
        ('<sound dynamics="90"/>', None),
    ],
)
def test_kinds_of_a_mark(element, kinds):
    assert [mark.kinds for mark in marks_in(divisions(1) + element + note(1))] == ([kinds] if kinds else [])


def mark(*kinds: str, measure: int = 0, quarters: int = 0) -> SystemMark:
    return SystemMark(measure, Fraction(quarters), frozenset(kinds), None)


def test_new_marks_have_each_kind_once_per_moment():
    present = [mark("tempo"), mark("tempo", measure=1)]
    both, later, elsewhere = (
        mark("tempo", "rehearsal"), mark("tempo", quarters=1), mark("tempo", measure=2),
    )  # fmt: skip
    assert new_marks([mark("tempo"), both, later, elsewhere], present) == [both, later, elsewhere]
    assert new_marks([both, mark("rehearsal"), both], []) == [both]


def inserted(measure: str, quarters: Fraction | float, element: str = REHEARSAL, unit: int = 2) -> str:
    """Return a measure with a mark inserted, which is shown as ``*``."""
    bar = etree.fromstring(f"<measure>{measure}</measure>")
    given = etree.fromstring(f"<x>{element} tail</x>")[0]
    insert_mark(bar, SystemMark(7, Fraction(quarters), frozenset(), given), Fraction(unit))
    text = etree.tostring(bar).decode().removeprefix("<measure>").removesuffix("</measure>")
    return text.replace(REHEARSAL, "*")


@pytest.mark.parametrize(
    ("bar", "quarters", "expected"),
    [
        (note(2) + note(2), 0, "*" + note(2) + note(2)),
        (divisions(2) + note(2) + note(2), 0, divisions(2) + "*" + note(2) + note(2)),
        (note(2) + note(2), 1, note(2) + "*" + note(2)),
        (note(2) + note(2), 2, note(2) + note(2) + "*"),
        (note(2) + note(2, "<chord/>") + note(1), 1, note(2) + note(2, "<chord/>") + "*" + note(1)),
        (note(2, "<grace/>") + note(2) + note(2), 1, note(2, "<grace/>") + note(2) + "*" + note(2)),
        (divisions(4) + note(4) + note(4), 1, divisions(4) + note(4) + "*" + note(4)),
        (divisions("none") + note(2) + note(2), 1, divisions("none") + note(2) + "*" + note(2)),
        (moved("forward", 2) + note(2), 1, moved("forward", 2) + "*" + note(2)),
        (note(4) + moved("backup", 2) + note(2), 1, note(4) + moved("backup", 2) + "*" + note(2)),
        # No note begins there: a backup from the end of the bar.
        (note(4), 1, note(4) + moved("backup", 2) + "*"),
        (note(6) + note(2), 1, note(6) + note(2) + moved("backup", 6) + "*"),
        ("", 1, "*"),
    ],
)
def test_a_mark_is_inserted_at_its_onset(bar, quarters, expected):
    assert inserted(bar, quarters) == expected


def test_backup_may_be_a_fraction_of_a_division():
    assert inserted(note(3), 0.75, unit=1) == note(3) + moved("backup", 2.25) + "*"


def test_inserted_copy_has_no_voice_or_staff_and_the_original_is_unchanged():
    element = (
        "<direction><direction-type><segno/></direction-type><voice>3</voice><staff>2</staff>"
        '<sound segno="1"/></direction>'
    )
    expected = '<direction><direction-type><segno/></direction-type><sound segno="1"/></direction>'
    assert inserted("", 0, element) == expected
    given = etree.fromstring(element)
    insert_mark(etree.Element("measure"), SystemMark(0, Fraction(0), frozenset(), given), Fraction(1))
    assert etree.tostring(given).decode() == element
