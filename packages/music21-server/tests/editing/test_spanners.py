from __future__ import annotations

import pytest
from lxml import etree

from music21_server.editing.spanners import remove_open_spanners


def note(
    *notations: str, step: str = "C", duration: float | str = 1, before: str = "", staff: str = ""
) -> str:
    inside = f"<notations>{''.join(notations)}</notations>" if notations else ""
    pitch = f"<pitch><step>{step}</step><octave>4</octave></pitch>"
    return f"<note>{before}{pitch}<duration>{duration}</duration>{staff}{inside}</note>"


def direction(tag: str, kind: str, number: str = "1") -> str:
    return (
        f'<direction><direction-type><{tag} type="{kind}" number="{number}"/></direction-type>'
        "<staff>1</staff></direction>"
    )


def wedge(kind: str) -> str:
    return direction("wedge", kind)


def back(duration: int) -> str:
    return f"<backup><duration>{duration}</duration></backup>"


def left(*measures: str) -> str:
    part = etree.fromstring("<part>" + "".join(f"<measure>{each}</measure>" for each in measures) + "</part>")
    remove_open_spanners(part)
    return etree.tostring(part).decode()


START, STOP = '<slur type="start"/>', '<slur type="stop"/>'
TIED, UNTIED = '<tied type="start"/>', '<tied type="stop"/>'


def test_complete_spanners_are_kept() -> None:
    measures = (note(START) + wedge("crescendo"), note() + wedge("stop"), note(STOP))
    assert (
        left(*measures) == "<part>" + "".join(f"<measure>{each}</measure>" for each in measures) + "</part>"
    )


@pytest.mark.parametrize(
    ("whole", "rest"),
    [
        (note(START), note()),
        (note(STOP), note()),
        (note(TIED), note()),
        (note(TIED) + note(UNTIED, step="D"), note() + note(step="D")),
        (wedge("crescendo") + note(), note()),
        (wedge("continue") + note(), note()),
        (wedge("stop") + note(), note()),
        (note('<ornaments><wavy-line type="start"/></ornaments>'), note()),
        (
            note('<ornaments><trill-mark/><wavy-line type="start"/></ornaments>'),
            note("<ornaments><trill-mark/></ornaments>"),
        ),
        (
            '<barline><bar-style>light-heavy</bar-style><ending type="stop" number="1"/></barline>',
            "<barline><bar-style>light-heavy</bar-style></barline>",
        ),
        (note('<slur number="1" type="start"/>', '<slur number="2" type="stop"/>'), note()),
    ],
)
def test_spanners_without_an_end_or_start_are_removed(whole, rest) -> None:
    assert left(whole) == f"<part><measure>{rest}</measure></part>"


def test_an_end_does_not_match_a_later_start() -> None:
    assert left(note(STOP) + note(START)) == f"<part><measure>{note()}{note()}</measure></part>"


def test_a_slur_may_end_in_an_earlier_voice_of_the_document() -> None:
    bar = note() + note(STOP) + back(2) + note(START) + note()
    assert left(bar) == f"<part><measure>{bar}</measure></part>"


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        # the second note of a chord; a grace note that has a duration; a gap; lengths that are no numbers
        (note(duration=2) + note(START, before="<chord/>", duration=2), note() + note(STOP)),
        (note() + note(STOP), note(before="<grace/>", duration=5) + note(START)),
        (note() + note(START), "<forward><duration>2</duration></forward>" + note(STOP)),
        (note(START, duration=2), note(duration=0.5) + note(STOP)),
        (note(START, duration=2), note(duration="none") + note() + note(STOP)),
    ],
)
def test_spanners_are_matched_in_order_of_time(begins, ends) -> None:
    bar = begins + back(2) + ends
    assert left(bar) == f"<part><measure>{bar}</measure></part>"


