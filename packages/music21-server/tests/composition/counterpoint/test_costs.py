"""Costs of rules: what each preference costs, and where each limit of a rule lies."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from music21_server.composition.counterpoint.cantus import read_tone
from music21_server.composition.counterpoint.costs import RuleCosts
from music21_server.composition.counterpoint.rule import (
    Accents,
    Attack,
    Cadence,
    Chain,
    Contour,
    Figure,
    Inflection,
    Melody,
    Motion,
    RhythmChoice,
    Sonority,
    Suspension,
)
from music21_server.composition.counterpoint.tones import Degree, Interval
from music21_server.composition.counterpoint.verdicts import RULES, judges

UNISON, STEP, THIRD, FOURTH, FIFTH = (
    Interval(0, 0), Interval(1, 2), Interval(2, 4), Interval(3, 5), Interval(4, 7),
)  # fmt: skip
SEVENTH, OCTAVE, TENTH = Interval(6, 10), Interval(7, 12), Interval(9, 16)
DOWN = Interval(-1, -2)
LAWFUL = Melody(1, (STEP, THIRD))
WRONG = Melody(1, (SEVENTH,))
DOUBLY_WRONG = Melody(1, (SEVENTH, SEVENTH))
"""Breaks three rules: a seventh; no turn after the one before; together they span more than an octave."""


def melody(*moves: Interval, species: int = 1) -> Melody:
    return Melody(species, moves)


def contour(
    outline: Interval, heading: int, move: Interval, from_highest: Interval, *, is_last: bool = False
) -> Contour:
    return Contour(outline, heading, move, STEP, from_highest, is_climax_repeated=False, is_last=is_last)


def sonority(between: Interval, *, onset: int = 0, duration: int = 8, species: int = 1) -> Sonority:
    return Sonority(
        species, "above", between, onset, duration, is_tied=False, is_beginning=False, is_last_measure=False
    )


def motion(before: Interval, now: Interval, cantus: Interval, line: Interval) -> Motion:
    return Motion(1, "above", before, now, cantus, line)


def rhythm(species: int, *, cost: float = 0.0, times: int = 1, tied: bool = True, eighths: int = 0) -> Any:
    return RhythmChoice(
        species, cost, begins_tied=tied, has_eighths=eighths > 0, had_eighths=eighths > 1, times=times
    )


def accents(onset: int, species: int) -> Accents:
    """Return an octave D-D on the second half that moves to C-C."""
    d4, c4, d5, c5, a4 = map(read_tone, ("D4", "C4", "D5", "C5", "A4"))
    return Accents(
        species, "above", d4, c4, a4, d5, c5, onset, is_tied=False, is_resolution=False
    )  # fmt: skip


def inflection(name: str, *, lowered: bool) -> Inflection:
    return Inflection((read_tone("A4"),), read_tone(name), (), None, None, is_lowered=lowered)


PREFERENCES: list[tuple[str, Any, int, float]] = [
    ("steps prevail", melody(STEP), 1, 0.0),
    ("steps prevail", melody(THIRD), 1, 0.4),
    ("steps prevail", melody(FOURTH), 1, 1.0),
    ("steps prevail", melody(FIFTH), 1, 1.6),
    ("steps prevail", melody(Interval(5, 8)), 1, 3.0),
    ("steps prevail", melody(SEVENTH), 1, 9.0),
    ("steps prevail", melody(OCTAVE), 1, 3.0),
    ("steps prevail", melody(Interval(8, 14)), 1, 3.0),
    ("repetition", melody(UNISON), 1, 2.0),
    ("balanced leap", melody(FOURTH, STEP), 1, 1.0),
    ("balanced leap", melody(STEP, FIFTH), 1, 1.0),
    ("balanced leap", melody(FOURTH, FIFTH), 1, 2.0),
    ("balanced leap", melody(FOURTH, DOWN), 1, 0.0),
    ("balanced leap", melody(THIRD, FOURTH), 1, 0.0),
    ("two leaps", melody(THIRD, Interval(-2, -4)), 1, 0.8),
    ("two leaps", melody(THIRD, DOWN), 1, 0.0),
    ("to and fro", melody(STEP, DOWN, STEP), 1, 3.0),
    ("turning back", melody(STEP, DOWN, species=3), 3, 0.4),
    ("outlined dissonance", contour(SEVENTH, 1, DOWN, DOWN), 1, 1.0),
    ("outlined dissonance", contour(Interval(4, 6), 1, DOWN, DOWN), 1, 1.0),
    ("climax inside", contour(STEP, 1, STEP, STEP, is_last=True), 1, 2.0),
    ("close voices", sonority(TENTH), 1, 0.0),
    ("close voices", sonority(Interval(10, 17)), 1, 1.0),
    ("close voices", sonority(Interval(11, 19)), 1, 2.0),
    ("imperfect consonances", sonority(OCTAVE), 1, 1.5),
    ("imperfect consonances", sonority(FIFTH), 1, 0.8),
    ("imperfect consonances", sonority(THIRD), 1, 0.0),
    ("contrary motion", motion(THIRD, THIRD, STEP, STEP), 1, 0.5),
    ("contrary motion", motion(FIFTH, THIRD, STEP, DOWN), 1, 0.0),
    ("both leap", motion(THIRD, Interval(5, 9), THIRD, FOURTH), 1, 2.0),
    ("battuta", motion(TENTH, OCTAVE, THIRD, DOWN), 1, 1.0),
    ("mi contra fa", motion(THIRD, THIRD, STEP, STEP), 1, 1.0),
    ("parallels off the beat", accents(4, 2), 2, 1.0),
    ("chain on downbeats", Chain(2, 3), 2, 0.0),
    ("chain on downbeats", Chain(2, 4), 2, 1.0),
    ("musica ficta", inflection("B-4", lowered=True), 1, 3.0),
    (
        "leap up from the beat",
        Figure(3, None, Attack(0, 2, is_dissonant=False), Attack(2, 2, is_dissonant=False), None, THIRD, ""),
        3, 0.8,
    ),
    ("better suspensions", Suspension("above", Interval(8, 14)), 4, 1.0),
    ("better suspensions", Suspension("above", Interval(6, 11)), 4, 0.0),
    ("varied rhythm", rhythm(5, times=2), 5, 2.0),
    ("sparing eighths", rhythm(5, eighths=2), 5, 1.0),
    ("ligatures", rhythm(5, tied=False), 5, 0.5),
    ("unbroken ligatures", rhythm(4, cost=6.0), 4, 6.0),
    ("two to one", rhythm(2, cost=4.0), 2, 4.0),
]  # fmt: skip
"""Rule, a view that only this preference decides, species, and the cost of the view."""


@pytest.mark.parametrize(("name", "view", "species", "cost"), PREFERENCES)
def test_each_preference_has_its_cost(name: str, view: Any, species: int, cost: float) -> None:
    (rule,) = [rule for rule in RULES if rule.name == name]
    assert not rule.is_strict
    assert species in rule.species
    assert rule.severity(view) * rule.cost == pytest.approx(cost)


def test_every_preference_has_a_cost_in_the_table() -> None:
    assert {rule.name for rule in RULES if not rule.is_strict} == {
        name for name, _, _, cost in PREFERENCES if cost
    }


def figure(onset: int, *, species: int, into: Interval, out: Interval) -> Figure:
    """Return three quarters of which the middle one, at an onset, is dissonant."""
    return Figure(
        species,
        Attack(onset - 2, 2, is_dissonant=False),
        Attack(onset, 2, is_dissonant=True),
        Attack(onset + 2, 2, is_dissonant=False),
        into,
        out,
        "",
    )


def cadence(before: str, now: str | None, *, cantus: str = "E4") -> Cadence:
    final, leading = Degree(1, 2), Degree(0, 1)
    last = read_tone(now) if now else None
    return Cadence(read_tone(cantus), read_tone("D4"), read_tone(before), last, final, leading)


LIMITS: list[tuple[str, Any, Any]] = [
    ("melodic interval", melody(Interval(5, 8)), melody(Interval(5, 9))),
    ("melodic interval", melody(Interval(-4, -7)), melody(Interval(-5, -8))),
    ("leap is recovered", melody(FOURTH, STEP), melody(FIFTH, STEP)),
    ("successive leaps", melody(THIRD, Interval(2, 3)), melody(THIRD, THIRD)),
    ("repeated note", melody(STEP, UNISON), melody(UNISON, UNISON)),
    ("repeated note", melody(STEP, species=2), melody(UNISON, species=2)),
    ("range", contour(STEP, 1, STEP, TENTH), contour(STEP, 1, STEP, Interval(9, 17))),
    ("range", contour(STEP, 1, STEP, TENTH), contour(STEP, 1, STEP, Interval(10, 16))),
    ("outlined tritone", contour(FOURTH, 1, DOWN, DOWN), contour(Interval(3, 6), 1, DOWN, DOWN)),
    ("distance", sonority(Interval(11, 19)), sonority(Interval(12, 20))),
    ("struck dissonance", sonority(STEP, onset=2, duration=2, species=5),
     sonority(STEP, onset=4, duration=4, species=5)),
    ("unison inside", sonority(OCTAVE), sonority(UNISON)),
    ("voice crossing", sonority(UNISON), sonority(DOWN)),
    ("parallel perfect consonances", motion(FIFTH, FIFTH, UNISON, UNISON), motion(FIFTH, FIFTH, STEP, STEP)),
    ("direct perfect consonances", motion(THIRD, FIFTH, DOWN, STEP), motion(THIRD, FIFTH, STEP, THIRD)),
    ("overlap", motion(THIRD, THIRD, THIRD, THIRD), motion(THIRD, THIRD, FOURTH, FOURTH)),
    ("chain of thirds or sixths", Chain(1, 3), Chain(1, 4)),
    ("dissonance left", figure(4, species=3, into=STEP, out=STEP),
     figure(4, species=3, into=STEP, out=DOWN)),
    ("dissonance left", figure(2, species=3, into=DOWN, out=Interval(-2, -3)),
     figure(4, species=3, into=DOWN, out=Interval(-2, -3))),
    ("kind of suspension", Suspension("above", Interval(8, 14)), Suspension("above", Interval(1, 2))),
    ("kind of suspension", Suspension("below", Interval(4, 6)), Suspension("below", Interval(6, 10))),
    ("monotonous rhythm", rhythm(5, times=2), rhythm(5, times=3)),
    ("cadence", cadence("C#5", None), cadence("C5", None)),
    ("cadence", cadence("C#5", "D5"), cadence("A4", "D5")),
    ("raised notes", Inflection((read_tone("C#5"),), read_tone("D5"), (), Degree(0, 1), None, False),
     Inflection((read_tone("C#5"),), read_tone("A4"), (), Degree(0, 1), None, False)),
]  # fmt: skip
"""Strict rule, the last view that keeps it, and the first that breaks it."""


@pytest.mark.parametrize(("name", "kept", "broken"), LIMITS)
def test_each_strict_rule_has_its_limit(name: str, kept: Any, broken: Any) -> None:
    (rule,) = [rule for rule in RULES if rule.name == name]
    assert rule.is_strict
    assert not rule.severity(kept)
    assert rule.severity(broken)


def test_cost_of_views_is_the_sum_of_their_preferences() -> None:
    verdict = judges(1)[Melody](LAWFUL)
    assert verdict.strict == 0
    assert verdict.cost > 0
    assert RuleCosts(1, may_break=False).total([LAWFUL]) == verdict.cost
    assert RuleCosts(1, may_break=False).total([LAWFUL, LAWFUL]) == 2 * verdict.cost


def test_a_broken_strict_rule_costs_infinity_unless_it_may_be_broken() -> None:
    assert RuleCosts(1, may_break=False).total([LAWFUL, WRONG, LAWFUL]) == inf
    assert RuleCosts(1, may_break=True).total([LAWFUL, WRONG, LAWFUL]) < inf


def test_each_broken_strict_rule_costs_1000_more_than_all_preferences() -> None:
    costs = RuleCosts(1, may_break=True)
    assert judges(1)[Melody](DOUBLY_WRONG).strict == 3
    assert costs.total([WRONG]) - judges(1)[Melody](WRONG).cost == pytest.approx(1000.0)
    assert costs.total([DOUBLY_WRONG]) - judges(1)[Melody](DOUBLY_WRONG).cost == pytest.approx(3000.0)
