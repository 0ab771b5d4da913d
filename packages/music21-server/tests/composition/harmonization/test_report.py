"""What is told of chords and of the melody's other notes."""

from __future__ import annotations

from collections.abc import Callable

from music21_server.composition.harmonization.classical import classical
from music21_server.composition.harmonization.harmonize import Request, harmonize
from music21_server.composition.harmonization.tonality import parse_tonality
from music21_server.notes import Score
from music21_server.theory.names import text_of

ScoreMaker = Callable[..., Score]


def test_notes_that_belong_to_no_chord_are_listed(melody_score: ScoreMaker) -> None:
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
