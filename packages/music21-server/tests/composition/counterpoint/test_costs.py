"""Prices of views: infinite, or much for each strict rule that is broken."""

from __future__ import annotations

from math import inf

import pytest

from music21_server.composition.counterpoint.costs import Prices
from music21_server.composition.counterpoint.judgement import judges
from music21_server.composition.counterpoint.rule import Chain, Melody
from music21_server.composition.counterpoint.tones import Interval

STEP, THIRD, SEVENTH = Interval(1, 2), Interval(2, 4), Interval(6, 10)
LAWFUL = Melody(1, (STEP, THIRD))
WRONG = Melody(1, (SEVENTH,))
DOUBLY_WRONG = Melody(1, (SEVENTH, SEVENTH))
"""A seventh, and no turn after the one before, and no sixth, fifth or octave together: three rules."""


def test_a_price_is_what_the_rules_say() -> None:
    verdict = judges(1)[Melody](LAWFUL)
    assert verdict.strict == 0
    assert verdict.cost > 0
    assert Prices(1, may_break=False).of([LAWFUL]) == verdict.cost
    assert Prices(1, may_break=False).of([LAWFUL, LAWFUL]) == 2 * verdict.cost


def test_strict_rules_have_no_price_unless_they_may_be_broken() -> None:
    assert Prices(1, may_break=False).of([LAWFUL, WRONG, LAWFUL]) == inf
    assert Prices(1, may_break=True).of([LAWFUL, WRONG, LAWFUL]) < inf


def test_each_broken_rule_costs_more_than_all_preferences() -> None:
    prices = Prices(1, may_break=True)
    once, thrice = prices.of([WRONG]), prices.of([DOUBLY_WRONG])
    assert judges(1)[Melody](DOUBLY_WRONG).strict == 3
    assert thrice - judges(1)[Melody](DOUBLY_WRONG).cost == pytest.approx(
        3 * (once - judges(1)[Melody](WRONG).cost)
    )
    assert once > 100 * prices.of([LAWFUL, Chain(1, 3)])
