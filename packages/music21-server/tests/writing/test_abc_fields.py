from __future__ import annotations

import pytest

from music21_server.reading.formats import read
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.writing.abc_fields import fifths_written, key_field, quoted, tempo_field, text_field

MODES = ("major", "minor", "mixolydian", "dorian", "phrygian", "lydian")
STANDARD = {
    7: "C# A# G# D# E# F#",
    6: "F# D# C# G# A# B",
    5: "B G# F# C# D# E",
    4: "E C# B F# G# A",
    3: "A F# E B C# D",
    2: "D B A E F# G",
    1: "G E D A B C",
    0: "C A G D E F",
    -1: "F D C G A Bb",
    -2: "Bb G F C D Eb",
    -3: "Eb C Bb F G Ab",
    -4: "Ab F Eb Bb C Db",
    -5: "Db Bb Ab Eb F Gb",
    -6: "Gb Eb Db Ab Bb Cb",
    -7: "Cb Ab Gb Db Eb Fb",
}
"""Table of key signatures in the standard (2.1, 3.1.14)."""

KEYS = [
    (fifths, mode, tonic)
    for fifths, tonics in STANDARD.items()
    for mode, tonic in zip(MODES, tonics.split(), strict=True)
]


def test_keys_match_the_table_of_the_standard() -> None:
    for fifths, mode, tonic in KEYS:
        if tonic != "Fb":
            assert key_field(fifths, mode) == (tonic if mode == "major" else f"{tonic} {mode}")


@pytest.mark.parametrize(
    ("fifths", "mode", "field"),
    [
        (3, "", "A"),
        (-2, " Minor ", "G minor"),
        (0, "aeolian", "A aeolian"),
        (0, "ionian", "C ionian"),
        (2, "locrian", "D"),
        (2, "hypophrygian", "D"),
        (-7, "lydian", "Cb"),
        (8, "major", "C"),
        (-8, "minor", "C"),
    ],
)
def test_other_keys_and_modes(fifths, mode, field) -> None:
    assert key_field(fifths, mode) == field


def test_music21_reads_all_keys_with_their_signature() -> None:
    measures = "".join(f"L:1/8\nK:{key_field(fifths, mode)}\nC8 |\n" for fifths, mode, _ in KEYS)
    score = read(Document("abc", f"X:1\nT:Keys\nL:1/8\nM:4/4\nK:C\nC8 |\n{measures}".encode()), Limits())
    back = {key.measure: key.fifths for key in score.keys}
    now, read_back = 0, []
    for measure in range(1, len(KEYS) + 1):
        now = back.get(measure, now)
        read_back.append(now)
    assert read_back == [fifths for fifths, _, _ in KEYS]


@pytest.mark.parametrize(("fifths", "expected"), [(7, 7), (-7, -7), (8, 0), (-8, 0), (0, 0)])
def test_signatures_beyond_seven_are_not_written(fifths, expected) -> None:
    assert fifths_written(fifths) == expected


@pytest.mark.parametrize(
    ("tempo", "field"), [(120.0, "1/4=120"), (72.5, "1/4=72.5"), (100 / 3, "1/4=33.3333")]
)
def test_tempos(tempo, field) -> None:
    assert tempo_field(tempo) == field


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("Plain", "Plain"),
        ("50 % of it", r"50 \% of it"),
        (r"a\b", r"a\\b"),
        ("Fish & chips", "Fish & chips"),
        ("&eacute;", r"\&eacute;"),
        ("two\nlines\tand  more\x00", "two lines and more"),
    ],
)
def test_special_characters_are_escaped(text, field) -> None:
    assert text_field(text) == field


def test_quotation_marks_inside_become_apostrophes() -> None:
    assert quoted('The "best" %') == "\"The 'best' \\%\""
