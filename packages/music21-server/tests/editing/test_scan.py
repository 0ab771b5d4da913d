from __future__ import annotations

import pytest
from lxml import etree

from music21_server.editing.scan import scan
from music21_server.errors import UnreadableScoreError


def test_parts_and_measures_are_found(song) -> None:
    document = scan(song)
    assert [part.identity for part in document.parts] == ["P1", "P2", "P3"]
    assert [len(part.starts) - 1 for part in document.parts] == [5, 4, 3]
    assert document.head.findtext("work/work-title") == "Lied & Klavier"


@pytest.mark.parametrize("bars", [1, 2, 3, 4, 5, 6])
def test_search_stops_after_the_requested_measures(song, bars) -> None:
    whole, some = scan(song), scan(song, bars)
    assert [part.starts for part in some.parts] == [part.starts[: bars + 1] for part in whole.parts]


def test_many_exclamation_marks_are_not_mistaken_for_comments(song) -> None:
    text = b"! ? !! &lt;!-- " * 100
    document = scan(song.replace(b"Welt", text + b"</text><!-- <measure> --><text>" + text + b"Welt"))
    assert [len(part.starts) - 1 for part in document.parts] == [5, 4, 3]
    assert document.measures(document.parts[0], 1, 1)[0].find("note/lyric")[2].text.endswith("-- Welt")


def test_measures_are_parsed_by_index(song) -> None:
    document = scan(song)
    cut = document.measures(document.parts[0], 1, 2)
    assert [measure.get("number") for measure in cut] == ["2", "3"]
    assert cut[0].findtext("note/lyric/text") == "Welt"
    last = document.measures(document.parts[2], 2, 2)
    assert [measure.get("number") for measure in last] == ["3"]


@pytest.mark.parametrize(
    ("part", "measures", "expected"),
    [
        (0, range(5), [0, 2, 3]),
        (0, range(1, 3), [2]),
        (0, range(1, 2), []),
        (1, range(1, 9), [1, 2]),
        (2, range(3, 5), []),  # it has ended
        (2, range(4, 5), []),
    ],
)
def test_measures_with_a_tag_are_found(song, part, measures, expected) -> None:
    document = scan(song)
    assert document.measures_with(document.parts[part], (b"<attributes",), measures) == expected


def test_part_without_an_id_gets_the_first_id_of_the_list(song) -> None:
    listed = song.replace(b'"P1"', b'"V"').replace(b'<part id="V">', b"<part>")
    assert [part.identity for part in scan(listed).parts] == ["V", "P2", "P3"]
    assert scan(b"<score-partwise><part-list/><part></part></score-partwise>").parts[0].identity == "P1"


def test_attributes_before_a_measure_are_returned_in_order(song) -> None:
    document = scan(song)
    before = document.attributes_before(document.parts[1], 3)
    assert [attributes[0].tag for attributes in before] == ["divisions", "clef", "divisions"]
    assert document.attributes_before(document.parts[1], 0) == []


def test_empty_attributes_are_skipped(song) -> None:
    document = scan(song.replace(b'<measure number="2">', b'<measure number="2"><attributes /><attributes/>'))
    assert len(document.attributes_before(document.parts[0], 3)) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("UTF-8", "UTF-16").encode("utf-16"),
        lambda text: text.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("Welt", "<![CDATA[<measure number='9'> & </part>]]>").encode(),
        lambda text: text.replace("<part id=\"P2\">", "<?note </part><measure>?><part\n  id='P2' >").encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("<time>", "<part-symbol>x</part-symbol><measure-style/><time>").encode(),
    ],
)  # fmt: skip
def test_encodings_comments_and_line_ends(song, change) -> None:
    document = scan(change(song.decode()))
    assert [(part.identity, len(part.starts) - 1) for part in document.parts] == [
        ("P1", 5),
        ("P2", 4),
        ("P3", 3),
    ]
    assert len(document.measures(document.parts[1], 0, 3)) == 4


def test_cdata_is_kept_as_text(song) -> None:
    changed = song.replace(b"<text>Welt</text>", b"<text><![CDATA[a < b & <measure>]]></text>")
    document = scan(changed)
    assert document.measures(document.parts[0], 1, 1)[0].findtext("note/lyric/text") == "a < b & <measure>"


def test_namespace_prefixes_of_the_root_are_usable_in_measures(song) -> None:
    changed = song.replace(b'version="4.0">', b'version="4.0" xmlns:xlink="http://www.w3.org/1999/xlink">', 1)
    changed = changed.replace(b'<measure number="2">', b'<measure number="2" xlink:href="x">')
    document = scan(changed)
    cut = document.measures(document.parts[0], 1, 1)
    assert cut[0].get("{http://www.w3.org/1999/xlink}href") == "x"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"<score-partwise></score-partwise>", "at least one part"),
        (b"<score-partwise><part-list><part id='P1'></part>", "well-formed"),
        (b"<score-partwise><!-- <part id='P1'></part>", "<!-- without -->"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><score-partwise/>", "ENTITY"),
    ],
)
def test_broken_documents_are_refused(source, message) -> None:
    with pytest.raises(UnreadableScoreError, match=message):
        scan(source)


def test_a_broken_measure_is_refused_when_parsed(song) -> None:
    document = scan(song.replace(b"</note>", b"", 1))
    with pytest.raises(UnreadableScoreError, match="well-formed"):
        document.measures(document.parts[0], 0, 0)
    assert etree.iselement(document.measures(document.parts[1], 0, 0))
