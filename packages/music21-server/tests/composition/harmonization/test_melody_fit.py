"""Non-chord tones of the melody and their costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from music21_server.composition.harmonization.classical import classical
from music21_server.composition.harmonization.melody import melody_of
from music21_server.composition.harmonization.melody_fit import fit_costs, segment_notes
from music21_server.composition.harmonization.segments import segments_of
from music21_server.composition.harmonization.tonality import parse_tonality
from music21_server.score.table import Score

ScoreMaker = Callable[..., Score]
STYLE = classical(parse_tonality("C"))
NUMERALS = [chord.numeral for chord in STYLE.chords]
ONE, SEVEN = (NUMERALS.index(numeral) for numeral in ("I", "V7"))


@pytest.mark.parametrize(
    ("line", "at", "kind", "cost"),
    [
        ("C4 C4:0.5 D4:0.5 E4 C4", 2, "passing tone", 0.3),
        ("C4 C4:0.5 D4:0.5 C4 C4", 2, "neighbour tone", 0.35),
        ("C4:0.5 D4:0.5 E4:0.5 F4:0.5 G4", 2, "accented passing tone", 1.2),
        ("C4:0.5 D4:0.5 E4:0.5 D4:0.5 C4", 2, "accented neighbour tone", 1.4),
        ("C4 F4:1.5 E4:0.5 C4", 1, "suspension", 0.9),
        ("C4:0.5 G4:0.5 G4:0.5 E4:0.5 C4", 1, "anticipation", 0.6),
        ("C4 A4:0.5 G4:0.5 C4", 1, "appoggiatura", 2.0),
        ("C4 E4:0.5 F4:0.5 C4 C4", 2, "escape tone", 1.8),
        ("C4 E4:0.5 A4:0.5 G4 C4", 2, "incomplete neighbour", 1.8),
        ("C4 C5 C4 C4", 1, "free dissonance", 6.0),
    ],
)
def test_non_chord_tones_are_classified(
    melody_score: ScoreMaker, line: str, at: int, kind: str, cost: float
) -> None:
    melody = melody_of(melody_score(line))
    segments = segment_notes(melody, segments_of(melody, "auto"))
    costs = {note.kind: note.cost / note.weight for notes in segments for note in notes if note.note == at}
    assert costs[kind] == pytest.approx(cost)


def test_costs_of_non_chord_tones(melody_score: ScoreMaker) -> None:
    melody = melody_of(melody_score("C4:0.25 D4:0.25 E4:0.5 F4 B4:0.5 E4:0.5 r D4 C4:3"))
    notes = segment_notes(melody, segments_of(melody, "half bar"))
    by_note = {each.note: each for segment in notes for each in segment}
    assert by_note[1].cost == pytest.approx(0.3 * 0.5)  # a passing tone, shorter than half a beat
    assert by_note[3].cost == pytest.approx(1.8)  # an escape tone of one beat
    assert [each.weight for each in by_note.values()] == [0.5, 0.5, 0.5, 1.0, 0.5, 0.5, 1.0, 2.0]
    # After a rest nothing is reached by step; a phrase rests on its last note.
    assert (by_note[6].kind, by_note[7].is_closing) == ("appoggiatura", True)
    assert by_note[7].cost == pytest.approx(1.8 * 2.0 + 8.0)
    chords = [STYLE.chords[index] for index in (ONE, SEVEN)]
    jazz_chord = replace(chords[0], tensions=(2,))
    costs = fit_costs([*chords, jazz_chord], [[by_note[1]], [by_note[3]]], tension=0.5, dissonance=2.0)
    passing, escape = 2.0 * by_note[1].cost, 2.0 * by_note[3].cost
    assert costs[0] == pytest.approx([passing, 0.0, 0.5 * 0.15])
    # F is the seventh of V7 and does not go down.
    assert costs[1] == pytest.approx([escape, 1.5, escape])
