from __future__ import annotations

import pytest
from lxml import etree

from music21_server.reading.chord_symbols import chord_symbol

ROOT = "<root><root-step>{}</root-step>{}</root>"


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        (ROOT.format("C", "") + "<kind>major</kind>", "C"),
        (ROOT.format("F", "<root-alter>1</root-alter>") + "<kind>minor-seventh</kind>", "F#m7"),
        (ROOT.format("B", "<root-alter>-1</root-alter>") + "<kind>half-diminished</kind>", "Bbm7b5"),
        (ROOT.format("G", "") + "<kind>dominant</kind><bass><bass-step>B</bass-step></bass>", "G7/B"),
        (
            ROOT.format("D", "")
            + "<kind>major</kind><bass><bass-step>F</bass-step><bass-alter>1</bass-alter></bass>",
            "D/F#",
        ),
        (
            ROOT.format("C", "") + "<kind>dominant</kind><degree><degree-value>9</degree-value>"
            "<degree-alter>-1</degree-alter><degree-type>alter</degree-type></degree>",
            "C7(b9)",
        ),
        (
            ROOT.format("C", "") + "<kind>major</kind><degree><degree-value>9</degree-value>"
            "<degree-alter>0</degree-alter><degree-type>add</degree-type></degree>",
            "C(add9)",
        ),
        (
            ROOT.format("A", "") + "<kind>dominant</kind><degree><degree-value>3</degree-value>"
            "<degree-alter>0</degree-alter><degree-type>subtract</degree-type></degree>",
            "A7(no3)",
        ),
        ("<kind>none</kind>", "N.C."),
        (ROOT.format("C", "") + "<kind>none</kind>", "N.C."),
        ("<function>V</function><kind>major</kind>", "V"),
        (ROOT.format("A", "<root-alter>-1</root-alter>") + '<kind text="It+6">Italian</kind>', "AbIt+6"),
        (ROOT.format("A", ""), "A"),
    ],
)
def test_chord_symbols_as_printed(inside, text):
    assert chord_symbol(etree.fromstring(f"<harmony>{inside}</harmony>")) == text
