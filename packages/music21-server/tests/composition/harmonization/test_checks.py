"""Rules are counted in the finished score, wherever they are broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from music21_server.composition.harmonization import checks
from music21_server.composition.harmonization.checks import RANGE, TENDENCY, Verdict, checked
from music21_server.composition.harmonization.classical import MANNER, classical
from music21_server.composition.harmonization.harmonize import Request, harmonize
from music21_server.composition.harmonization.jazz import MANNER as JAZZ
from music21_server.composition.harmonization.layout import Span, laid_out
from music21_server.composition.harmonization.melody import melody_of
from music21_server.composition.harmonization.style import Manner, StyleName
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


def verdict(score: Score, chords: Halves, manner: Manner = MANNER) -> Verdict:
    """Check chords of half notes below a melody of half notes."""
    melody = melody_of(score)
    spans = [
        Span(note.start, note.start + 96, index, CHORDS[numeral], pitches)
        for index, (note, (numeral, pitches)) in enumerate(zip(melody.notes, chords, strict=True))
    ]
    return checked(laid_out(melody, KEY, spans, SATB, title="t"), spans, SATB, manner)


def broken(found: Verdict) -> set[str]:
    return {check.rule for check in found.checks if check.found}


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
def test_each_rule_is_found_where_it_is_broken(
    melody_score: ScoreMaker, line: str, chords: Halves, rules: set[str]
) -> None:
    found = verdict(melody_score(line), chords)
    assert broken(found) >= rules
    assert bool(broken(found)) == bool(rules)
    assert {violation.rule for violation in found.violations} == broken(found)
    for violation in found.violations:
        assert (violation.measure, violation.beat) in {("1", 3.0), ("1", 1.0)}
        assert violation.beat == (1.0 if chords[0][1][2] == 36 else 3.0)


def test_nothing_resolves_over_a_rest(melody_score: ScoreMaker) -> None:
    assert TENDENCY not in broken(verdict(melody_score("D5:2 r:2 C5:2"), UNRESOLVED))


def test_what_a_style_allows_is_counted_and_no_violation(melody_score: ScoreMaker) -> None:
    found = verdict(melody_score("D5:2 C5:2"), UNRESOLVED, JAZZ)
    assert TENDENCY in broken(found)
    assert found.violations == ()
    (unresolved,) = verdict(melody_score("D5:2 C5:2"), UNRESOLVED).violations
    assert unresolved.what == "Alto, V to I"


def test_violations_are_listed_up_to_a_bound(
    melody_score: ScoreMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_MOST_LISTED", 1)
    chords: Halves = [("I", (67, 64, 36)), ("I", (67, 64, 36))]
    found = verdict(melody_score("C5:2 C5:2"), chords)
    assert len(found.violations) == 1
    assert {check.found for check in found.checks if check.rule == RANGE} == {2}


@pytest.mark.parametrize(
    ("style", "strict"),
    [
        ("classical", {*PARALLELS, "direct fifth", "direct octave", "voice overlap", TENDENCY, *ALWAYS}),
        ("modal", {*PARALLELS, *ALWAYS}),
        ("jazz", ALWAYS),
        ("pop", ALWAYS),
    ],
)
def test_what_a_style_forbids(melody_score: ScoreMaker, style: StyleName, strict: set[str]) -> None:
    report = harmonize(melody_score("C5 D5 E5 C5"), Request(style=style)).report
    assert {check.rule for check in report.checks if check.is_strict} == strict
    assert len(report.checks) == 11
    assert report.is_strict
