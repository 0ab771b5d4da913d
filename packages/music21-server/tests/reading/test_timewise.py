"""Timewise documents, made of partwise ones by a stylesheet's rule that is written here once more."""

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
    """Return a document with its parts in measures, as `parttime.xsl` makes it."""
    root = etree.fromstring(partwise)
    made = etree.Element("score-timewise", root.attrib)
    made.extend([child for child in root if child.tag != "part"])
    parts = root.findall("part")
    starts = [dict(measure.attrib) for measure in max(parts, key=len)]
    for start in starts:
        measure = etree.SubElement(made, "measure", start)
        for part in parts:
            if len(part):
                element = etree.SubElement(measure, "part", id=part.get("id"))
                element.extend(list(part[0]))
                part.remove(part[0])
    return etree.tostring(made, xml_declaration=True, encoding="UTF-8")


def content(document: bytes) -> bytes:
    parser = etree.XMLParser(remove_blank_text=True, remove_comments=True, load_dtd=False)
    root = etree.fromstring(document, parser)
    for element in root.iter():
        element.tail = None
    return etree.tostring(root, method="c14n")


def test_parts_are_put_together_again():
    made = as_partwise(timewise(SONG), Limits())
    assert content(made) == content(SONG)
    assert as_partwise(SONG, Limits()) is SONG


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_both_forms_are_the_same_score(encoding):
    text = timewise(SONG).decode().replace("UTF-8", encoding)
    score, whole = (read_musicxml(each, Limits()) for each in (text.encode(encoding), SONG))
    assert score.parts == whole.parts
    assert score.title == whole.title == "Lied & Klavier"
    assert (score.notes.written_cents == whole.notes.written_cents).all()
    assert (score.own_ticks == whole.own_ticks).all()
    assert score.keys == whole.keys


def test_part_that_pauses_has_empty_measures():
    bar = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>4</duration></note>"
    document = (
        "<score-timewise><part-list/>"
        '<measure number="1"><part id="P1"><attributes><divisions>1</divisions></attributes>'
        f"{bar.format('C')}</part></measure>"
        f'<measure number="2"><part id="P2">{bar.format("D")}</part></measure>'
        f'<measure number="3"><part id="P1">{bar.format("E")}</part></measure></score-timewise>'
    ).encode()
    root = etree.fromstring(as_partwise(document, Limits()))
    found = {
        part.get("id"): [(bar.get("number"), bar.findtext("note/pitch/step")) for bar in part]
        for part in root.iterfind("part")
    }
    assert found == {"P1": [("1", "C"), ("2", None), ("3", "E")], "P2": [("1", None), ("2", "D")]}


@pytest.mark.parametrize(
    "document",
    [
        b"<score-timewise><part-list/><part id='P1'/></score-timewise>",
        b"<score-timewise><part-list/><x><measure><part id='P1'/></measure></x></score-timewise>",
        b"<score-timewise><measure><x><part-list/></x></measure></score-timewise>",
        b"<score-timewise><part-list/><measure><part id='P1'></measure></score-timewise>",
    ],
)
def test_what_is_none_is_refused(document):
    with pytest.raises(UnreadableScoreError):
        as_partwise(document, Limits())


def test_limits_hold():
    bars = b"".join(b"<measure number='%d'><part id='P%d'/></measure>" % (bar, bar) for bar in range(30))
    document = b"<score-timewise><part-list/>" + bars + b"</score-timewise>"
    for limits, said in ((Limits(max_parts=20), "max_parts"), (Limits(max_measures=20), "max_measures")):
        with pytest.raises(TooMuchScoreError, match=said):
            as_partwise(document, limits)
