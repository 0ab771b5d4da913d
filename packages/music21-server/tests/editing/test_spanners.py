from __future__ import annotations

import pytest
from lxml import etree

from music21_server.editing.spanners import remove_open_spanners


def note(*notations: str, step: str = "C", duration: int = 1, before: str = "") -> str:
    inside = f"<notations>{''.join(notations)}</notations>" if notations else ""
    pitch = f"<pitch><step>{step}</step><octave>4</octave></pitch>"
    return f"<note>{before}{pitch}<duration>{duration}</duration>{inside}</note>"


def wedge(kind: str) -> str:
    return f'<direction><direction-type><wedge type="{kind}"/></direction-type><staff>1</staff></direction>'


def left(*measures: str) -> str:
    part = etree.fromstring("<part>" + "".join(f"<measure>{each}</measure>" for each in measures) + "</part>")
    remove_open_spanners(part)
    return etree.tostring(part).decode()


START, STOP = '<slur type="start"/>', '<slur type="stop"/>'
TIED, UNTIED = '<tied type="start"/>', '<tied type="stop"/>'


def test_what_is_complete_is_kept() -> None:
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
def test_what_lacks_an_end_is_removed(whole, rest) -> None:
    assert left(whole) == f"<part><measure>{rest}</measure></part>"


def test_a_slur_that_ends_before_another_begins_is_not_taken_for_it() -> None:
    assert left(note(STOP) + note(START)) == f"<part><measure>{note()}{note()}</measure></part>"


def test_a_slur_may_end_in_a_voice_that_comes_first_in_the_document() -> None:
    bar = note() + note(STOP) + "<backup><duration>2</duration></backup>" + note(START) + note()
    assert left(bar) == f"<part><measure>{bar}</measure></part>"


def test_one_slur_follows_the_other() -> None:
    measures = note(START) + note(START, STOP) + note(STOP)
    assert left(measures) == f"<part><measure>{measures}</measure></part>"


def test_a_slur_from_a_grace_note() -> None:
    bar = note(START, before="<grace/>", duration=0) + note(STOP)
    assert left(bar) == f"<part><measure>{bar}</measure></part>"


def test_a_chain_of_ties_is_cut_at_its_open_end() -> None:
    assert left(note(UNTIED, TIED) + note(UNTIED)) == left(note(TIED) + note(UNTIED))


def test_a_direction_with_something_else_is_kept() -> None:
    text = "<direction><direction-type><words>dolce</words></direction-type>{}</direction>"
    assert left(text.format('<direction-type><wedge type="stop"/></direction-type>')) == (
        f"<part><measure>{text.format('')}</measure></part>"
    )


def test_what_rings_on_is_complete() -> None:
    bar = note('<tied type="let-ring"/>')
    assert left(bar) == f"<part><measure>{bar}</measure></part>"
