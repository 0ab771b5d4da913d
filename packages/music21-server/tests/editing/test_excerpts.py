"""Excerpts of documents: attributes in force, marks that hold for all parts, and signs at the edges."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from music21_server.editing.excerpts import document_with_measures, document_with_parts
from music21_server.editing.scan import scan
from music21_server.reading.musicxml import read_musicxml
from music21_server.score.limits import Limits

NOTE = "<note><rest/><duration>{}</duration></note>"
BAR = NOTE.format(4)


def attributes(content: str) -> str:
    return f"<attributes>{content}</attributes>"


def divisions(number: int) -> str:
    return attributes(f"<divisions>{number}</divisions>")


def tempo(number: int, *types: str) -> str:
    inside = "".join(f"<direction-type>{each}</direction-type>" for each in types or ("<metronome/>",))
    return f'<direction>{inside}<sound tempo="{number}" dynamics="9"/></direction>'


def rehearsal(letter: str) -> str:
    return f"<direction><direction-type><rehearsal>{letter}</rehearsal></direction-type></direction>"


def document(**parts: list[str]) -> bytes:
    """Return a document with these bars in each part."""
    written = ""
    for identity, bars in parts.items():
        measures = (f'<measure number="{index}">{bar}</measure>' for index, bar in enumerate(bars))
        written += f'<part id="{identity}">{"".join(measures)}</part>'
    listed = "".join(f'<score-part id="{each}"><part-name>{each}</part-name></score-part>' for each in parts)
    return f"<score-partwise><part-list>{listed}</part-list>{written}</score-partwise>".encode()


def slice_of(source: bytes, first: int, last: int, *parts: str) -> Any:
    """Return the bars from index `first` to `last`, both included, as a tree."""
    score, ids = read_musicxml(source, Limits()), set(parts) or {"P1"}
    return etree.fromstring(document_with_measures(scan(source), score, range(first, last + 1), ids))


def parts_of(source: bytes, *parts: str) -> Any:
    return etree.fromstring(document_with_parts(scan(source), set(parts)))


def bar(root: Any, index: int = 0, part: int = 0) -> str:
    """Return the contents of a bar as text."""
    measure = root.findall("part")[part][index]
    return "".join(etree.tostring(each, with_tail=False).decode() for each in measure)


def rows(*bars: str) -> list[str]:
    return [divisions(1) + bars[0], *bars[1:]]


# Parts


def test_ids_with_a_common_prefix_are_distinguished() -> None:
    source = document(P1=rows(BAR), P10=rows(BAR), P11=rows(BAR))
    for root in (slice_of(source, 0, 0, "P1"), parts_of(source, "P1")):
        assert [each.get("id") for each in root.iterfind("part")] == ["P1"]
        assert [each.get("id") for each in root.iterfind("part-list/score-part")] == ["P1"]


def test_ids_are_escaped() -> None:
    source = document(P1=rows(BAR)).replace(b"P1", b"A&amp;B&lt;")
    for root in (slice_of(source, 0, 0, "A&B<"), parts_of(source, "A&B<")):
        assert root.find("part").get("id") == "A&B<"


def test_marks_of_other_parts_appear_once_in_the_first_part() -> None:
    source = document(P1=rows(BAR, BAR), P2=rows(BAR, BAR), P3=rows(BAR, rehearsal("B") + BAR))
    for root in (slice_of(source, 1, 1, "P1", "P2"), parts_of(source, "P1", "P2")):
        counts = [len(list(part.iter("rehearsal"))) for part in root.iterfind("part")]
        assert counts == [1, 0]
    both = document(P1=rows(BAR), P2=rows(rehearsal("A") + BAR), P3=rows(rehearsal("A") + BAR))
    for root in (slice_of(both, 0, 0, "P1"), parts_of(both, "P1")):
        assert len(list(root.iter("rehearsal"))) == 1


@pytest.mark.parametrize("parts", [("P1", "P2"), ("P2", "P3")])
def test_marks_after_the_end_of_a_part_appear_in_a_longer_part(parts) -> None:
    bars = [BAR, BAR, BAR]
    source = document(P1=rows(*bars), P2=rows(BAR), P3=rows(*bars), P4=rows(BAR, BAR, rehearsal("C") + BAR))
    root = parts_of(source, *parts)
    assert root.findtext(".//measure[@number='2']//rehearsal") == "C"


def test_marks_are_placed_by_the_divisions_of_the_target_part() -> None:
    own = rows(BAR, divisions(2) + NOTE.format(8), NOTE.format(2) * 4)
    source = document(P1=own, P2=rows(BAR, BAR, NOTE.format(1) + rehearsal("B") + NOTE.format(3)))
    expected = NOTE.format(2) + rehearsal("B") + NOTE.format(2) * 3
    assert bar(slice_of(source, 0, 2), 2) == bar(parts_of(source, "P1"), 2) == expected


# Tempos


def tempos(root: Any) -> list[str]:
    return [each.get("tempo") for each in root.iter("sound")]


def test_tempo_at_the_start_of_the_excerpt_is_not_repeated() -> None:
    source = document(P1=rows(tempo(50) + BAR, tempo(60) + BAR))
    assert tempos(slice_of(source, 1, 1)) == ["60"]
    assert tempos(slice_of(source, 0, 1)) == ["50", "60"]


def test_tempo_within_the_first_bar_keeps_the_earlier_one_at_its_start() -> None:
    half = NOTE.format(2)
    source = document(P1=rows(tempo(50) + half + tempo(70) + half, half + tempo(60) + half))
    assert tempos(slice_of(source, 1, 1)) == ["70", "60"]
    assert tempos(slice_of(source, 0, 0)) == ["50", "70"]


def test_tempo_in_force_may_come_from_another_part() -> None:
    source = document(P1=rows(tempo(50) + BAR, BAR, BAR), P2=rows(BAR, tempo(60) + BAR, BAR))
    assert tempos(slice_of(source, 2, 2, "P1")) == tempos(slice_of(source, 2, 2, "P2")) == ["60"]


@pytest.mark.parametrize(
    ("types", "left"),
    [
        (("<words>Lento</words>", "<dynamics><f/></dynamics>"), ["words"]),
        (("<rehearsal>A</rehearsal>", "<metronome/>"), ["metronome"]),
        (("<words>Lento</words>", "<metronome/>", "<segno/>"), ["words", "metronome"]),
    ],
)
def test_tempo_is_copied_without_other_contents_of_its_direction(types, left) -> None:
    source = document(P1=rows(tempo(50, *types) + BAR, BAR))
    direction = slice_of(source, 1, 1).find("part/measure/direction")
    assert [each[0].tag for each in direction.iterfind("direction-type")] == left
    assert dict(direction.find("sound").attrib) == {"tempo": "50"}


def test_tempo_of_an_unrelated_direction_becomes_a_sound() -> None:
    source = document(P1=rows(tempo(50, "<rehearsal>A</rehearsal>") + BAR, BAR))
    root = slice_of(source, 1, 1)
    assert root.find(".//direction") is None
    assert dict(root.find("part/measure/sound").attrib) == {"tempo": "50"}


# What is in force


STATE = (
    "<divisions>1</divisions><key><fifths>{}</fifths></key>"
    "<time><beats>{}</beats><beat-type>4</beat-type></time><clef><sign>{}</sign></clef>"
)


def test_first_bar_states_attributes_in_force_overridden_by_its_own() -> None:
    first, second = STATE.format(1, 4, "G"), "<key><fifths>2</fifths></key>"
    source = document(P1=[attributes(first) + BAR, attributes(second) + BAR, BAR])
    expected = attributes(STATE.format(2, 4, "G")) + BAR
    assert bar(slice_of(source, 1, 1)) == bar(slice_of(source, 2, 2)) == expected
    assert bar(slice_of(source, 0, 1), 1) == attributes(second) + BAR


def test_attribute_changes_within_the_first_bar_stay_in_place() -> None:
    clef = attributes("<clef><sign>F</sign></clef>")
    inside = NOTE.format(1) + clef + NOTE.format(3)
    source = document(P1=[attributes(STATE.format(1, 4, "G")) + BAR, inside, BAR])
    assert bar(slice_of(source, 1, 1)) == attributes(STATE.format(1, 4, "G")) + inside
    assert bar(slice_of(source, 2, 2)) == attributes(STATE.format(1, 4, "F")) + BAR


def test_each_part_states_its_own_attributes() -> None:
    transposed = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    source = document(
        P1=[attributes(STATE.format(-3, 4, "C")) + BAR, BAR],
        P2=[attributes(STATE.format(-1, 4, "G") + transposed) + BAR, BAR],
    )
    root = slice_of(source, 1, 1, "P1", "P2")
    assert bar(root, part=0) == attributes(STATE.format(-3, 4, "C")) + BAR
    assert bar(root, part=1) == attributes(STATE.format(-1, 4, "G") + transposed) + BAR


@pytest.mark.parametrize(("first", "last"), [(0, 0), (1, 1), (2, 2), (1, 2), (0, 3), (2, 4), (4, 4)])
def test_excerpt_has_the_requested_bars_with_their_numbers(first, last) -> None:
    long = rows(*(NOTE.format(index + 1) for index in range(5)))
    source = document(P1=long, P2=rows(*(NOTE.format(index + 1) for index in range(2))))
    root = slice_of(source, first, last, "P1", "P2")
    assert [[each.get("number") for each in part] for part in root.iterfind("part")] == [
        [str(index) for index in range(first, last + 1)]
    ] * 2
    durations = [[each.text for each in part.iter("duration")] for part in root.iterfind("part")]
    assert durations[0] == [str(index + 1) for index in range(first, last + 1)]
    assert durations[1] == [str(index + 1) for index in range(first, last + 1) if index < 2]
    assert [part[0].findtext("attributes/divisions") for part in root.iterfind("part")] == ["1", "1"]


# The edges


def repeat(direction: str, more: str = "") -> str:
    return f'<barline><bar-style>x</bar-style>{more}<repeat direction="{direction}"/></barline>'


def directions(root: Any) -> list[tuple[int, str]]:
    return [
        (index, each.get("direction"))
        for index, measure in enumerate(root.find("part"))
        for each in measure.iter("repeat")
    ]


def test_of_consecutive_repeat_starts_the_last_counts() -> None:
    bars = (repeat("forward") + BAR, repeat("forward") + BAR, BAR + repeat("backward"))
    root = slice_of(document(P1=rows(*bars)), 0, 2)
    assert directions(root) == [(1, "forward"), (2, "backward")]
    assert bar(root) == divisions(1) + BAR


def test_a_repeat_end_and_start_at_one_barline_are_separate() -> None:
    bars = (
        repeat("forward") + BAR + repeat("backward"), repeat("forward") + BAR, BAR + repeat("backward"),
    )  # fmt: skip
    source = document(P1=rows(*bars))
    assert directions(slice_of(source, 0, 2)) == [
        (0, "forward"), (0, "backward"), (1, "forward"), (2, "backward"),
    ]  # fmt: skip
    assert directions(slice_of(source, 0, 1)) == [(0, "forward"), (0, "backward")]
    assert directions(slice_of(source, 2, 2)) == [(0, "backward")]


def test_barline_with_a_fermata_stays_without_its_repeat() -> None:
    bars = (repeat("forward", "<fermata/>") + BAR, BAR + repeat("backward"))
    expected = divisions(1) + "<barline><bar-style>x</bar-style><fermata/></barline>" + BAR
    assert bar(slice_of(document(P1=rows(*bars)), 0, 0)) == expected


def test_signs_that_repeat_bars_before_the_slice_are_removed() -> None:
    style = attributes('<measure-style><measure-repeat type="start">{}</measure-repeat></measure-style>')
    source = document(P1=rows(BAR, style.format(1) + BAR, style.format(2) + BAR))
    numbers = [
        [each.text for each in slice_of(source, first, last).iter("measure-repeat")]
        for first, last in ((0, 2), (1, 2), (2, 2), (0, 1))
    ]
    assert numbers == [["1", "2"], [], [], ["1"]]
    source = document(P1=rows(BAR, style.format(1) + BAR, style.format(1) + BAR))
    assert [each.text for each in slice_of(source, 1, 2).iter("measure-repeat")] == ["1"]


def test_layout_of_the_first_bar_stays_without_page_breaks() -> None:
    layout = '<print new-page="yes" new-system="yes" page-number="3" staff-spacing="9"/>'
    source = document(P1=rows(BAR, layout + BAR))
    assert dict(slice_of(source, 1, 1).find(".//print").attrib) == {"staff-spacing": "9"}
    assert slice_of(source, 0, 1).find(".//print").get("new-system") == "yes"
