from __future__ import annotations

from fractions import Fraction

import pytest
from lxml import etree

from music21_server.editing.editable_score import with_all_staves
from music21_server.reading.musicxml import read_musicxml
from music21_server.rendering.excerpt import excerpt, excerpt_of_document
from music21_server.score.document import Document
from music21_server.score.limits import Limits

ABC = Document("abc", b"")
"""A document of another format, of which only the columns are drawn."""


@pytest.fixture(scope="module")
def score(song):
    return read_musicxml(song, Limits())


def cut(song, score, measures, parts=(0, 1, 2, 3)):
    return etree.fromstring(excerpt_of_document(song, score, measures, parts))


def test_first_measure_states_the_attributes_in_force(song, score) -> None:
    root = cut(song, score, range(3, 4))
    voice, piano = root.findall("part")[:2]
    assert voice.find("measure").get("number") == "4"
    first = voice.find("measure/attributes")
    assert [child.tag for child in first] == ["divisions", "key", "time", "clef"]
    assert first.findtext("key/fifths") == "2"
    attributes = piano.find("measure/attributes")
    assert attributes.findtext("divisions") == "4"
    assert attributes.xpath("clef[@number='2']/sign/text()") == ["G"]  # changed in the middle of bar 2
    assert attributes.findtext("staves") == "2"


def test_a_change_at_the_first_measure_replaces_the_attributes_in_force(song, score) -> None:
    [attributes] = cut(song, score, range(2, 3), (0,)).findall("part/measure/attributes")
    assert [key.findtext("fifths") for key in attributes.findall("key")] == ["2"]


def test_reading_the_excerpt_gives_the_same_notes(song, score) -> None:
    """Reading each excerpt gives the rows and transpositions of the same bars of the whole score."""
    for first in range(5):
        for last in range(first, 5):
            back = read_musicxml(
                excerpt_of_document(song, score, range(first, last + 1), (0, 1, 2, 3)), Limits()
            )
            table = score.notes
            kept = (table.measure >= first) & (table.measure <= last)
            back_rows = back.notes.node >= 0  # bars that a part lacks are read as rests
            for name in ("duration", "kind", "step", "octave", "alter_cents", "onset", "grace"):
                is_time = name in ("duration", "onset")
                factor = Fraction(table.ticks_per_quarter, back.notes.ticks_per_quarter) if is_time else 1
                ours = [value * factor for value in getattr(back.notes, name)[back_rows].tolist()]
                assert ours == getattr(table, name)[kept].tolist(), name
            if first < 3:
                assert [part.transpositions[0].chromatic for part in back.parts if part.transpositions] == [
                    -2
                ]


def test_signs_that_cross_the_edge_are_left_out(song, score) -> None:
    second = cut(song, score, range(1, 2))
    assert second.xpath("//slur|//tied|//tie|//wedge|//direction") == []
    both = cut(song, score, range(1, 3), (0,))
    assert [slur.get("type") for slur in both.iter("slur")] == ["start", "stop"]
    assert [tie.get("type") for tie in both.iter("tie", "tied")] == ["start", "start", "stop", "stop"]
    assert [wedge.get("type") for wedge in cut(song, score, range(2)).iter("wedge")] == ["crescendo", "stop"]


def test_words_dynamics_chord_symbols_titles_and_names_are_kept(song, score) -> None:
    root = cut(song, score, range(1, 3))
    assert root.xpath("//lyric/text/text()") == ["Welt"]
    assert root.find(".//dynamics/ff") is not None
    assert root.find(".//harmony") is not None
    assert root.findtext("work/work-title") == "Lied & Klavier"
    assert root.xpath("identification/creator/text()") == ["Åse Ørn", "N. N."]


def test_pages_and_rests_of_several_bars_are_left_out(song, score) -> None:
    root = cut(song, score, range(5))
    assert root.xpath("//print|//defaults|//multiple-rest") == []


def test_parts_include_all_staves_and_braces_around_two_or_more(song, score) -> None:
    assert with_all_staves(score, (2,)) == (1, 2)
    root = cut(song, score, range(1), (2,))
    assert [part.get("id") for part in root.findall("part")] == ["P2"]
    assert [child.tag for child in root.find("part-list")] == ["score-part"]
    assert root.xpath("//staves/text()") == ["2"]
    both = cut(song, score, range(1), (0, 1))
    assert [child.tag for child in both.find("part-list")] == [
        "part-group",
        "score-part",
        "score-part",
        "part-group",
    ]


def test_a_part_that_has_ended_has_empty_bars(song, score) -> None:
    root = cut(song, score, range(2, 5))
    assert [[len(measure.findall("note")) for measure in part] for part in root.findall("part")] == [
        [1, 1, 1], [2, 2, 0], [1, 0, 0],
    ]  # fmt: skip
    later = cut(song, score, range(4, 5)).find("part[@id='P3']")
    assert [measure.get("number") for measure in later] == ["5"]
    assert later.findtext("measure/attributes/transpose/chromatic") == "-2"


def test_the_source_is_not_changed(song, score) -> None:
    assert excerpt_of_document(song, score, range(2), (0,)) == excerpt_of_document(
        song, score, range(2), (0,)
    )


def test_excerpt_of_columns_states_the_attributes_in_force(song, score) -> None:
    root = etree.fromstring(excerpt(ABC, score, range(2, 4), (0, 3), Limits()))
    assert [measure.get("number") for measure in root.findall("part/measure")] == ["3", "4", "3"]
    assert root.xpath("part[1]/measure[1]/attributes/key/fifths/text()") == ["2"]
    assert root.xpath("part[2]/measure[1]/attributes/transpose/chromatic/text()") == ["-2"]
    assert root.findall(".//barline") == []
    assert len(etree.fromstring(excerpt(ABC, score, range(3, 5), (0,), Limits())).findall(".//barline")) == 1


def plain_document(*names, fifths=0):
    """Return one measure of quarter notes such as ``F1`` (F sharp), without accidental elements."""
    notes = "".join(
        f"<note><pitch><step>{name[0]}</step><alter>{name[1:]}</alter><octave>4</octave></pitch>"
        "<duration>1</duration><type>quarter</type></note>"
        for name in names
    )
    return (
        '<score-partwise><part-list><score-part id="P1"><part-name/></score-part></part-list><part id="P1">'
        '<measure number="1"><attributes><divisions>1</divisions>'
        f"<key><fifths>{fifths}</fifths></key></attributes>{notes}</measure></part></score-partwise>"
    ).encode()


@pytest.mark.parametrize(
    ("names", "fifths", "accidentals"),
    [
        (("F1", "F1", "G0", "F0"), 0, ["sharp", None, None, "natural"]),
        (("F1", "C0", "B-1", "E0"), 1, [None, None, "flat", None]),
        (("F0", "F0", "C1", "C1"), 2, ["natural", None, None, None]),
    ],
)
def test_accidentals_are_drawn_where_a_document_states_none(names, fifths, accidentals) -> None:
    source = plain_document(*names, fifths=fifths)
    root = etree.fromstring(excerpt_of_document(source, read_musicxml(source, Limits()), range(1), (0,)))
    assert [note.findtext("accidental") for note in root.iter("note")] == accidentals


def test_accidentals_that_a_document_states_are_left_alone() -> None:
    source = plain_document("F1", "C1", "G0").replace(
        b"<type>quarter</type></note>", b"<type>quarter</type><accidental>sharp</accidental></note>", 1
    )
    root = etree.fromstring(excerpt_of_document(source, read_musicxml(source, Limits()), range(1), (0,)))
    assert [note.findtext("accidental") for note in root.iter("note")] == ["sharp", None, None]
