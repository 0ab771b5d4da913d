"""Notes that are written alike are read once, and mean the same as if each had been read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from lxml import etree

from music21_server.limits import Limits
from music21_server.notes import NoteTable
from music21_server.reading.musicxml import read_musicxml
from music21_server.reading.musicxml_note import NoteReader

MANY = 2_500
"""More than it takes to find out that no two notes are alike."""

PITCHES = "CDEFGAB"


def columns(attributes: Callable[[int], str]) -> NoteTable:
    bars = "".join(
        f'<measure number="{bar}">'
        + "".join(
            f"<note{attributes(4 * bar + beat)}><pitch><step>{PITCHES[(bar + beat) % 7]}</step>"
            "<octave>4</octave></pitch><duration>10080</duration><voice>1</voice></note>"
            for beat in range(4)
        )
        + "</measure>"
        for bar in range(MANY // 4)
    )
    text = (
        '<score-partwise><part-list><score-part id="P1"><part-name>P</part-name></score-part></part-list>'
        f'<part id="P1">{bars}</part></score-partwise>'
    )
    return read_musicxml(text.encode(), Limits()).notes


@pytest.mark.parametrize(
    "attributes",
    [
        lambda index: f' default-x="{index}"',  # none like another
        lambda index: f' default-x="{index}"' if index > 2_200 else "",  # first alike, then not
        lambda index: "" if index > 2_200 else f' default-x="{index}"',
    ],
)
def test_what_makes_no_difference_makes_none(attributes: Callable[[int], str]) -> None:
    plain, other = columns(lambda _: ""), columns(attributes)
    assert len(plain) == MANY
    for field in fields(NoteTable):
        assert np.array_equal(getattr(plain, field.name), getattr(other, field.name)), field.name
    assert plain.node.tolist() == list(range(MANY))


def note(text: str) -> etree._Element:
    return etree.fromstring(text)


def test_only_the_first_of_notes_alike_is_read() -> None:
    reader = NoteReader()
    text = (
        "<note><pitch><step>F</step><alter>1</alter><octave>5</octave></pitch><duration>2</duration></note>"
    )
    first = reader.read(note(text))
    assert reader.read(note(text)) is first
    assert (first.step, first.alter_cents, first.octave, first.duration) == (3, 100, 5, "2")
    other = reader.read(note(text.replace(">5<", ">4<")))
    assert (first.octave, other.octave) == (5, 4)


def test_what_stands_behind_a_note_does_not_matter() -> None:
    reader = NoteReader()
    bar = etree.fromstring("<measure><note><rest/></note>\n  <note><rest/></note></measure>")
    assert reader.read(bar[0]) is reader.read(bar[1])


def test_a_wrong_note_is_wrong_each_time() -> None:
    reader = NoteReader()
    for _ in range(2):
        with pytest.raises(ValueError, match="expected <pitch>"):
            reader.read(note("<note><duration>1</duration></note>"))
