"""Voicings of a chord, and the costs of their spacing and doubling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.classical import PART_WRITING, classical
from music21_server.composition.harmonization.melody import melody_of
from music21_server.composition.harmonization.style import STRICT
from music21_server.composition.harmonization.tonality import parse_tonality
from music21_server.composition.harmonization.voicings import (
    VoiceRange,
    all_voicings,
    voice_ranges,
    voicings_below,
)
from music21_server.errors import ScoreError
from music21_server.score.table import Score

ScoreMaker = Callable[..., Score]
STYLE = classical(parse_tonality("C"))
NUMERALS = [chord.numeral for chord in STYLE.chords]
ONE, FIVE, SEVEN = (NUMERALS.index(numeral) for numeral in ("I", "V", "V7"))
SATB = (VoiceRange("Alto", 55, 72), VoiceRange("Tenor", 48, 67), VoiceRange("Bass", 40, 60))


def _best(chord: Chord, lowest: int, tone: int | None) -> tuple[int, ...]:
    voicings = all_voicings(chord, SATB, PART_WRITING)
    chosen, costs = voicings_below(chord, voicings, PART_WRITING, lowest=lowest, highest=lowest, tone=tone)
    return tuple(voicings.pitches[chosen[costs.argmin()]].tolist())


def test_all_voicings_within_the_ranges_are_listed() -> None:
    chord = STYLE.chords[SEVEN]
    voicings = all_voicings(chord, SATB, PART_WRITING)
    expected = {
        (alto, tenor, bass)
        for alto, tenor, bass in product(range(55, 73), range(48, 68), range(40, 61))
        if {alto % 12, tenor % 12} <= {7, 11, 2, 5} and bass % 12 == 7 and alto >= tenor >= bass
        and alto - tenor <= 19 and tenor - bass <= 31
    }  # fmt: skip
    assert {tuple(voicing) for voicing in voicings.pitches.tolist()} == expected


@pytest.mark.parametrize(
    ("numeral", "pitches", "cost"),
    [
        ("I", (64, 55, 48), 0.0),
        ("I", (60, 60, 48), 0.8),  # a unison
        ("I", (72, 55, 48), 4 * (0.7 + 0.3 * 5) + 0.12 * 1.5),  # too wide, and high for an alto
        ("I64", (60, 48, 43), 1.0 + 0.12 * 2.5),  # close and low
    ],
)
def test_costs_of_spacing(numeral: str, pitches: tuple[int, ...], cost: float) -> None:
    voicings = all_voicings(STYLE.chords[NUMERALS.index(numeral)], SATB, PART_WRITING)
    (index,) = [at for at, voicing in enumerate(voicings.pitches.tolist()) if tuple(voicing) == pitches]
    assert voicings.costs[index] == pytest.approx(cost)


@pytest.mark.parametrize(
    ("numeral", "pitches", "melody", "cost"),
    [
        ("I", (64, 55, 48), 67, 0.5),  # the fifth twice
        ("I6", (67, 60, 52), 76, 1.2),  # the third twice
        ("viio6", (65, 59, 50), 74, 0.0),  # there it is best
        ("I64", (64, 60, 43), 67, 0.0),  # the bass of a six-four too
        ("I", (60, 55, 48), 67, 15.0 + 0.5),  # no third
        ("I", (64, 55, 48), 80, 1.0 - 1.0 + 4 * (0.7 + 0.3 * 4)),  # the melody far away
    ],
)
def test_costs_of_voicings_below_a_melody(
    numeral: str, pitches: tuple[int, ...], melody: int, cost: float
) -> None:
    chord = STYLE.chords[NUMERALS.index(numeral)]
    voicings = all_voicings(chord, SATB, PART_WRITING)
    tone = melody % 12 if melody % 12 in chord.pitch_classes else None
    chosen, costs = voicings_below(chord, voicings, PART_WRITING, lowest=melody, highest=melody, tone=tone)
    (index,) = [
        at for at, voicing in enumerate(voicings.pitches[chosen].tolist()) if tuple(voicing) == pitches
    ]
    assert costs[index] - voicings.costs[chosen[index]] == pytest.approx(cost)
    dearer = replace(voicings, costs=voicings.costs + 1.0)
    _, others = voicings_below(chord, dearer, PART_WRITING, lowest=melody, highest=melody, tone=tone)
    assert others[index] == pytest.approx(costs[index] + 1.0)


def test_the_cheapest_voicing_is_complete() -> None:
    assert {pitch % 12 for pitch in _best(STYLE.chords[ONE], 72, 0)} == {0, 4, 7}
    assert {pitch % 12 for pitch in _best(STYLE.chords[SEVEN], 67, 7)} >= {11, 5}
    alto, tenor, bass = _best(STYLE.chords[FIVE], 71, 11)
    assert 11 not in {alto % 12, tenor % 12, bass % 12}  # the leading note is in the melody


def test_leading_notes_and_sevenths_are_not_doubled() -> None:
    chord = STYLE.chords[SEVEN]
    voicings = all_voicings(chord, SATB, PART_WRITING)
    for tone in (11, 5):
        chosen, costs = voicings_below(chord, voicings, PART_WRITING, lowest=74, highest=74, tone=tone)
        is_doubled = (voicings.pitches[chosen] % 12 == tone).any(axis=1)
        assert (costs[is_doubled] >= STRICT).all()
        assert (costs[~is_doubled]).min() < STRICT


def test_no_voicing_is_above_the_melody() -> None:
    voicings = all_voicings(STYLE.chords[ONE], SATB, PART_WRITING)
    chosen, _ = voicings_below(STYLE.chords[ONE], voicings, PART_WRITING, lowest=60, highest=72, tone=None)
    assert len(chosen)
    assert voicings.pitches[chosen].max() <= 60


@pytest.mark.parametrize(
    ("voices", "lowest", "shift"),
    [
        (4, "C4", 0), (4, "B3", -1), (4, "C3", -12), (4, "D5", 0), (4, "E-5", 1), (4, "D6", 12),
        (4, "C7", 12),
        (2, "E3", 0), (2, "E2", -12), (6, "D4", 0), (6, "C4", -2),
    ],
)  # fmt: skip
def test_voices_are_shifted_for_a_low_or_high_melody(
    melody_score: ScoreMaker, voices: int, lowest: str, shift: int
) -> None:
    ranges = voice_ranges(voices, melody_of(melody_score(f"{lowest} {lowest}")))
    assert [voice.shift for voice in ranges] == [shift] * (voices - 1)


@pytest.mark.parametrize(("voices", "lowest"), [(4, "B2"), (2, "E-2"), (6, "C#3")])
def test_a_melody_that_leaves_no_room_is_refused(melody_score: ScoreMaker, voices: int, lowest: str) -> None:
    with pytest.raises(ScoreError, match="transpose it up"):
        voice_ranges(voices, melody_of(melody_score(lowest)))
