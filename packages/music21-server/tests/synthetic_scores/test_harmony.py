import random
from collections import Counter
from itertools import pairwise

import pytest
from music21 import roman

from music21_server.score.table import STEPS
from music21_server.synthetic_scores.form import alteration, letter
from music21_server.synthetic_scores.harmony import _CHORDS, Key, chord, progression, related_key


def seeded(seed):
    return random.Random(seed)  # noqa: S311 - music, no secret


MODES = ("major", "minor")
FOLLOWERS = {mode: {numeral: entry.followers for numeral, entry in _CHORDS[mode].items()} for mode in MODES}
ALL = [(mode, numeral) for mode in MODES for numeral in FOLLOWERS[mode]]


def name(fifth):
    sharps = alteration(fifth)
    return STEPS[letter(fifth)] + ("#" * sharps if sharps > 0 else "-" * -sharps)


@pytest.mark.parametrize(("mode", "numeral"), ALL)
def test_chord_tones_are_spelled_like_music21(mode, numeral):
    ours = chord(Key(0 if mode == "major" else -3, mode), numeral)
    theirs = roman.RomanNumeral(numeral, "C" if mode == "major" else "c")
    assert {name(tone) for tone in ours.tones} == {pitch.name for pitch in theirs.pitches}
    assert name(ours.bass) == theirs.bass().name
    if not numeral.startswith("Ger"):  # its root is disputed
        assert name(ours.tones[0]) == theirs.root().name


@pytest.mark.parametrize("mode", MODES)
def test_every_chord_can_be_reached_from_the_tonic(mode):
    followers = FOLLOWERS[mode]
    reached, waiting = set(), ["I" if mode == "major" else "i"]
    while waiting:
        now = waiting.pop()
        if now not in reached:
            reached.add(now)
            waiting += followers[now]
    assert reached == set(followers)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8, 30])
def test_progression_follows_the_successions_and_ends_with_a_cadence(mode, length):
    tonic = "I" if mode == "major" else "i"
    for seed in range(20):
        numerals = [each.numeral for each in progression(Key(0, mode), length, seeded(seed), Counter())]
        assert len(numerals) == length
        assert numerals[-1] == tonic
        assert length < 2 or numerals[-2] in {"V", "V7"}
        assert length < 4 or numerals[0] == tonic
        assert all(after in FOLLOWERS[mode][before] for before, after in pairwise(numerals))


def test_rarely_used_chords_are_preferred_and_each_use_is_counted():
    for seed in range(20):
        usage = Counter({numeral: 1_000_000 for numeral in FOLLOWERS["major"] if numeral != "vi"})
        before = usage.copy()
        numerals = [each.numeral for each in progression(Key(0, "major"), 5, seeded(seed), usage)]
        assert numerals[1] == "vi"
        assert usage - before == Counter(numerals[1:])


def test_chord_tones_are_spelled_by_function_in_distant_keys():
    assert [name(tone) for tone in chord(Key(4, "major"), "V65/vi").tones] == ["G#", "B#", "D#", "F#"]
    assert [name(tone) for tone in chord(Key(-4, "minor"), "N6").tones] == ["G-", "B-", "D-"]
    assert name(chord(Key(3, "minor"), "V").tones[1]) == "E#"


@pytest.mark.parametrize("mode", MODES)
def test_related_keys_differ_and_stay_within_the_limit(mode):
    for fifths in range(-4, 5):
        for seed in range(20):
            key = Key(fifths, mode)
            new_key = related_key(key, seeded(seed), max_signature=4, new_signature=False)
            assert new_key != key
            assert abs(new_key.fifths) <= 4
            assert related_key(key, seeded(seed), max_signature=4, new_signature=True).fifths != fifths
