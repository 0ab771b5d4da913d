import pytest

from music21_server.theory.harmony.rhythm import RhythmSection, harmonic_rhythm, progressions
from music21_server.theory.time.positions import Position


def test_changes_are_counted_in_sections_of_eight_bars():
    numbers = [str(number) for number in range(1, 11)]
    rhythm = harmonic_rhythm([0, 0, 3, 9], [0, 2, 12, 38], 40, numbers)
    assert rhythm.change_count == 4
    assert rhythm.changes_per_measure == 0.4
    assert rhythm.median_quarters == pytest.approx(6)
    assert rhythm.sections == (RhythmSection("1", "8", 0.375), RhythmSection("9", "10", 0.5))


def test_repeated_progressions_are_counted_with_their_positions():
    numerals = ["I", "IV", "V", "I", "IV", "V", "vi"]
    positions = [Position(str(index), 1.0, float(index)) for index in range(7)]
    pairs = progressions(numerals, positions, 2)
    assert [(pair.numerals, pair.count) for pair in pairs] == [(("I", "IV"), 2), (("IV", "V"), 2)]
    assert [position.measure for position in pairs[0].positions] == ["0", "3"]
    assert [triple.numerals for triple in progressions(numerals, positions, 3)] == [("I", "IV", "V")]
    assert progressions(numerals[:1], positions[:1], 2) == ()


def test_lists_of_progressions_and_positions_are_limited():
    numerals = [str(number % 30) for number in range(600)]
    positions = [Position("1", 1.0, 0.0)] * 600
    pairs = progressions(numerals, positions, 2)
    assert len(pairs) == 10
    assert pairs[0].count == 20
    assert len(pairs[0].positions) == 10
