from __future__ import annotations

import pytest

from music21_server.writing.general_midi import DEFAULT_DRUM, drum, program


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Violin I", 40), ("Violino", 40), ("Solo Violin 2", 40), ("Viola", 41), ("Bratschen", 41),
        ("Violoncello", 42),
        ("Contrabass", 43), ("Double Bass", 43), ("Flöte", 73), ("Flauto piccolo", 72), ("Oboe d'amore", 68),
        ("English Horn", 69), ("Clarinet in B♭", 71), ("Bass Clarinet", 71), ("Contrabassoon", 70),
        ("Fagott", 70),
        ("Horn in F", 60), ("Corno", 60), ("Trompete", 56), ("Bass Trombone", 57), ("Tuba", 58), ("Harp", 46),
        ("Timpani", 47), ("Soprano", 52), ("Bass", 52), ("Tenor", 52), ("Tenor Saxophone", 66), ("Piano", 0),
        ("Cembalo", 6), ("Organ", 19), ("", 0), ("P1-Staff2", 0), ("Ένα", 0),
    ],
)  # fmt: skip
def test_programs_of_instrument_names(name, expected) -> None:
    assert program(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("Bass Drum", 36), ("Triangel", 81), ("Große Trommel", 36), ("?", DEFAULT_DRUM)]
)
def test_drum_keys_of_instrument_names(name, expected) -> None:
    assert drum(name) == expected
