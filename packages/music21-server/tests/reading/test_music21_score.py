"""Bounds of scores that music21 has parsed; test_music21_formats has the conversion of real documents."""

from __future__ import annotations

from fractions import Fraction

import pytest
from music21 import instrument, interval, note, pitch, stream

from music21_server.errors import UnreadableScoreError
from music21_server.reading.music21_score import _exact, columns_of
from music21_server.score.limits import Limits


def score_of(*notes, offset=0.0):
    """Return a music21 score of one measure with notes one after another."""
    measure = stream.Measure(number=1)
    for each in notes:
        measure.insert(offset, each)
        offset += each.quarterLength
    part = stream.Part([measure])
    return stream.Score([part])


def altered(semitones):
    accidental = pitch.Accidental()
    accidental.set(semitones, allowNonStandardValue=True)
    high = note.Note("C4")
    high.pitch.accidental = accidental
    return high


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (stream.Score(), "at least one part"),
        (
            score_of(note.Note(quarterLength=2**22 + 1)),
            r"times of at most 4,194,304 quarter notes, got 4,194,305",
        ),
        (score_of(note.Note(), offset=-1.0), r"got -1\.0"),
        (
            score_of(*(note.Note(quarterLength=Fraction(1, prime)) for prime in (10007, 10009, 10037))),
            "at most 68,719,476,736 ticks per quarter note, got",
        ),
        (score_of(note.Note(octave=16)), "pitches of octaves -5 to 15"),
        (score_of(note.Note(octave=-6)), "pitches of octaves -5 to 15"),
        (score_of(altered(13)), "altered by at most 12 semitones"),
        (score_of(altered(-13)), "altered by at most 12 semitones"),
    ],
)
def test_values_out_of_range_are_refused(score, message):
    with pytest.raises(UnreadableScoreError, match=message):
        columns_of(score, Limits())


def test_values_at_the_bounds_are_accepted():
    notes = (note.Note(octave=15), note.Note(octave=-5), altered(12), altered(-12))
    assert columns_of(score_of(*notes), Limits()).notes.alter_cents.tolist() == [0, 0, 1200, -1200]


@pytest.mark.parametrize(
    ("semitones", "is_accepted"), [(-12, True), (120, True), (121, False), (-121, False)]
)
def test_transpositions_are_bounded(semitones, is_accepted):
    score = score_of(note.Note())
    part = score.parts[0]
    part.atSoundingPitch = False
    clarinet = instrument.Clarinet()
    clarinet.transposition = interval.Interval(semitones)
    part.insert(0, clarinet)
    if is_accepted:
        assert columns_of(score, Limits()).parts[0].transpositions[0].chromatic == semitones
    else:
        with pytest.raises(UnreadableScoreError, match=f"at most 120 semitones, got {semitones}"):
            columns_of(score, Limits())


def test_floats_become_simple_fractions():
    assert _exact(0.1) == Fraction(1, 10)
