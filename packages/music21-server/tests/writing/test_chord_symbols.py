from __future__ import annotations

import pytest
from lxml import etree

from music21_server.reading.chord_symbols import chord_symbol
from music21_server.writing.chord_symbols import harmony


@pytest.mark.parametrize(
    "text",
    [
        "C", "F#", "Bb", "Am", "C+", "Bdim", "G7", "Fmaj7", "C#m7", "Bdim7", "F#m7b5", "AmM7", "E6", "Em6",
        "D9",
        "Dmaj9", "Dm9", "G11", "G13", "Gsus2", "Gsus4", "A5", "C/E", "C#m7/G#", "Ebb/Dbb", "N.C.",
        "C7(b9)", "C7(addb9)",
        "C(no3)", "C7(#9)(b13)/Bb", "C69", "Galt", "Italian thing",
    ],
)  # fmt: skip
def test_symbols_are_read_back(text) -> None:
    # A text that is not a chord symbol means no chord.
    expected = "N.C." if text == "Italian thing" else text
    assert chord_symbol(etree.fromstring(harmony(text))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B-7", "Bb7"),
        ("E-maj7/B-", "Ebmaj7/Bb"),
        ("Cmin7", "Cm7"),
        ("CM7", "Cmaj7"),
        ("Bo7", "Bdim7"),
        ("Caug", "C+"),
    ],
)
def test_other_spellings_have_the_same_meaning(text, expected) -> None:
    assert chord_symbol(etree.fromstring(harmony(text))) == expected


def test_printed_text_is_kept() -> None:
    element = etree.fromstring(harmony('Galt "<'))
    assert element.findtext("kind") == "other"
    assert element.find("kind").get("text") == 'alt "<'
    assert etree.fromstring(harmony("tacet")).find("kind").get("text") == "tacet"


def test_every_suffix_of_the_reader_is_written_as_its_kind() -> None:
    from music21_server.reading import chord_symbols as reader

    for kind, suffix in reader._SUFFIX.items():
        assert etree.fromstring(harmony(f"C{suffix}")).findtext("kind") == kind
