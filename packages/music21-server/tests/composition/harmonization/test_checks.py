"""Broken rules are counted in the finished score."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from music21_server.composition.harmonization import checks
from music21_server.composition.harmonization.checks import (
    RANGE,
    TENDENCY,
    CheckResult,
    check_rules,
    resolves,
)
from music21_server.composition.harmonization.classical import PART_WRITING, classical
from music21_server.composition.harmonization.harmonize import Request, harmonize
from music21_server.composition.harmonization.jazz import PART_WRITING as JAZZ
from music21_server.composition.harmonization.layout import Span, lay_out
from music21_server.composition.harmonization.melody import melody_of
from music21_server.composition.harmonization.style import PartWritingCosts, StyleName
from music21_server.composition.harmonization.tonality import parse_tonality
from music21_server.composition.harmonization.voicings import VoiceRange
from music21_server.score.table import Score

ScoreMaker = Callable[..., Score]
SATB = (VoiceRange("Alto", 55, 72), VoiceRange("Tenor", 48, 67), VoiceRange("Bass", 40, 60))
KEY = parse_tonality("C")
CHORDS = {chord.numeral: chord for chord in classical(KEY).chords}
PARALLELS = {
    "parallel fifths", "parallel octaves", "parallel unisons", "fifths by contrary motion",
    "octaves by contrary motion",
}  # fmt: skip
ALWAYS = {"voice crossing", RANGE}

Halves = list[tuple[str, tuple[int, int, int]]]


def check(score: Score, chords: Halves, part_writing: PartWritingCosts = PART_WRITING) -> CheckResult:
    """Check chords in half notes below a melody in half notes."""
    melody = melody_of(score)
    spans = [
        Span(note.start, note.start + 96, index, CHORDS[numeral], pitches)
        for index, (note, (numeral, pitches)) in enumerate(zip(melody.notes, chords, strict=True))
    ]
    return check_rules(lay_out(melody, KEY, spans, SATB, title="t"), spans, SATB, part_writing)


def broken(result: CheckResult) -> set[str]:
    return {rule.rule for rule in result.checks if rule.count}


UNRESOLVED: Halves = [("V", (59, 55, 43)), ("I", (55, 52, 48))]


@pytest.mark.parametrize(
    ("line", "chords", "rules"),
    [
        ("C5:2 B4:2 C5:2", [("I", (67, 64, 48)), ("V", (67, 62, 43)), ("I", (67, 64, 48))], set()),
        ("C5:2 D5:2", [("I", (67, 64, 48)), ("V", (67, 59, 50))], {"parallel octaves"}),
        ("E5:2 F5:2", [("I", (67, 60, 48)), ("IV", (72, 57, 53))], {"parallel fifths"}),
        ("C5:2 C5:2", [("I", (67, 64, 36)), ("I", (67, 64, 48))], {RANGE}),
        ("C5:2 C6:2", [("I", (67, 64, 48)), ("I", (76, 64, 48))], {RANGE}),
        ("D5:2 C5:2", UNRESOLVED, {TENDENCY}),
    ],
)
def test_each_broken_rule_is_counted_and_located(
    melody_score: ScoreMaker, line: str, chords: Halves, rules: set[str]
) -> None:
    result = check(melody_score(line), chords)
    assert broken(result) >= rules
    assert bool(broken(result)) == bool(rules)
    assert {violation.rule for violation in result.violations} == broken(result)
    for violation in result.violations:
        assert (violation.measure, violation.beat) in {("1", 3.0), ("1", 1.0)}
        assert violation.beat == (1.0 if chords[0][1][2] == 36 else 3.0)


def test_a_rest_frees_tendency_tones(melody_score: ScoreMaker) -> None:
    assert TENDENCY not in broken(check(melody_score("D5:2 r:2 C5:2"), UNRESOLVED))


def test_a_rule_that_the_style_allows_is_counted_but_no_violation(melody_score: ScoreMaker) -> None:
    result = check(melody_score("D5:2 C5:2"), UNRESOLVED, JAZZ)
    assert TENDENCY in broken(result)
    assert result.violations == ()
    (unresolved,) = check(melody_score("D5:2 C5:2"), UNRESOLVED).violations
    assert unresolved.what == "Alto, V to I"


def test_the_list_of_violations_is_limited_and_the_counts_are_not(
    melody_score: ScoreMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_MOST_LISTED", 1)
    chords: Halves = [("I", (67, 64, 36)), ("I", (67, 64, 36))]
    result = check(melody_score("C5:2 C5:2"), chords)
    assert len(result.violations) == 1
    assert {rule.count for rule in result.checks if rule.rule == RANGE} == {2}


@pytest.mark.parametrize(
    ("style", "strict"),
    [
        ("classical", {*PARALLELS, "direct fifth", "direct octave", "voice overlap", TENDENCY, *ALWAYS}),
        ("modal", {*PARALLELS, *ALWAYS}),
        ("jazz", ALWAYS),
        ("pop", ALWAYS),
    ],
)
def test_each_style_has_its_strict_rules(
    melody_score: ScoreMaker, style: StyleName, strict: set[str]
) -> None:
    report = harmonize(melody_score("C5 D5 E5 C5"), Request(style=style)).report
    assert {check.rule for check in report.checks if check.is_strict} == strict
    assert len(report.checks) == 11
    assert report.is_strict


@pytest.mark.parametrize(
    ("chord", "after", "pitch_class", "step", "expected"),
    [
        ("V", "I", 11, 1, True), ("V", "I", 11, -4, False), ("V", "IV", 11, -2, False),
        ("V", "ii6", 11, 3, True), ("V7/V", "V7", 6, -1, True), ("V7", "I", 5, -1, True),
        ("V7", "I", 5, 2, False), ("V7", "V7", 5, 6, True), ("ii7", "V", 0, -1, True),
        ("ii7", "I64", 0, 0, True), ("I", "V", 0, -5, True), ("V7/vi", "vi", 2, -2, True),
        ("V7/V", "V", 6, -1, False),
    ],
)  # fmt: skip
def test_tendency_tones_resolve(chord: str, after: str, pitch_class: int, step: int, expected: bool) -> None:
    one, other = CHORDS[chord], CHORDS[after]
    assert resolves(one, other, pitch_class, step) == expected
