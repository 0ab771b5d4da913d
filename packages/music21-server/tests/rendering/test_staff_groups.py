from __future__ import annotations

from lxml import etree

from music21_server.rendering.staff_groups import Moment, is_grace, moment_of, split


def names_of(part):
    return [note.get("id") for note in part.iter("note")]


def test_parts_are_grouped_in_order(song) -> None:
    documents = [etree.fromstring(each) for each in split(song, 2)]
    assert [[part.get("id") for part in each.findall("part")] for each in documents] == [
        ["P1"],
        ["P2"],
        ["P3"],
    ]
    documents = [etree.fromstring(each) for each in split(song, 3)]
    assert [[part.get("id") for part in each.findall("part")] for each in documents] == [["P1", "P2"], ["P3"]]
    assert [len(each.findall("part-list/part-group")) for each in documents] == [2, 0]
    assert [part.get("id") for part in documents[1].find("part-list")] == ["P3"]


def test_a_part_with_too_many_staves_is_a_group_by_itself(song) -> None:
    assert len(split(song, 1)) == 3


def test_note_ids_encode_onsets(song) -> None:
    """In the piano, divisions change from 1 to 4 in bar 3, and the left hand has two notes in bar 2."""
    [document] = split(song, 10)
    voice, piano, _ = etree.fromstring(document).findall("part")
    assert [moment_of(name) for name in names_of(voice)[:3]] == [
        Moment(0, 0),
        Moment(1, 0),
        Moment(1, 1_000_000),
    ]
    assert [moment_of(name) for name in names_of(piano)[2:7]] == [
        Moment(1, 0), Moment(1, 0), Moment(1, 2_000_000), Moment(2, 0), Moment(2, 0),
    ]  # fmt: skip
    names = names_of(etree.fromstring(document))
    assert len(set(names)) == len(names)


def test_grace_and_chord_notes_share_the_onset_of_their_note() -> None:
    pitch = "<pitch><step>C</step><octave>4</octave></pitch>"
    notes = (
        f"<note>{pitch}<duration>1</duration></note><note><grace/>{pitch}</note>"
        f"<note>{pitch}<duration>2</duration></note><note><chord/>{pitch}<duration>2</duration></note>"
    )
    measure = f"<measure><attributes><divisions>3</divisions></attributes>{notes}</measure>"
    source = f"<score-partwise><part-list/><part id='P1'>{measure}</part></score-partwise>"
    names = names_of(etree.fromstring(split(source.encode(), 5)[0]))
    assert [moment_of(name) for name in names] == [Moment(0, 0), *[Moment(0, 333_333)] * 3]
    assert [is_grace(name) for name in names] == [False, True, False, False]


def test_other_ids_have_no_onset() -> None:
    assert moment_of("note-1") is None
    assert not is_grace("note-1")
