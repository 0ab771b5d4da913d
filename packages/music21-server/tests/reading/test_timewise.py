"""Timewise documents, converted from partwise ones by the rule of `parttime.xsl`."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from music21_server.errors import TooMuchScoreError, UnreadableScoreError
from music21_server.reading.musicxml import read_musicxml
from music21_server.reading.timewise import as_partwise
from music21_server.score.limits import Limits

SONG = (Path(__file__).parent.parent / "song.musicxml").read_bytes()


def timewise(partwise: bytes) -> bytes:
    """Return a partwise document as a timewise one."""
    root = etree.fromstring(partwise)
    converted = etree.Element("score-timewise", root.attrib)
    converted.extend([child for child in root if child.tag != "part"])
    parts = root.findall("part")
    starts = [dict(measure.attrib) for measure in max(parts, key=len)]
    for start in starts:
        measure = etree.SubElement(converted, "measure", start)
        for part in parts:
            if len(part):
                element = etree.SubElement(measure, "part", id=part.get("id"))
                element.extend(list(part[0]))
                part.remove(part[0])
    return etree.tostring(converted, xml_declaration=True, encoding="UTF-8")


def content(document: bytes) -> bytes:
    parser = etree.XMLParser(remove_blank_text=True, remove_comments=True, load_dtd=False)
    root = etree.fromstring(document, parser)
    for element in root.iter():
        element.tail = None
    return etree.tostring(root, method="c14n")


def test_conversion_restores_the_partwise_document():
    converted = as_partwise(timewise(SONG), Limits())
    assert content(converted) == content(SONG)
    assert as_partwise(SONG, Limits()) is SONG


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_timewise_and_partwise_give_the_same_score(encoding):
    text = timewise(SONG).decode().replace("UTF-8", encoding)
    score, whole = (read_musicxml(each, Limits()) for each in (text.encode(encoding), SONG))
    assert score.parts == whole.parts
    assert score.title == whole.title == "Lied & Klavier"
    assert (score.notes.written_cents == whole.notes.written_cents).all()
    assert (score.own_ticks == whole.own_ticks).all()
    assert score.keys == whole.keys


def test_measures_without_a_part_are_empty_in_it():
    note = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>4</duration></note>"
    document = (
        "<score-timewise><part-list/>"
        '<measure number="1"><part id="P1"><attributes><divisions>1</divisions></attributes>'
        f"{note.format('C')}</part></measure>"
        f'<measure number="2"><part id="P2">{note.format("D")}</part></measure>'
        f'<measure number="3"><part id="P1">{note.format("E")}</part></measure></score-timewise>'
    ).encode()
    root = etree.fromstring(as_partwise(document, Limits()))
    steps = {
        part.get("id"): [(each.get("number"), each.findtext("note/pitch/step")) for each in part]
        for part in root.iterfind("part")
    }
    assert steps == {"P1": [("1", "C"), ("2", None), ("3", "E")], "P2": [("1", None), ("2", "D")]}


@pytest.mark.parametrize(
    "document",
    [
        b"<score-timewise><part-list/><part id='P1'/></score-timewise>",
        b"<score-timewise><part-list/><x><measure><part id='P1'/></measure></x></score-timewise>",
        b"<score-timewise><measure><x><part-list/></x></measure></score-timewise>",
        b"<score-timewise><part-list/><measure><part id='P1'></measure></score-timewise>",
    ],
)
def test_malformed_timewise_documents_are_refused(document):
    with pytest.raises(UnreadableScoreError):
        as_partwise(document, Limits())


def test_parts_and_measures_are_bounded():
    measures = b"".join(b"<measure><part id='P%d'/></measure>" % number for number in range(30))
    document = b"<score-timewise><part-list/>" + measures + b"</score-timewise>"
    for limits, name in ((Limits(max_parts=20), "max_parts"), (Limits(max_measures=20), "max_measures")):
        with pytest.raises(TooMuchScoreError, match=name):
            as_partwise(document, limits)


def test_empty_measures_of_many_parts_are_bounded() -> None:
    measures = '<measure><part id="a"/></measure>' * 99
    last = "".join(f'<part id="{number}"/>' for number in range(50))
    document = f"<score-timewise><part-list/>{measures}<measure>{last}</measure></score-timewise>".encode()
    as_partwise(document, Limits(max_notes=5_100))
    with pytest.raises(TooMuchScoreError, match=r"setting max_notes\), got 5,100"):
        as_partwise(document, Limits(max_notes=5_099))
