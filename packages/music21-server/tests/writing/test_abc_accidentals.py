from __future__ import annotations

import random

import pytest

from music21_server.score.table import STEPS
from music21_server.writing.abc_accidentals import MeasureAccidentals

SOUNDS = {"": None, "=": 0, "^": 100, "_": -100, "^^": 200, "__": -200}
"""Accidentals of the standard (2.1, 4.2), in cents."""

C_MAJOR = [0] * 7
D_MAJOR = [100, 0, 0, 100, 0, 0, 0]


def signs_of(pitches: str, key_alters: list[int]) -> str:
    """Return the accidentals of single notes such as ``F#4``, ``.`` for none."""
    measure = MeasureAccidentals(key_alters)
    signs = []
    for pitch in pitches.split():
        alter = 100 * (pitch.count("#") - pitch.count("b"))
        step, octave = STEPS.index(pitch[0]), int(pitch[-1])
        signs.append(measure.sign(step, alter, octave, in_chord=False, grace=False))
    return " ".join(sign or "." for sign in signs)


@pytest.mark.parametrize(
    ("pitches", "key_alters", "expected"),
    [
        ("C4 F4 B4", C_MAJOR, ". . ."),
        ("C#4 F#4 G4", D_MAJOR, ". . ."),
        ("C4 F4 C4", D_MAJOR, "= = ."),
        ("F#4 F#4 F4 F4", C_MAJOR, "^ . = ."),
        # Readers differ about F5, and after it about both notes.
        ("F#4 F5 F#5", C_MAJOR, "^ = ^"),
        ("F#4 F#5 F#4", C_MAJOR, "^ ^ ."),
        ("Bb4 Bbb4 B4", C_MAJOR, "_ __ ="),
        ("C##4 C#4", D_MAJOR, "^^ ^"),
    ],
)
def test_accidentals_are_written_only_when_needed(pitches, key_alters, expected) -> None:
    assert signs_of(pitches, key_alters) == expected


def test_doubtful_key_gives_every_pitch_its_accidental_once() -> None:
    measure = MeasureAccidentals(C_MAJOR, is_doubtful=True)
    assert [measure.sign(3, 0, 4, in_chord=False, grace=False) for _ in range(2)] == ["=", ""]


class Reader:
    """A kind of reader of accidentals.

    Args:
        by_octave: Whether accidentals hold in their octave only.
        graces_count: Whether accidentals of grace notes hold for later notes.
        chords_count: Whether accidentals hold from and for notes in chords.
        most: Largest alteration that is remembered, in cents.
    """

    def __init__(self, *, by_octave=False, graces_count=True, chords_count=True, most=200) -> None:
        self.by_octave, self.graces_count = by_octave, graces_count
        self.chords_count, self.most = chords_count, most

    def read(self, notes: list[tuple[int, int, bool, bool, str]], key_alters: list[int]) -> list[int]:
        in_force: dict[tuple[int, int], int] = {}
        alters = []
        for step, octave, in_chord, grace, sign in notes:
            place = (step, octave if self.by_octave else 0)
            own = SOUNDS[sign]
            if own is None:
                remembers = self.chords_count or not in_chord
                own = in_force.get(place, key_alters[step]) if remembers else key_alters[step]
            elif (self.graces_count or not grace) and (self.chords_count or not in_chord):
                in_force[place] = max(-self.most, min(self.most, own))
            alters.append(own)
        return alters


READERS = {
    "the standard": Reader(),
    "the standard without grace notes": Reader(graces_count=False),
    "each octave separately": Reader(by_octave=True),
    "each octave separately without grace notes": Reader(by_octave=True, graces_count=False),
    "music21": Reader(chords_count=False, most=100),
}


@pytest.mark.parametrize("name", READERS)
def test_every_kind_of_reader_gets_the_written_pitches(name) -> None:
    chance = random.Random(21)  # noqa: S311
    for _ in range(200):
        key_alters = chance.choice((C_MAJOR, D_MAJOR, [-100] * 7))
        measure, written, expected = MeasureAccidentals(key_alters), [], []
        for _ in range(12):
            step, octave, alter = chance.randint(0, 1), chance.randint(4, 5), chance.randint(-2, 2) * 100
            in_chord, grace = chance.choice(((False, False), (True, False), (False, True)))
            sign = measure.sign(step, alter, octave, in_chord=in_chord, grace=grace)
            written.append((step, octave, in_chord, grace, sign))
            expected.append(alter)
        assert READERS[name].read(written, key_alters) == expected
