"""The reports of chords and non-chord tones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from music21_server.composition.harmonization.classical import classical
from music21_server.composition.harmonization.harmonize import Request, harmonize
from music21_server.composition.harmonization.jazz import jazz
from music21_server.composition.harmonization.layout import chord_spans, lay_out
from music21_server.composition.harmonization.melody import melody_of
from music21_server.composition.harmonization.melody_fit import segment_notes
from music21_server.composition.harmonization.part_writing import Harmony
from music21_server.composition.harmonization.progression import Progression, progression_costs
from music21_server.composition.harmonization.report import ReportBuilder
from music21_server.composition.harmonization.segments import Segment, segments_of
from music21_server.composition.harmonization.style import Style
from music21_server.composition.harmonization.tonality import parse_tonality
from music21_server.composition.harmonization.voicings import VoiceRange
from music21_server.score.table import NOTE, Score
from music21_server.theory.pitch.names import text_of

ScoreMaker = Callable[..., Score]


def test_non_chord_tones_are_listed(melody_score: ScoreMaker) -> None:
    line = "C5 C5:0.5 D5:0.5 E5 C5 F5:0.5 E5:0.5 D5:0.5 C5:0.5 B4 D5 C5:4"
    report = harmonize(melody_score(line, fifths=0), Request(key="C major", rhythm="half bar")).report
    names = {
        chord.numeral: {text_of(name) for name in chord.names}
        for chord in classical(parse_tonality("C major")).chords
    }
    assert report.non_chord_tones
    for tone in report.non_chord_tones:
        assert tone.pitch[0] not in names[tone.chord]
    # Every note of the melody is in its chord or in the list.
    at, listed = 0.0, {(tone.position.offset, tone.pitch) for tone in report.non_chord_tones}
    for word in line.split():
        pitch, _, length = word.partition(":")
        (chord,) = [
            each
            for each in report.chords
            if each.position.offset <= at < each.position.offset + each.duration_quarters
        ]
        assert (pitch[0] in names[chord.numeral]) != ((at, pitch) in listed)
        at += float(length or 1)


def report_builder(
    score: Score, style: Style, chords: Sequence[tuple[str, tuple[int, ...]]], rhythm: Any = "bar"
) -> ReportBuilder:
    """Return a report builder for given chords, one for each segment."""
    melody = melody_of(score)
    segments = segments_of(melody, rhythm)
    costs = progression_costs(style, segments, segment_notes(melody, segments), rhythm=rhythm, seed=0)
    numerals = [chord.numeral for chord in style.chords]
    path = tuple(numerals.index(numeral) for numeral, _ in chords)
    pitches = np.array([pitches for _, pitches in chords])
    progression = Progression(path, np.zeros((len(path), len(numerals))))
    spans = chord_spans(segments, [style.chords[index] for index in path], pitches)
    return ReportBuilder(melody, costs, Harmony(progression, path, pitches), spans)


CLASSICAL = classical(parse_tonality("C major"))
JAZZ = jazz(parse_tonality("C major"), 4)
LOW = (64, 55, 48)


def test_a_chord_that_stays_is_reported_again_only_after_a_rest(melody_score: ScoreMaker) -> None:
    score = melody_score("C5:4 r:4 C5:4 r C5 A4:2 A4:4", fifths=0)
    chords = [("I", LOW), ("I", LOW), ("I", LOW), ("IV", (65, 60, 48))]
    builder = report_builder(score, CLASSICAL, chords)
    runs = builder.runs()
    assert [(run.first, run.last) for run in runs] == [(0, 0), (1, 2), (3, 3)]
    one, again, four = builder.chords(runs)
    assert (one.common_tones, again.common_tones, four.common_tones) == ((), (), ("C3",))
    assert (one.duration_quarters, again.duration_quarters, again.position.offset) == (4.0, 8.0, 8.0)
    assert [chord.function for chord in (one, again, four)] == ["tonic", "tonic", "subdominant"]
    assert one.pitches == ("C3", "G3", "E4", "C5")


def test_a_chord_under_a_rest_of_the_melody_has_only_its_own_pitches(melody_score: ScoreMaker) -> None:
    builder = report_builder(
        melody_score("C5:4 r A4:3", fifths=0), CLASSICAL, [("I", LOW), ("IV", (65, 60, 41))]
    )
    assert [chord.pitches for chord in builder.chords(builder.runs())] == [
        ("C3", "G3", "E4", "C5"), ("F2", "C4", "F4"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "symbol"),
    [("D5:0.5 C5:3.5", "Cmaj7"), ("D5 C5:3", "Cmaj9"), ("A5:2 G5:2", "Cmaj7(add13)")],
)
def test_symbols_have_tensions_that_sound_for_a_beat(
    melody_score: ScoreMaker, line: str, symbol: str
) -> None:
    builder = report_builder(melody_score(line, fifths=0), JAZZ, [("Imaj7", (71, 64, 48))])
    assert builder.symbols() == [symbol]


@pytest.mark.parametrize(
    ("style", "chord", "kind"), [(JAZZ, "Imaj7", "tension"), (CLASSICAL, "I", "appoggiatura")]
)
def test_a_tension_of_the_chord_is_reported_as_such(
    melody_score: ScoreMaker, style: Style, chord: str, kind: str
) -> None:
    builder = report_builder(melody_score("D5 C5:3", fifths=0), style, [(chord, (71, 64, 48))])
    assert builder.tones(0) == ()
    (tone,) = builder.tones(9)
    assert (tone.pitch, tone.kind, tone.position.offset) == ("D5", kind, 0.0)


def test_a_held_note_is_reported_where_its_chord_begins(melody_score: ScoreMaker) -> None:
    chords = [("V7", (62, 59, 43)), ("I", (60, 55, 48)), ("I", (60, 55, 48))]
    (tone,) = report_builder(melody_score("G5 F5:2 E5 C5:4", fifths=0), CLASSICAL, chords, "half bar").tones(
        9
    )
    assert (tone.pitch, tone.kind, tone.position.offset, tone.chord) == ("F5", "suspension", 2.0, "I")


@pytest.mark.parametrize(
    ("key", "chord", "pitches", "names"),
    [
        ("C- major", "I", (63, 54, 47), ("C-3", "G-3", "E-4", "C-6")),
        ("C# major", "V6", (75, 68, 48), ("B#2", "G#4", "D#5", "C-6")),
    ],
)
def test_notes_have_the_octave_of_their_name(
    melody_score: ScoreMaker, key: str, chord: str, pitches: tuple[int, ...], names: tuple[str, ...]
) -> None:
    """C flat 4 sounds below middle C, and B sharp 3 at middle C, in the score and in the report."""
    style = classical(parse_tonality(key))
    (given,) = [each for each in style.chords if each.numeral == chord]
    score = melody_score("C-6:4")
    builder = report_builder(score, style, [(given.numeral, pitches)])
    (report,) = builder.chords(builder.runs())
    assert report.pitches == names
    melody = melody_of(score)
    spans = chord_spans(segments_of(melody, "bar"), [given], np.array([pitches]))
    ranges = (VoiceRange("Alto", 55, 72), VoiceRange("Tenor", 48, 67), VoiceRange("Bass", 40, 60))
    written = lay_out(melody, parse_tonality(key), spans, ranges, title="t")
    assert sorted((written.notes.written_cents // 100).tolist()) == sorted([83, *pitches])


@pytest.mark.parametrize(
    ("time", "pickup", "end", "pieces"),
    [
        ("7/4", 0.0, 7.0, [6.0, 1.0]),  # no value with two dots
        ("4/4", 4 / 3, 4 / 3, [1.0, 1 / 3]),  # no tuplet longer than a beat
        ("4/4", 0.0, 3.0, [3.0]),
        ("5/4", 0.0, 5.0, [4.0, 1.0]),
        ("4/4", 0.0, 6.0, [4.0, 2.0]),  # over the barline
    ],
)
def test_voices_have_notatable_values(
    melody_score: ScoreMaker, time: str, pickup: float, end: float, pieces: list[float]
) -> None:
    score = melody_score(f"C5:{Fraction(end).limit_denominator(3)} r:4", time=time, pickup=pickup)
    melody = melody_of(score)
    one = CLASSICAL.chords[0]
    unit = score.notes.ticks_per_quarter
    segment = Segment(0, round(end * unit), 0, (0,), 1.0, is_first=True, beats=end, beat_quarters=1.0)
    written = lay_out(
        melody, parse_tonality("C"), chord_spans([segment], [one], np.array([[48]])),
        (VoiceRange("Bass", 40, 60),), title="t",
    )  # fmt: skip
    rows = (written.notes.part == 1) & (written.notes.kind == NOTE)
    assert (written.notes.duration[rows] / unit).tolist() == pytest.approx(pieces)
