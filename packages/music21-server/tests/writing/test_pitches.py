from __future__ import annotations

import pytest

from music21_server.score.table import STEP_SEMITONES, STEPS
from music21_server.writing.pitches import within_double_accidentals


@pytest.mark.parametrize(
    ("pitch", "alter_cents", "expected"),
    [
        ("C4", 0, ("C4", 0)),
        ("F4", 200, ("F4", 200)),
        ("B4", -200, ("B4", -200)),
        ("C4", 300, ("D4", 100)),
        ("E4", 300, ("F4", 200)),
        ("B3", 300, ("C4", 200)),
        ("C4", -300, ("B3", -200)),
        ("F4", -300, ("E4", -200)),
        ("D4", -300, ("C4", -100)),
        ("A4", 400, ("B4", 200)),
        ("C4", 250, ("D4", 50)),
        ("B4", 700, ("E5", 200)),
    ],
)
def test_triple_accidentals_are_respelled_on_another_step(pitch, alter_cents, expected) -> None:
    step, alter, octave = within_double_accidentals(STEPS.index(pitch[0]), alter_cents, int(pitch[1]))
    assert (f"{STEPS[step]}{octave}", alter) == expected


def test_respelling_keeps_the_pitch() -> None:
    for step in range(7):
        for alter_cents in range(-1200, 1201, 50):
            new_step, alter, octave = within_double_accidentals(step, alter_cents, 4)
            assert abs(alter) <= 200
            sound = 100 * (12 * (octave - 4) + STEP_SEMITONES[new_step]) + alter
            assert sound == 100 * STEP_SEMITONES[step] + alter_cents
