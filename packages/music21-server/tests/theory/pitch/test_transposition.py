from __future__ import annotations

import pytest
from music21 import interval, pitch

from music21_server.reading.musicxml import read_musicxml
from music21_server.score.limits import Limits
from music21_server.score.table import STEPS
from music21_server.theory.pitch.names import text_of
from music21_server.theory.pitch.transposition import sounding_pitches, written_pitches


def _part(*bars):
    """Return a score with one part, given a transposition and notes for each bar."""
    inside = "".join(
        f'<measure number="{number}"><attributes><divisions>1</divisions>{transpose}</attributes>'
        f"{notes}</measure>"
        for number, (transpose, notes) in enumerate(bars, start=1)
    )
    listed = '<part-list><score-part id="P1"><part-name/></score-part></part-list>'
    document = f'<score-partwise>{listed}<part id="P1">{inside}</part></score-partwise>'
    return read_musicxml(document.encode(), Limits())


def _note(step, alter, octave):
    inside = f"<step>{step}</step><alter>{alter}</alter><octave>{octave}</octave>"
    return f"<note><pitch>{inside}</pitch><duration>1</duration></note>"


def _transpose(diatonic, chromatic):
    return f"<transpose><diatonic>{diatonic}</diatonic><chromatic>{chromatic}</chromatic></transpose>"


def _names(pitches):
    return [
        f"{text_of((step, cents))}{octave}"
        for step, cents, octave in zip(
            pitches.step.tolist(), pitches.alter_cents.tolist(), pitches.octave.tolist(), strict=True
        )
    ]


ALL = "".join(_note(step, alter, octave) for step in STEPS for alter in (-1, 0, 1) for octave in (1, 4))


@pytest.mark.parametrize(
    ("diatonic", "chromatic", "name"),
    [
        (-1, -2, "M-2"),
        (-2, -3, "m-3"),
        (-4, -7, "P-5"),
        (-8, -14, "M-9"),
        (-7, -12, "P-8"),
        (2, 3, "m3"),
        (7, 12, "P8"),
    ],
)
def test_transposing_instruments_sound_as_in_music21(diatonic, chromatic, name):
    score = _part((_transpose(diatonic, chromatic), ALL))
    step = interval.Interval(name)
    written = [pitch.Pitch(each) for each in _names(written_pitches(score))]
    assert _names(sounding_pitches(score)) == [each.transpose(step).nameWithOctave for each in written]


def test_written_pitch_is_not_transposed():
    score = _part((_transpose(-1, -2), _note("C", 0, 5)))
    assert _names(written_pitches(score)) == ["C5"]
    assert _names(sounding_pitches(score)) == ["B-4"]


def test_a_transposition_applies_until_the_next_one():
    c = _note("C", 0, 5)
    score = _part(("", c), (_transpose(-1, -2), c), ("", c), (_transpose(-2, -3), c), (_transpose(0, 0), c))
    assert _names(sounding_pitches(score)) == ["C5", "B-4", "B-4", "A4", "C5"]


def test_the_last_of_two_transpositions_in_a_bar_counts():
    score = _part((_transpose(-1, -2) + _transpose(-2, -3), _note("C", 0, 5)))
    assert _names(sounding_pitches(score)) == ["A4"]


def test_unpitched_notes_and_rests_are_not_transposed():
    drum = "<note><unpitched><display-step>E</display-step></unpitched><duration>1</duration></note>"
    score = _part((_transpose(-1, -2), drum + "<note><rest/><duration>1</duration></note>"))
    sounding, written = sounding_pitches(score), written_pitches(score)
    assert _names(sounding) == _names(written)


def test_height_in_cents():
    score = _part(("", _note("A", 0, 4) + _note("B", 0.5, 3)))
    assert sounding_pitches(score).cents.tolist() == [6900, 5950]
