"""Classical results keep the rules of part-writing, by a checker that shares no code with the server."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise, product
from typing import Any

import numpy as np
import pytest

from music21_server.composition.harmonization import part_writing
from music21_server.composition.harmonization.classical import classical
from music21_server.composition.harmonization.harmonize import Request, harmonize
from music21_server.composition.harmonization.melody import Melody, melody_of
from music21_server.composition.harmonization.melody_fit import segment_notes
from music21_server.composition.harmonization.part_writing import _CandidateFinder, _Path, write_parts
from music21_server.composition.harmonization.progression import ProgressionCosts, progression_costs
from music21_server.composition.harmonization.segments import HarmonicRhythm, segments_of
from music21_server.composition.harmonization.tonality import parse_tonality
from music21_server.composition.harmonization.voice_leading_costs import Candidates, leading_costs
from music21_server.composition.harmonization.voicings import voice_ranges, voicings_below
from music21_server.score.table import NOTE, Score

Line = list[tuple[int, int, int]]
"""Notes as start, end and MIDI number; tied notes are joined."""

RANGES = {
    2: [(40, 60)],
    3: [(55, 72), (40, 60)],
    4: [(55, 72), (48, 67), (40, 60)],
    5: [(55, 72), (48, 67), (45, 64), (40, 60)],
    6: [(57, 76), (55, 72), (48, 67), (45, 64), (40, 60)],
}
"""Ranges of the voices below the melody: Kostka and Payne's, and a mezzo-soprano and a baritone in
between."""


def _lines(score: Score) -> list[Line]:
    table, starts = score.notes, score.measure_starts
    lines: dict[tuple[int, int], Line] = {}
    for row in range(len(table)):
        if table.kind[row] != NOTE or table.grace[row]:
            continue
        line = lines.setdefault((int(table.part[row]), int(table.voice[row])), [])
        start = int(starts[table.measure[row]] + table.onset[row])
        end, pitch = start + int(table.duration[row]), int(table.written_cents[row]) // 100
        if table.tie[row] in (2, 3) and line and line[-1][1:] == (start, pitch):
            line[-1] = (line[-1][0], end, pitch)
        else:
            line.append((start, end, pitch))
    return [lines[at] for at in sorted(lines)]


def _parallels(lines: list[Line]) -> list[tuple[int, int, int, int]]:
    """Return time, both voices and interval of each pair of successive fifths, octaves or unisons."""
    moves = [{b[0]: (a[2], b[2]) for a, b in pairwise(line) if a[1] == b[0]} for line in lines]
    parallels = []
    for one, other in combinations(range(len(lines)), 2):
        for time in sorted(set(moves[one]) & set(moves[other])):
            (upper_from, upper_to), (lower_from, lower_to) = moves[one][time], moves[other][time]
            size = (upper_from - lower_from) % 12
            if upper_from == upper_to or lower_from == lower_to or size not in (0, 7):
                continue
            if (upper_to - lower_to) % 12 == size:
                parallels.append((time, one, other, size))
    return parallels


def _crossings(lines: list[Line]) -> list[int]:
    """Return the times at which a voice is above its upper neighbour."""
    return [
        max(a[0], b[0])
        for upper, lower in pairwise(lines)
        for a in upper
        for b in lower
        if a[0] < b[1] and b[0] < a[1] and b[2] > a[2]
    ]


def _check(score: Score, voices: int) -> bool:
    """Check a harmonisation; return whether its report calls it strict."""
    result = harmonize(score, Request(voices=voices))
    lines = _lines(result.score)
    assert len(lines) == voices
    assert _parallels(lines) == []
    assert _crossings(lines) == []
    room = {2: 52, 6: 62}.get(
        voices, 60
    )  # a fourth above the second voice's lowest note, an octave above the bass's
    shift = min(0, min(note[2] for note in lines[0]) - room)
    for line, (lowest, highest) in zip(lines[1:], RANGES[voices], strict=True):
        assert all(lowest + shift <= note[2] <= highest + shift for note in line)
    assert result.report.is_strict == (not result.report.violations)
    by_rule = {check.rule: check for check in result.report.checks}
    for rule in ("parallel fifths", "parallel octaves", "parallel unisons", "out of range", "voice crossing"):
        assert by_rule[rule].count == 0
        assert by_rule[rule].is_strict
    return result.report.is_strict


def _check_random(seeds: range, random_melody: Callable[..., Score]) -> int:
    """Check melodies for 2 to 6 voices; return how many break a rule that is not checked here."""
    return sum(not _check(random_melody(seed), 2 + seed % 5) for seed in seeds)


def test_random_melodies_keep_the_rules(random_melody: Callable[..., Score]) -> None:
    assert _check_random(range(15), random_melody) == 0


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_many_random_melodies_keep_the_rules(random_melody: Callable[..., Score]) -> None:
    # Under a melody that leaps to the last note of a phrase, direct octaves are at times unavoidable.
    assert _check_random(range(15, 315), random_melody) <= 9


@pytest.mark.parametrize("voices", [2, 3, 4, 5, 6])
def test_sopranos_of_chorales_keep_the_rules(
    corpus_score: Callable[[str], Score], chorales: tuple[str, ...], voices: int
) -> None:
    assert _check(corpus_score(chorales[40 * voices]), voices)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_many_sopranos_of_chorales_keep_the_rules(
    corpus_score: Callable[[str], Score], chorales: tuple[str, ...]
) -> None:
    several = [name for name in chorales[::2] if len(corpus_score(name).parts) == 4]
    assert len(several) >= 100
    broken = [name for index, name in enumerate(several) if not _check(corpus_score(name), 2 + index % 5)]
    assert len(broken) <= len(several) // 50, broken


def test_the_checker_notices_parallels() -> None:
    fifths = [[(0, 4, 67), (4, 8, 69)], [(0, 4, 60), (4, 8, 62)]]
    assert _parallels(fifths) == [(4, 0, 1, 7)]
    assert _parallels([[(0, 4, 67), (5, 8, 69)], [(0, 4, 60), (5, 8, 62)]]) == []
    assert _parallels([[(0, 8, 67)], [(0, 4, 60), (4, 8, 48)]]) == []
    assert _crossings([[(0, 4, 60)], [(2, 4, 61)]]) == [2]


def test_music21_finds_no_parallels(corpus_score: Callable[[str], Score]) -> None:
    from music21 import note, voiceLeading

    result = harmonize(corpus_score("bach/bwv66.6.mxl"), Request())
    lines = _lines(result.score)
    quartets = 0
    for upper, lower in combinations(lines, 2):
        ends = {a[1]: (a[2], b[2]) for a, b in pairwise(lower) if a[1] == b[0]}
        for a, b in pairwise(upper):
            if a[1] == b[0] and b[0] in ends:
                pitches = (a[2], b[2], *ends[b[0]])
                quartet = voiceLeading.VoiceLeadingQuartet(*(note.Note(pitch) for pitch in pitches))
                quartets += 1
                assert not quartet.parallelFifth()
                assert not quartet.parallelOctave()
                assert not quartet.parallelUnison()
    assert quartets > 100


# The choice of chords and voices


def _costs(score: Score, rhythm: HarmonicRhythm = "beat") -> tuple[Melody, ProgressionCosts]:
    melody = melody_of(score)
    segments = segments_of(melody, rhythm)
    notes = segment_notes(melody, segments)
    return melody, progression_costs(classical(parse_tonality("C")), segments, notes, rhythm=rhythm, seed=0)


def test_retries_admit_more_chords_around_broken_rules_and_keep_the_best_path(
    melody_score: Callable[..., Score], monkeypatch: pytest.MonkeyPatch
) -> None:
    melody, costs = _costs(melody_score("C5 D5 E5 F5 G5 F5 D5 C5"))
    tried: list[tuple[int, int, int]] = []
    candidates = _CandidateFinder.candidates

    def noted(self: _CandidateFinder, at: int, chords: Any, most: int) -> Candidates:
        tried.append((at, len(chords), most))
        return candidates(self, at, chords[:1], most)

    monkeypatch.setattr(_CandidateFinder, "candidates", noted)
    results = [(10.0, (3,)), (5.0, (3,)), (7.0, (3,)), (6.0, (3,))]
    paths = iter(
        [_Path(cost, (index,), np.zeros((1, 3)), broken) for index, (cost, broken) in enumerate(results)]
    )
    monkeypatch.setattr(part_writing, "_cheapest", lambda *_: next(paths))
    assert write_parts(melody, costs, voice_ranges(4, melody)).path == (1,)
    around = [(at, most) for at, _, most in tried[8:]]
    assert around == [(at, 40) for at in range(1, 5)] + [(at, 30) for at in range(6)] + [
        (at, 20) for at in range(7)
    ]  # fmt: skip
    least = {40: 5, 30: 12, 20: 24}
    assert all(chords >= least[most] for _, chords, most in tried[8:])


def test_retries_end_when_no_rule_is_broken(
    melody_score: Callable[..., Score], monkeypatch: pytest.MonkeyPatch
) -> None:
    melody, costs = _costs(melody_score("C5 D5 E5 C5"))
    paths = iter([_Path(1.0, (0,), np.zeros((1, 3)), (2,)), _Path(0.5, (1,), np.zeros((1, 3)), ())])
    monkeypatch.setattr(part_writing, "_cheapest", lambda *_: next(paths))
    assert write_parts(melody, costs, voice_ranges(4, melody)).path == (1,)


def test_chords_and_voices_are_chosen_together(melody_score: Callable[..., Score]) -> None:
    """The path is the cheapest of all, with the cost of chords counted three times."""
    melody, costs = _costs(melody_score("C5 B4"))
    finder = _CandidateFinder(melody, costs, voice_ranges(3, melody))
    one, other = (finder.candidates(at, np.arange(6), 5) for at in (0, 1))
    path = part_writing._cheapest(costs, [one, other])
    steps = leading_costs(one, other, costs.style.chords, costs.style.part_writing)
    totals = {
        (a, b): float(
            one.costs[a] + other.costs[b] + steps[a, b]
            + 3 * costs.local[0, one.chords[a]] + 3 * costs.local[1, other.chords[b]]
            + 3 * costs.step(1)[one.chords[a], other.chords[b]]
        )
        for a, b in product(range(len(one.costs)), range(len(other.costs)))
    }  # fmt: skip
    assert path.cost == pytest.approx(min(totals.values()))
    a, b = min(totals, key=lambda pair: totals[pair])
    assert path.path == (one.chords[a], other.chords[b])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("D5 E5 G5:2", (74, 79, 7)),  # the longest chord tone
        ("E5:2 G5:2", (76, 79, 4)),  # the first of two equally long ones
        ("F5 D5:3", (74, 77, None)),
    ],
)
def test_the_main_chord_tone_of_the_melody_counts_when_the_chord_is_voiced(
    melody_score: Callable[..., Score],
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    expected: tuple[int, int, int | None],
) -> None:
    melody, costs = _costs(melody_score(line), "bar")
    seen: list[tuple[Any, ...]] = []

    def noted(*arguments: Any, **named: Any) -> Any:
        seen.append(tuple(named[name] for name in ("lowest", "highest", "tone")))
        return voicings_below(*arguments, **named)

    monkeypatch.setattr(part_writing, "voicings_below", noted)
    one = next(index for index, chord in enumerate(costs.style.chords) if chord.numeral == "I")
    _CandidateFinder(melody, costs, voice_ranges(4, melody)).candidates(0, np.array([one]), 5)
    assert seen == [expected]
