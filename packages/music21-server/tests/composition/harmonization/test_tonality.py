"""Keys and modes, parsed and detected."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from music21_server.composition.harmonization.melody import melody_of
from music21_server.composition.harmonization.tonality import detect_tonality, parse_tonality
from music21_server.errors import ScoreError
from music21_server.score.table import Score

ScoreMaker = Callable[..., Score]


@pytest.mark.parametrize(
    ("text", "key"),
    [("F# minor", "F# minor"), ("Bb", "B- major"), ("d dorian", "D dorian"), ("E-flat lydian", "E- lydian"),
     ("c", "C minor"), ("A aeolian", "A aeolian"), ("bb phrygian", "B- phrygian")],
)  # fmt: skip
def test_key_names_are_parsed(text: str, key: str) -> None:
    assert parse_tonality(text).text == key


@pytest.mark.parametrize("text", ["", "H", "C banana", "G# major", "F- major", "D# lydian", "dorian"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ScoreError, match="Expected a key"):
        parse_tonality(text)


@pytest.mark.parametrize(
    ("line", "fifths", "modal", "key"),
    [
        ("C4 E4 G4 E4 D4 C4", None, False, "C major"),
        ("A4 B4 C5 E5 G#4 A4", None, False, "A minor"),
        ("E-4 F4 G4 B-4 A-4 G4 F4 E-4", -3, False, "E- major"),
        ("G-4 A-4 B-4 D-5 C-5 B-4 A-4 G-4", -6, False, "G- major"),
        ("D4 E4 F4 A4 G4 E4 D4", 0, True, "D dorian"),
        ("D4 E4 F4 A4 G4 E4 D4", -1, True, "D aeolian"),
        ("E4 F4 G4 A4 F4 E4", 0, True, "E phrygian"),
        ("G4 A4 B4 D5 F5 D5 G4", None, True, "G mixolydian"),
        ("C4 E4 F#4 G4 C4", None, True, "C lydian"),
        ("C4 E4 G4 F4 D4 C4", None, True, "C ionian"),
    ],
)
def test_keys_are_detected(
    melody_score: ScoreMaker, line: str, fifths: int | None, modal: bool, key: str
) -> None:
    assert detect_tonality(melody_of(melody_score(line, fifths=fifths)), modal=modal).text == key


def test_keys_are_spelled_like_most_of_the_melody(melody_score: ScoreMaker) -> None:
    short = "F#4:0.25 A#4:0.25 C#5:0.25 B4:0.25 "
    line = f"G-4:4 B-4:4 D-5:4 {short * 3} C-5:4 B-4:4 G-4:4"
    assert detect_tonality(melody_of(melody_score(line)), modal=False).text == "G- major"


def test_long_notes_weigh_more(melody_score: ScoreMaker) -> None:
    """F natural occurs more often, F sharp lasts longer."""
    line = "C4:2 F4:0.25 E4:0.25 F4:0.25 E4:0.25 F#4:4 G4:2 C4:4"
    assert detect_tonality(melody_of(melody_score(line)), modal=True).text == "C lydian"


def test_modes_have_at_most_seven_signs(melody_score: ScoreMaker) -> None:
    line = "D#4 E#4 F##4 G##4 A#4 F##4 E#4 D#4"
    # D# ionian would have nine sharps.
    assert detect_tonality(melody_of(melody_score(line)), modal=True).text == "D# aeolian"


def test_characteristic_degrees_and_signatures() -> None:
    modes = ("dorian", "phrygian", "lydian", "mixolydian")
    seen = {mode: parse_tonality(f"C {mode}").characteristic for mode in modes}
    assert seen == {"dorian": (5, 0), "phrygian": (1, -100), "lydian": (3, 100), "mixolydian": (6, -100)}
    assert parse_tonality("E- minor").signature == -6
    assert parse_tonality("F# lydian").signature == 7
