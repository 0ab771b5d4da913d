from __future__ import annotations

import random

import pytest

from music21_server.score.table import STEPS
from music21_server.writing.abc_accidentals import BarAccidentals

SOUNDS = {"": None, "=": 0, "^": 100, "_": -100, "^^": 200, "__": -200}
"""What the signs of the standard (2.1, 4.2) mean, in cents."""

C_MAJOR = [0] * 7
D_MAJOR = [100, 0, 0, 100, 0, 0, 0]


def signs_of(pitches: str, of_key: list[int]) -> str:
    """Return the signs of single notes such as ``F#4``, ``.`` for none."""
    bar = BarAccidentals(of_key)
    found = []
    for pitch in pitches.split():
        alter = 100 * (pitch.count("#") - pitch.count("b"))
        step, octave = STEPS.index(pitch[0]), int(pitch[-1])
        found.append(bar.sign(step, alter, octave, in_chord=False, grace=False))
    return " ".join(sign or "." for sign in found)


@pytest.mark.parametrize(
    ("pitches", "of_key", "expected"),
    [
        ("C4 F4 B4", C_MAJOR, ". . ."),
        ("C#4 F#4 G4", D_MAJOR, ". . ."),
        ("C4 F4 C4", D_MAJOR, "= = ."),
        ("F#4 F#4 F4 F4", C_MAJOR, "^ . = ."),
        # Programs differ about F5, and after it about both.
        ("F#4 F5 F#5", C_MAJOR, "^ = ^"),
        ("F#4 F#5 F#4", C_MAJOR, "^ ^ ."),
        ("Bb4 Bbb4 B4", C_MAJOR, "_ __ ="),
        ("C##4 C#4", D_MAJOR, "^^ ^"),
    ],
)
def test_a_sign_stands_where_one_is_needed(pitches, of_key, expected) -> None:
    assert signs_of(pitches, of_key) == expected


def test_where_readers_differ_about_the_key_every_pitch_has_its_sign_once() -> None:
    bar = BarAccidentals(C_MAJOR, is_doubtful=True)
    assert [bar.sign(3, 0, 4, in_chord=False, grace=False) for _ in range(2)] == ["=", ""]


class Reader:
    """How somebody reads accidentals.

    Args:
        by_octave: Whether they count for their octave alone.
        graces_count: Whether those of grace notes count for what follows.
        chords_count: Whether those within chords do, and whether notes of chords hear of any.
        most: To how many cents a sign is remembered.
    """

    def __init__(self, *, by_octave=False, graces_count=True, chords_count=True, most=200) -> None:
        self.by_octave, self.graces_count = by_octave, graces_count
        self.chords_count, self.most = chords_count, most

    def heard(self, notes: list[tuple[int, int, bool, bool, str]], of_key: list[int]) -> list[int]:
        said: dict[tuple[int, int], int] = {}
        found = []
        for step, octave, in_chord, grace, sign in notes:
            place = (step, octave if self.by_octave else 0)
            own = SOUNDS[sign]
            if own is None:
                remembers = self.chords_count or not in_chord
                own = said.get(place, of_key[step]) if remembers else of_key[step]
            elif (self.graces_count or not grace) and (self.chords_count or not in_chord):
                said[place] = max(-self.most, min(self.most, own))
            found.append(own)
        return found


READERS = {
    "the standard": Reader(),
    "the standard, grace notes apart": Reader(graces_count=False),
    "octaves apart": Reader(by_octave=True),
    "octaves and grace notes apart": Reader(by_octave=True, graces_count=False),
    "music21": Reader(chords_count=False, most=100),
}


@pytest.mark.parametrize("name", READERS)
def test_every_reader_hears_what_is_meant(name) -> None:
    chance = random.Random(21)  # noqa: S311
    for _ in range(200):
        of_key = chance.choice((C_MAJOR, D_MAJOR, [-100] * 7))
        bar, written, meant = BarAccidentals(of_key), [], []
        for _ in range(12):
            step, octave, alter = chance.randint(0, 1), chance.randint(4, 5), chance.randint(-2, 2) * 100
            in_chord, grace = chance.choice(((False, False), (True, False), (False, True)))
            sign = bar.sign(step, alter, octave, in_chord=in_chord, grace=grace)
            written.append((step, octave, in_chord, grace, sign))
            meant.append(alter)
        assert READERS[name].heard(written, of_key) == meant