DIRECTIONS = [
    ("wedge", "crescendo", "stop"), ("wedge", "diminuendo", "stop"), ("dashes", "start", "stop"),
    ("bracket", "start", "stop"), ("octave-shift", "down", "stop"), ("pedal", "start", "stop"),
    ("pedal", "start", "discontinue"), ("pedal", "sostenuto", "stop"),
]  # fmt: skip
NOTATIONS = ["tied", "slur", "glissando", "slide", "tuplet"]


@pytest.mark.parametrize(("tag", "begin", "end"), DIRECTIONS)
def test_direction_spanners_need_both_ends(tag, begin, end) -> None:
    begun, ended = direction(tag, begin), direction(tag, end)
    assert left(begun + note(), note() + ended).count(f"<{tag}") == 2
    nothing = f"<part><measure>{note()}</measure></part>"
    assert left(begun + note()) == left(note() + ended) == nothing
    assert left(begun + note() + direction(tag, end, "2")) == nothing
    assert left(ended + note() + begun) == nothing


@pytest.mark.parametrize("tag", NOTATIONS)
def test_notation_spanners_need_both_ends(tag) -> None:
    begun, ended = f'<{tag} type="start"/>', f'<{tag} type="stop"/>'
    assert left(note(begun), note(ended)).count(f"<{tag}") == 2
    assert left(note(begun)) == left(note(ended)) == left(note())
    assert left(note(ended), note(begun)) == left(note(), note())


@pytest.mark.parametrize("end", ["stop", "discontinue"])
def test_endings_need_both_ends(end) -> None:
    begun, ended = (
        f'<barline><bar-style>x</bar-style><ending number="1" type="{kind}"/></barline>'
        for kind in ("start", end)
    )
    alone = "<barline><bar-style>x</bar-style></barline>"
    whole = left(begun + note(), note() + ended)
    assert whole.count("<ending") == 2
    assert left(begun + note()) == f"<part><measure>{alone}{note()}</measure></part>"
    assert left(note() + ended) == f"<part><measure>{note()}{alone}</measure></part>"


def test_a_pedal_change_neither_begins_nor_ends_the_pedal() -> None:
    first, middle, last = (direction("pedal", kind) for kind in ("start", "change", "stop"))
    whole = first + note() + middle + note() + last
    assert left(whole) == f"<part><measure>{whole}</measure></part>"
    assert left(middle + note() + last) == left(note())


def test_ties_connect_equal_pitches_of_one_staff() -> None:
    high, low = "<staff>1</staff>", "<staff>2</staff>"
    same = note(TIED, staff=high) + note(UNTIED, staff=high)
    assert left(same) == f"<part><measure>{same}</measure></part>"
    assert left(note(TIED, staff=high) + note(UNTIED, staff=low)) == left(note(staff=high) + note(staff=low))


def test_consecutive_slurs_may_share_a_note() -> None:
    measures = note(START) + note(START, STOP) + note(STOP)
    assert left(measures) == f"<part><measure>{measures}</measure></part>"


def test_a_slur_may_start_at_a_grace_note() -> None:
    bar = note(START, before="<grace/>", duration=0) + note(STOP)
    assert left(bar) == f"<part><measure>{bar}</measure></part>"


def test_a_chain_of_ties_loses_only_its_open_end() -> None:
    for both in ((UNTIED, TIED), (TIED, UNTIED)):  # in the document either may come first
        assert left(note(*both) + note(UNTIED)) == left(note(TIED) + note(UNTIED))
        assert left(note(TIED) + note(*both)) == left(note(TIED) + note(UNTIED))


def test_a_direction_with_other_contents_is_kept() -> None:
    text = "<direction><direction-type><words>dolce</words></direction-type>{}</direction>"
    assert left(text.format('<direction-type><wedge type="stop"/></direction-type>')) == (
        f"<part><measure>{text.format('')}</measure></part>"
    )


def test_let_ring_ties_need_no_end() -> None:
    bar = note('<tied type="let-ring"/>')
    assert left(bar) == f"<part><measure>{bar}</measure></part>"
