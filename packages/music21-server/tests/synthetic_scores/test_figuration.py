import random
from collections import Counter
from itertools import pairwise

import pytest

from music21_server.synthetic_scores.figuration import FIGURES
from music21_server.synthetic_scores.form import METRES, TEMPOS, Bar, Section, Slot, signature
from music21_server.synthetic_scores.harmony import Key, progression
from music21_server.synthetic_scores.instruments import players
from music21_server.synthetic_scores.notation import Accidentals, Where, bar_text
from music21_server.synthetic_scores.player_line import Hand


def chance(seed):
    return random.Random(seed)  # noqa: S311 - music, no secret


LINES = [line for player in players(40) for line in player.instrument.lines]
EVERY_BAR = [
    Bar(index + 1, section, division, tuple(progression(section.key, len(division), draw, Counter())), index)
    for draw in (chance(1),)
    for metre in METRES
    for fifths in (-4, 3)
    for mode in ("major", "minor")
    for section in (Section(Key(fifths, mode), metre, TEMPOS[0]),)
    for index, division in enumerate(metre.divisions * 2)
]
"""All metres, shared among chords in all ways, in some keys."""


@pytest.mark.parametrize("figure", sorted(FIGURES))
def test_a_figure_fills_its_slot_within_the_range(figure):
    lines = {(line.lowest, line.highest) for line in LINES if figure in line.figures or figure == "silence"}
    assert lines
    for lowest, highest in sorted(lines)[:4]:
        hand = Hand(lowest, highest, (lowest + highest) // 2, chance(7))
        for bar in EVERY_BAR:
            hand.begin_bar()
            begin = 0
            for slot in bar.slots(0):
                FIGURES[figure](slot, hand)
                begin += slot.ticks
                assert sum(event.ticks for event in hand.bars[-1]) == begin
        events = [event for bar in hand.bars for event in bar]
        assert all(lowest <= step <= highest for event in events for step, _ in event.pitches)
        assert all(list(event.pitches) == sorted(set(event.pitches)) for event in events)


def test_ties_join_equal_pitches():
    hand = Hand(20, 40, 30, chance(3))
    for bar in EVERY_BAR:
        hand.begin_bar()
        for slot in bar.slots(0):
            FIGURES["suspension"](slot, hand)
    events = [event for bar in hand.bars for event in bar]
    assert sum(event.from_tie for event in events) > 20
    for before, after in pairwise(events):
        assert before.to_tie == after.from_tie
        assert not after.from_tie or before.pitches == after.pitches


@pytest.mark.parametrize("figure", ["scale", "eighth arpeggio", "hold", "chords", "melody"])
def test_beats_begin_with_tones_of_the_chord(figure):
    hand = Hand(20, 45, 30, chance(5))
    for bar in EVERY_BAR:
        hand.begin_bar()
        for slot in bar.slots(0):
            already = len(hand.bars[-1])
            FIGURES[figure](slot, hand)
            begin = 0
            for event in hand.bars[-1][already:]:
                if begin % slot.beat_ticks == 0 and figure != "eighth arpeggio":
                    assert all(step % 7 in slot.letters for step, _ in event.pitches)
                if figure == "eighth arpeggio":
                    assert all(step % 7 in slot.letters for step, _ in event.pitches)
                begin += event.ticks


@pytest.mark.parametrize("figure", ["bass", "repeated bass", "pizzicato bass", "roll", "bass on beats"])
def test_a_bass_plays_the_lowest_tone_of_the_chord(figure):
    hand = Hand(16, 26, 26, chance(5))
    for bar in EVERY_BAR:
        for slot in bar.slots(0):
            hand.begin_bar()
            FIGURES[figure](slot, hand)
            played = {step for event in hand.bars[-1] for step, _ in event.pitches}
            assert len(played) == 1
            assert played.pop() % 7 == slot.bass


def test_turns_lead_back_by_a_semitone():
    heights = {step: 12 * (step // 7) + (0, 2, 4, 5, 7, 9, 11)[step % 7] for step in range(60)}
    hand = Hand(20, 45, 30, chance(5))
    for bar in EVERY_BAR:
        for slot in bar.slots(0):
            hand.begin_bar()
            FIGURES["turns"](slot, hand)
            notes = [event.pitches[0] for event in hand.bars[-1]]
            size = slot.beat_ticks // 6
            for beat in range(0, len(notes), size):
                tone, above, again, below = notes[beat : beat + 4]
                assert tone == again
                assert tone[0] % 7 in slot.letters
                if above != tone:
                    assert above == (tone[0] + 1, slot.alterations[(tone[0] + 1) % 7])
                    assert heights[below[0]] + below[1] == heights[tone[0]] + tone[1] - 1


def test_a_tone_that_the_next_chord_alters_is_not_tied_over():
    slots = [
        Slot(24, 24, letters, 4, alterations)
        for letters, alterations in (
            ((4, 6, 1, 3), (0, 0, 0, 0, 0, 0, 0)),  # G B D F
            ((3, 5, 0), (0, 0, 0, 1, 0, 0, 0)),  # F sharp A C
            ((1, 3, 5), (0, 0, 0, 1, 0, 0, 0)),  # D F sharp A
        )
    ]
    for figure in ("hold", "pedal"):
        hand = Hand(24, 24, 24, chance(1))  # nothing but F
        hand.begin_bar()
        for slot in slots:
            FIGURES[figure](slot, hand)
        assert [event.pitches for event in hand.bars[0]] == [((24, 0),), ((24, 1),), ((24, 1),)]
        assert [event.from_tie for event in hand.bars[0]] == [False, False, True]


def test_grace_notes_stay_within_the_range():
    hand = Hand(28, 32, 30, chance(5))
    for bar in EVERY_BAR:
        hand.begin_bar()
        for slot in bar.slots(0):
            FIGURES["melody"](slot, hand)
    graces = {event.grace[0] for bar in hand.bars for event in bar if event.grace is not None}
    assert graces
    assert max(graces) <= 32


def test_whoever_plays_all_figures_can_be_written():
    for figure in FIGURES.values():
        hand = Hand(20, 40, 30, chance(3))
        for bar in EVERY_BAR[:40]:
            hand.begin_bar()
            for slot in bar.slots(0):
                figure(slot, hand)
            told = Accidentals(signature(bar.section.key.fifths))
            text = bar_text(hand.bars[-1], Where(1, 0), bar.section.metre.beat_ticks, told)
            assert text.startswith("<note>")
