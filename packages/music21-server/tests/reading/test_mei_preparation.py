"""Forms of MEI 4 and 5 that music21 drops or refuses: signatures as elements, endings, readings, words."""

from __future__ import annotations

import pytest

from music21_server.errors import UnreadableScoreError
from music21_server.reading.formats import read
from music21_server.reading.mei_preparation import prepared
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, STEPS

STAFF = '<staffDef n="1" lines="5" clef.shape="G" clef.line="2"/>'


def mei(
    section, definition=f'<scoreDef meter.count="4" meter.unit="4"><staffGrp>{STAFF}</staffGrp></scoreDef>'
):
    return (
        '<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><music><body><mdiv><score>'
        f"{definition}<section>{section}</section></score></mdiv></body></music></mei>"
    )


def measure(*names, number=1):
    notes = "".join(name if name.startswith("<") else note(name) for name in names)
    return f'<measure n="{number}"><staff n="1"><layer n="1">{notes}</layer></staff></measure>'


def note(name, dur="1", inside=""):
    return f'<note pname="{name}" oct="4" dur="{dur}">{inside}</note>'


def score_of(text):
    return read(Document("mei", text.encode()), Limits())


def names(text):
    table = score_of(text).notes
    return " ".join(STEPS[step] for step in table.step[table.kind == NOTE].tolist())


def test_endings_are_read_one_after_the_other_and_told():
    endings = (
        f'<ending n="1">{measure("d", number=2)}</ending><ending n="2">{measure("e", number=3)}</ending>'
    )
    score = score_of(mei(measure("c") + endings + measure("f", number=4)))
    assert len(score.measure_numbers) == 4
    assert names(mei(measure("c") + endings)) == "C D E"
    assert score.remarks == ("Endings, read one after the other: 2.",)


@pytest.mark.parametrize(
    "definition",
    [
        '<scoreDef><staffGrp><staffDef n="1" lines="5"><clef shape="G" line="2"/><keySig sig="3f"/>'
        '<meterSig count="3" unit="4"/></staffDef></staffGrp></scoreDef>',
        f'<scoreDef><keySig sig="3f"/><meterSig count="3" unit="4"/><staffGrp>{STAFF}</staffGrp></scoreDef>',
        f'<scoreDef keysig="3f" meter.count="3" meter.unit="4"><staffGrp>{STAFF}</staffGrp></scoreDef>',
        f'<scoreDef key.sig="3f" meter.count="3" meter.unit="4"><staffGrp>{STAFF}</staffGrp></scoreDef>',
    ],
)
def test_signatures_may_be_elements_or_attributes(definition):
    score = score_of(mei(measure(note("c", "2"), note("d", "4")), definition))
    assert [each.fifths for each in score.keys] == [-3]
    assert [each.text for each in score.times] == ["3/4"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"<app><lem>{note('d')}</lem><rdg>{note('e')}</rdg></app>", "D"),
        (f"<app><rdg source='#a'>{note('d')}</rdg><rdg>{note('e')}</rdg></app>", "D"),
        (f"<choice><sic>{note('d')}</sic><corr>{note('e')}</corr></choice>", "E"),
        (f"<choice><orig>{note('d')}</orig><reg>{note('e')}</reg></choice>", "E"),
        (f"<supplied>{note('g')}</supplied>", "G"),
        (f"<unclear><supplied>{note('g')}</supplied></unclear>", "G"),
        (f"<subst><del>{note('d')}</del><add>{note('e')}</add></subst>", "E"),
        (f"<del>{note('d', '2')}</del>{note('a')}", "A"),
        (f"<app><lem><choice><sic>{note('d')}</sic><corr>{note('f')}</corr></choice></lem></app>", "F"),
    ],
)
def test_one_of_several_readings_is_taken(content, expected):
    assert names(mei(measure(content))) == expected


def test_the_choice_is_told():
    text = mei(measure(f"<app><lem>{note('d')}</lem><rdg>{note('e')}</rdg></app>"))
    assert "several readings" in score_of(text).remarks[0]


@pytest.mark.parametrize("position", ["s", "x", "i"])
def test_any_position_of_a_syllable_is_read(position):
    text = mei(measure(note("c", inside=f'<verse n="1"><syl wordpos="{position}">Ach</syl></verse>')))
    assert names(text) == "C"


@pytest.mark.parametrize("numbers", ["", 'numbase="2"', 'num="3"', 'num="3" numbase="2"'])
def test_tuplets_without_numbers_are_triplets(numbers):
    triplet = f"<tuplet {numbers}>{note('c', '4')}{note('d', '4')}{note('e', '4')}</tuplet>"
    score = score_of(mei(measure(triplet, note("f", "2"))))
    assert [float(score.quarters(each)) for each in score.notes.onset] == pytest.approx([0, 2 / 3, 4 / 3, 2])


def test_broken_documents_are_refused():
    with pytest.raises(UnreadableScoreError, match="well-formed XML"):
        prepared(b"<mei>")
