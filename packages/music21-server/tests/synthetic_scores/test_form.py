import random
from itertools import pairwise

import pytest

from music21_server.synthetic_scores import form
from music21_server.synthetic_scores.form import MAX_SIGNATURE, METRES, TEMPOS, Bar, Section, compose
from music21_server.synthetic_scores.harmony import Key, chord, dominant_seventh, progression


def seeded(seed):
    return random.Random(seed)  # noqa: S311 - music, no secret


def composed(measures, seed=1):
    return compose(measures, seeded(seed))


@pytest.mark.parametrize("measures", [*range(1, 30), 100, 500])
def test_score_has_the_requested_number_of_bars(measures):
    for seed in range(5):
        bars = composed(measures, seed)
        first = 0 if measures >= 4 else 1
        assert [bar.number for bar in bars] == list(range(first, measures + first))


def test_all_bars_except_the_pickup_are_full():
    upbeat, *bars = composed(200)
    assert upbeat.ticks == upbeat.section.metre.beat_ticks
    assert all(bar.ticks == bar.section.metre.ticks for bar in bars)
    assert all(bar.ticks * bar.section.metre.kind == bar.section.metre.beats * 96 for bar in bars)
    assert all(len(bar.chords) == len(bar.lengths) for bar in bars)


@pytest.mark.parametrize("measures", [8, 20, 200])
def test_sections_change_key_and_metre_and_modulate_by_a_dominant(measures):
    for seed in range(20):
        bars = composed(measures, seed)
        turns = [(before, after) for before, after in pairwise(bars) if before.section is not after.section]
        assert turns
        before, after = turns[0]
        assert before.section.key.fifths != after.section.key.fifths
        assert before.section.metre != after.section.metre
        for before, after in turns:
            assert before.section.key != after.section.key
            assert before.phrase + 1 == after.phrase
            assert before.chords[-1].tones == dominant_seventh(after.section.key).tones
        assert all(abs(bar.section.key.fifths) <= MAX_SIGNATURE for bar in bars)
        assert bars[-1].chords[-1].tones[0] == bars[-1].section.key.tonic


def test_sections_share_the_counts_of_used_chords(monkeypatch):
    usages = []

    def recorded(key, length, rng, usage):
        usages.append(usage)
        return progression(key, length, rng, usage)

    monkeypatch.setattr(form, "progression", recorded)
    composed(100)
    assert len(usages) > 2
    assert all(usage is usages[0] for usage in usages)


def test_alterations_of_a_slot_come_from_the_chord_or_the_key():
    key = Key(1, "major")
    bar = Bar(1, Section(key, METRES[0], TEMPOS[0]), (48, 48), (chord(key, "I"), chord(key, "V65/V")), 0)
    _, slot = bar.slots(0)
    # In G major: A, C sharp, E and G, with the F sharp of the key.
    assert [("CDEFGAB"[letter], slot.alterations[letter]) for letter in slot.letters] == [
        ("A", 0), ("C", 1), ("E", 0), ("G", 0),
    ]  # fmt: skip
    assert slot.alterations == (1, 0, 0, 1, 0, 0, 0)
    assert "CDEFGAB"[slot.bass] == "C"
    # A clarinet in B flat reads it a tone higher.
    _, clarinet = bar.slots(2)
    assert [("CDEFGAB"[letter], clarinet.alterations[letter]) for letter in clarinet.letters] == [
        ("B", 0), ("D", 1), ("F", 1), ("A", 0),
    ]  # fmt: skip
