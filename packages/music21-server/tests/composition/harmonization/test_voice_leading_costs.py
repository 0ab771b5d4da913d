"""Costs of moving from one voicing to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.classical import PART_WRITING, classical
from music21_server.composition.harmonization.style import STRICT
from music21_server.composition.harmonization.tonality import parse_tonality
from music21_server.composition.harmonization.voice_leading_costs import Candidates, leading_costs
from music21_server.score.table import Score

ScoreMaker = Callable[..., Score]


def _candidate(chord: int, pitches: tuple[int, ...], *, melody: int = 0, held: int = 0) -> Candidates:
    """Return one voicing to set a chord below a note of the melody that begins with it, or is held."""
    return Candidates(
        chords=np.array([chord]), pitches=np.array([pitches]), costs=np.zeros(1), first=melody or held,
        last=melody or held, is_attacked=bool(melody), is_first=False,
    )  # fmt: skip


STYLE = classical(parse_tonality("C"))
NUMERALS = [chord.numeral for chord in STYLE.chords]
ONE, FOUR, FIVE, SEVEN, SIX = (NUMERALS.index(numeral) for numeral in ("I", "IV", "V", "V7", "vi"))


def _broken(before: Candidates, after: Candidates) -> int:
    return round(float(leading_costs(before, after, STYLE.chords, PART_WRITING)[0, 0]) // STRICT)


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        (_candidate(ONE, (64, 55, 48), melody=72), _candidate(FIVE, (62, 55, 43), melody=71), 0),
        (_candidate(ONE, (67, 60), melody=72), _candidate(FIVE, (69, 62), melody=71), 5),
        (_candidate(ONE, (67, 64, 48), melody=72), _candidate(FIVE, (67, 62, 50), melody=74), 5),
        (_candidate(ONE, (64, 60, 48), melody=67), _candidate(ONE, (64, 60, 48), melody=65), 0),
        (_candidate(FOUR, (60, 57, 41), melody=65), _candidate(FIVE, (59, 55, 43), held=71), 0),
        (_candidate(ONE, (64, 60, 52), melody=67), _candidate(FIVE, (62, 59, 55), melody=74), 1),
        (_candidate(FIVE, (62, 59, 43), melody=67), _candidate(ONE, (60, 55, 48), held=67), 1),
        (_candidate(FIVE, (62, 59, 43), melody=67), _candidate(ONE, (64, 60, 48), held=67), 0),
        (_candidate(SEVEN, (65, 59, 43), melody=67), _candidate(ONE, (67, 60, 48), held=67), 1),
        (_candidate(SEVEN, (65, 59, 43), melody=67), _candidate(ONE, (64, 60, 48), held=67), 0),
        (_candidate(ONE, (64, 60, 48), melody=67), _candidate(SIX, (69, 60, 45), melody=72), 1),
    ],
)  # fmt: skip
def test_strict_rules_of_voice_leading(before: Candidates, after: Candidates, broken: int) -> None:
    assert _broken(before, after) == broken


LEADS = {numeral: NUMERALS.index(numeral) for numeral in ("V7/V", "V7/vi", "I64", "viio6", "I6")}


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        # An octave's leap above a bass that stays is no parallel.
        (_candidate(ONE, (60, 48), melody=79), _candidate(ONE, (72, 48), held=79), 0),
        # F sharp sinks to the seventh of the dominant.
        (_candidate(LEADS["V7/V"], (66, 60, 50), melody=69), _candidate(SEVEN, (65, 59, 43), melody=67), 0),
        # A seventh goes down a whole tone: D to C.
        (_candidate(LEADS["V7/vi"], (62, 56, 52), melody=71), _candidate(SIX, (60, 57, 45), melody=72), 0),
        (_candidate(LEADS["V7/vi"], (62, 56, 52), melody=71), _candidate(SIX, (64, 57, 45), melody=72), 1),
    ],
)
def test_exceptions_to_strict_rules(before: Candidates, after: Candidates, broken: int) -> None:
    assert _broken(before, after) == broken


@pytest.mark.parametrize(
    ("before", "after", "cost"),
    [
        (_candidate(ONE, (64, 60, 48), melody=67), _candidate(ONE, (64, 60, 48), held=67), 0.5),
        # A fourth down in the tenor, and a voice that moves though the chord stays.
        (_candidate(ONE, (64, 60, 48), melody=67), _candidate(ONE, (64, 55, 48), held=67), 0.5 + 1.0 + 1.2),
        # All voices upwards: by step each, and together.
        (
            _candidate(FIVE, (62, 55, 43), melody=67),
            _candidate(SIX, (64, 57, 45), melody=69),
            0.2 + 0.2 + 0.1 + 1.0,
        ),
        (_candidate(FIVE, (62, 55), melody=67), _candidate(SIX, (64, 57), held=67), 0.3),
    ],
)
def test_costs_of_moves(before: Candidates, after: Candidates, cost: float) -> None:
    total = float(leading_costs(before, after, STYLE.chords, PART_WRITING)[0, 0]) % STRICT
    assert total == pytest.approx(cost, abs=1e-3)


INNER_MOVES = [0.0, 0.1, 0.2, 0.5, 0.6, 1.0, 3.0, 1.4, 2.5, 2.5, 6.0, 7.0, 4.0, 15.0, 15.0]
BASS_MOVES = [0.5, 0.1, 0.1, 0.3, 0.3, 0.5, 2.5, 0.6, 1.5, 1.5, 5.0, 6.0, 1.0, 15.0, 15.0]


@pytest.mark.parametrize("direction", [1, -1])
def test_costs_of_moves_by_semitones(direction: int) -> None:
    """After a rest, with chords whose names do not matter, only the size of a move counts."""
    chords = [Chord(numeral, numeral, "other", ((0, 0),)) for numeral in ("I", "V")]
    for semitones, (inner, bass) in enumerate(zip(INNER_MOVES, BASS_MOVES, strict=True)):
        step = direction * semitones
        for after, cost in (((60 + step, 45), inner + 0.5), ((60, 45 + step), bass)):
            first, second = _candidate(0, (60, 45)), replace(_candidate(1, after), is_first=True)
            total = float(leading_costs(first, second, chords, PART_WRITING)[0, 0])
            assert total == pytest.approx(0.3 * cost, abs=1e-5), (semitones, after)


def test_after_a_rest_no_rule_of_voice_leading_applies() -> None:
    before = _candidate(ONE, (67, 60, 48), melody=72)
    after = _candidate(FIVE, (69, 62, 50), melody=74)
    free = replace(after, is_first=True)
    assert _broken(before, after) > 0
    total = float(leading_costs(before, free, STYLE.chords, PART_WRITING)[0, 0])
    assert total == pytest.approx(0.3 * (0.2 + 0.2 + 0.1))


def test_augmented_seconds_cost_more() -> None:
    minor = classical(parse_tonality("C minor"))
    numerals = [chord.numeral for chord in minor.chords]
    four, five, one = (numerals.index(numeral) for numeral in ("iv", "V", "i"))

    def cost(start: int, end: int, chords: tuple[int, int]) -> float:
        one, other = (
            _candidate(chord, (pitch, 43)) for chord, pitch in zip(chords, (start, end), strict=True)
        )
        return float(leading_costs(one, other, minor.chords, PART_WRITING)[0, 0]) % STRICT

    # A chromatic semitone is plain: B flat, B.
    assert cost(70, 71, (numerals.index("v"), five)) == pytest.approx(0.1 + 0.5, abs=1e-3)
    assert cost(68, 71, (four, five)) - cost(67, 70, (one, numerals.index("v"))) == pytest.approx(5.0)


def test_faults_are_counted_like_by_a_naive_loop() -> None:
    drawn = np.random.default_rng(3)
    one, other = (np.sort(drawn.integers(40, 72, (40, 3)), axis=1)[:, ::-1] for _ in range(2))
    free = [index for index, chord in enumerate(STYLE.chords) if chord.lead is None and chord.seventh is None]
    before, after = (
        Candidates(np.full(40, free[0]), pitches, np.zeros(40), None, None, is_attacked=True, is_first=False)
        for pitches in (one, other)
    )
    costs = leading_costs(before, after, STYLE.chords, PART_WRITING)
    for row, column in product(range(40), repeat=2):
        a, b = one[row].tolist(), other[column].tolist()
        parallels = sum(
            (a[u] - a[v]) % 12 == (b[u] - b[v]) % 12 in (0, 7) and a[u] != b[u] and a[v] != b[v]
            for u, v in combinations(range(3), 2)
        )
        overlaps = sum((b[v + 1] > a[v]) + (b[v] < a[v + 1]) for v in range(2))
        direct = sum(
            (b[u] - b[v]) % 12 in (0, 7) and b[u] == b[0] and b[v] == b[2] and abs(b[u] - a[u]) > 2
            and (b[u] > a[u]) == (b[v] > a[v]) and a[v] != b[v]
            for u, v in combinations(range(3), 2)
        )  # fmt: skip
        assert int(costs[row, column] // STRICT) == 5 * parallels + overlaps + direct
