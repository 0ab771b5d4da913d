import random
from collections import Counter
from itertools import pairwise

import pytest

from music21_server.synthetic_scores.figuration import FIGURES
from music21_server.synthetic_scores.form import METRES, TEMPOS, Bar, Section, Slot, signature
from music21_server.synthetic_scores.harmony import Key, progression
from music21_server.synthetic_scores.instruments import players
from music21_server.synthetic_scores.notation import Accidentals, Placement, bar_text
from music21_server.synthetic_scores.player_line import PlayerLine


def seeded(seed):
    return random.Random(seed)  # noqa: S311 - music, no secret


LINES = [line for player in players(40) for line in player.instrument.lines]
EVERY_BAR = [
    Bar(index + 1, section, division, tuple(progression(section.key, len(division), rng, Counter())), index)
    for rng in (seeded(1),)
    for metre in METRES
    for fifths in (-4, 3)
    for mode in ("major", "minor")
    for section in (Section(Key(fifths, mode), metre, TEMPOS[0]),)
    for index, division in enumerate(metre.divisions * 2)
]
"""Bars in all metres, with all divisions among chords, in some keys."""

EVERY_SLOT = [slot for bar in EVERY_BAR for slot in bar.slots(0)]
BEATS = sum(slot.ticks // slot.beat_ticks for slot in EVERY_SLOT)


def slots_played(figure, line):
    """Play a figure in every slot, each as a bar; return the slots with their events."""
    for slot in EVERY_SLOT:
        line.begin_bar()
        FIGURES[figure](slot, line)
    return list(zip(EVERY_SLOT, line.bars, strict=True))


@pytest.mark.parametrize("figure", sorted(FIGURES))
def test_a_figure_fills_its_slot_within_the_range(figure):
    ranges = {(line.lowest, line.highest) for line in LINES if figure in line.figures or figure == "silence"}
    assert ranges
    for lowest, highest in sorted(ranges)[:4]:
        line = PlayerLine(lowest, highest, (lowest + highest) // 2, seeded(7))
        played = slots_played(figure, line)
        assert [sum(event.ticks for event in events) for _, events in played] == [
            slot.ticks for slot in EVERY_SLOT
        ]
        steps = [step for _, events in played for event in events for step, _ in event.pitches]
        assert bool(steps) == (figure != "silence")
        assert all(lowest <= step <= highest for step in steps)


def test_ties_join_equal_pitches():
    line = PlayerLine(20, 40, 30, seeded(3))
    events = [event for _, events in slots_played("suspension", line) for event in events]
    assert sum(event.from_tie for event in events) > 20
    for before, after in pairwise(events):
        assert before.to_tie == after.from_tie
        assert not after.from_tie or before.pitches == after.pitches


@pytest.mark.parametrize(
    ("figure", "onsets"),
    [
        ("scale", BEATS),
        ("eighth arpeggio", BEATS),
        ("hold", len(EVERY_SLOT)),
        ("chords", len(EVERY_SLOT)),
        ("melody", None),  # notes may be longer than a beat
    ],
)
def test_notes_on_beats_are_chord_tones(figure, onsets):
    on_beats = 0
    for slot, events in slots_played(figure, PlayerLine(20, 45, 30, seeded(5))):
        onset = 0
        for event in events:
            assert event.pitches
            if onset % slot.beat_ticks == 0 or figure == "eighth arpeggio":
                assert all(step % 7 in slot.letters for step, _ in event.pitches)
            on_beats += onset % slot.beat_ticks == 0
            onset += event.ticks
    if onsets is None:
        assert len(EVERY_SLOT) < on_beats < BEATS
    else:
        assert on_beats == onsets


@pytest.mark.parametrize("figure", ["bass", "repeated bass", "pizzicato bass", "roll", "bass on beats"])
def test_a_bass_figure_plays_the_bass_tone(figure):
    for slot, events in slots_played(figure, PlayerLine(16, 26, 26, seeded(5))):
        (step,) = {step for event in events for step, _ in event.pitches}
        assert step % 7 == slot.bass


def test_turns_surround_a_chord_tone_by_the_step_above_and_the_semitone_below():
    heights = {step: 12 * (step // 7) + (0, 2, 4, 5, 7, 9, 11)[step % 7] for step in range(60)}
    turns = 0
    for slot, events in slots_played("turns", PlayerLine(20, 45, 30, seeded(5))):
        notes = [event.pitches[0] for event in events]
        size = slot.beat_ticks // 6
        for beat in range(0, len(notes), size):
            tone, above, again, below = notes[beat : beat + 4]
            assert tone == again
            assert tone[0] % 7 in slot.letters
            assert above == (tone[0] + 1, slot.alterations[(tone[0] + 1) % 7])
            assert heights[below[0]] + below[1] == heights[tone[0]] + tone[1] - 1
            turns += 1
    assert turns == BEATS


def test_turns_at_the_edge_of_the_range_repeat_the_tone():
    for _, events in slots_played("turns", PlayerLine(30, 30, 30, seeded(5))):
        assert {event.pitches[0][0] for event in events} == {30}


def test_a_pitch_altered_by_the_next_chord_is_not_tied_over():
    slots = [
        Slot(24, 24, letters, 4, alterations)
        for letters, alterations in (
            ((4, 6, 1, 3), (0, 0, 0, 0, 0, 0, 0)),  # G B D F
            ((3, 5, 0), (0, 0, 0, 1, 0, 0, 0)),  # F sharp A C
            ((1, 3, 5), (0, 0, 0, 1, 0, 0, 0)),  # D F sharp A
        )
    ]
    for figure in ("hold", "pedal"):
        line = PlayerLine(24, 24, 24, seeded(1))  # a range of F alone
        line.begin_bar()
        for slot in slots:
            FIGURES[figure](slot, line)
        assert [event.pitches for event in line.bars[0]] == [((24, 0),), ((24, 1),), ((24, 1),)]
        assert [event.from_tie for event in line.bars[0]] == [False, False, True]


def test_grace_notes_stay_within_the_range():
    played = slots_played("melody", PlayerLine(28, 32, 30, seeded(5)))
    graces = [event.grace[0] for _, events in played for event in events if event.grace is not None]
    assert len(graces) > 5
    assert 28 < min(graces) <= max(graces) <= 32


def test_every_figure_can_be_written():
    for figure in FIGURES.values():
        line = PlayerLine(20, 40, 30, seeded(3))
        for bar in EVERY_BAR[:40]:
            line.begin_bar()
            for slot in bar.slots(0):
                figure(slot, line)
            accidentals = Accidentals(signature(bar.section.key.fifths))
            text = bar_text(line.bars[-1], Placement(1, 0), bar.section.metre.beat_ticks, accidentals)
            written = sum(1 + (event.grace is not None) for event in line.bars[-1] if len(event.pitches) < 2)
            written += sum(len(event.pitches) for event in line.bars[-1] if len(event.pitches) > 1)
            assert text.count("<note>") == written
