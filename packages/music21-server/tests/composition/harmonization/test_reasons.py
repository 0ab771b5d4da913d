"""The reason for a chord agrees with the costs of the alternatives."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from music21_server.composition.harmonization.classical import classical
from music21_server.composition.harmonization.harmonize import Request, harmonize
from music21_server.composition.harmonization.melody import melody_of
from music21_server.composition.harmonization.melody_fit import segment_notes
from music21_server.composition.harmonization.progression import (
    ProgressionCosts,
    best_progression,
    progression_costs,
)
from music21_server.composition.harmonization.reasons import Run, reason
from music21_server.composition.harmonization.segments import segments_of
from music21_server.composition.harmonization.tonality import parse_tonality
from music21_server.score.table import Score

ScoreMaker = Callable[..., Score]
LINE = "E4 G4 F4 D4 C5 A4 G4:2 r:2 G4 B4 D5 C5:2"


def costs_of(score: Score, rhythm: Any = "auto", seed: int = 4) -> ProgressionCosts:
    melody = melody_of(score)
    segments = segments_of(melody, rhythm)
    return progression_costs(
        classical(parse_tonality("C")), segments, segment_notes(melody, segments), rhythm=rhythm, seed=seed
    )


def parts(costs: ProgressionCosts, path: list[int]) -> dict[str, float]:
    """Return the cost of a path, split by grounds."""
    steps = list(enumerate(pairwise(path), start=1))
    style = costs.style
    return {
        "melody": sum(costs.fit[at, index] for at, index in enumerate(path)),
        "plainness": sum(style.metre[costs.segments[at].strength, index] for at, index in enumerate(path)),
        "opening": style.opening[path[0]],
        "seed": sum(costs.chance[at, index] for at, index in enumerate(path)),
        "moves": sum(style.moves[pair] for _, pair in steps),
        "closes": sum(costs.cadence(at)[pair] for at, pair in steps),
        "pace": sum(costs.pace(at)[pair] for at, pair in steps),
    }


@pytest.mark.parametrize("rhythm", ["auto", "beat"])
def test_lead_is_the_additional_cost_of_the_next_best_chord(melody_score: ScoreMaker, rhythm: str) -> None:
    costs = costs_of(melody_score(LINE, fifths=0), rhythm)
    chords = costs.style.chords
    path = list(best_progression(costs).path)
    whole = sum(parts(costs, path).values())
    grounds = set()
    for at, chosen in enumerate(path):
        others = {}
        for index, chord in enumerate(chords):
            has_same = set(chord.pitch_classes) == set(chords[chosen].pitch_classes)
            if chord.degree != chords[chosen].degree and not has_same:
                others[index] = [*path[:at], index, *path[at + 1 :]]
        extra = {index: sum(parts(costs, other).values()) - whole for index, other in others.items()}
        chosen_reason = reason(costs, path, path, Run(at, at), "the note")
        assert chosen_reason.lead == pytest.approx(min(extra.values()), abs=1e-3)
        rival = next(index for index in extra if chords[index].numeral == chosen_reason.next_best)
        here, there = parts(costs, path), parts(costs, others[rival])
        gains = {name: there[name] - here[name] for name in here}
        by_ground = {"approach": "moves", "departure": "moves", "cadence": "closes", "preparation": "closes"}
        # The ground is the largest gain; successions are split between their two chords.
        assert gains[by_ground.get(chosen_reason.ground, chosen_reason.ground)] > 0
        if chosen_reason.ground in gains:
            assert gains[chosen_reason.ground] >= max(
                gains[name] for name in ("melody", "plainness", "seed", "opening")
            )
        grounds.add(chosen_reason.ground)
    assert len(grounds) >= 3


def test_the_ground_is_the_only_cost_that_is_not_zero(melody_score: ScoreMaker) -> None:
    costs = costs_of(melody_score(LINE, fifths=0))
    style = costs.style
    one, four, five, six = (
        next(index for index, chord in enumerate(style.chords) if chord.numeral == numeral)
        for numeral in ("I", "IV", "V", "vi")
    )
    none = np.zeros_like
    size = len(style.chords)
    plain = {
        **{name: none(getattr(style, name)) for name in ("moves", "inner", "final", "opening", "metre")},
        "changes": (0.0,) * 4, "holds": (0.0,) * 4,
    }  # fmt: skip

    def explain(at: int, **changed: Any) -> tuple[str, str]:
        local = {"fit": none(costs.fit), "metre": none(costs.metre), "chance": none(costs.chance)}
        local |= {name: changed.pop(name) for name in tuple(changed) if name in local}
        bare = replace(costs, style=replace(style, **{**plain, **changed}), **local)
        path = [one, four, five, six, five, four, *[one] * (len(costs.segments) - 6)]
        why = reason(bare, path, path, Run(at, at), "F")
        return why.ground, why.text

    def only(chosen: int, shape: tuple[int, ...]) -> Any:
        ones = np.ones(shape)
        ones[..., chosen] = 0.0
        return ones

    assert explain(1, fit=only(four, costs.fit.shape))[0] == "melody"
    assert (
        explain(1, fit=only(four, costs.fit.shape))[1] == "It is the only chord of the style that contains F."
    )
    several = only(four, costs.fit.shape)
    several[:, one] = 0.0
    plainer = none(costs.metre)
    plainer[:, one] = 5.0  # it fits too, but costs too much
    text = explain(1, fit=several, metre=plainer)[1]
    assert text.startswith("It contains F of the melody; ")
    assert text.endswith(" does not.")
    nearly = only(four, costs.fit.shape) + 0.5
    assert explain(1, fit=nearly)[1].startswith("It fits F of the melody better than ")
    assert explain(1, metre=only(four, costs.metre.shape))[0] == "plainness"
    assert explain(1, chance=only(four, costs.chance.shape))[0] == "seed"
    opening = only(one, (size,))
    first = np.vstack([opening, none(costs.metre[1:])])  # the metre's first row includes the opening
    assert explain(0, opening=opening, metre=first)[0] == "opening"
    to_four, from_four = np.ones((size, size)), np.ones((size, size))
    to_four[one, four] = 0.0
    from_four[four, five] = 0.0
    assert explain(1, moves=to_four)[0] == "approach"
    assert explain(1, moves=to_four)[1].startswith("I usually goes to IV; ")
    assert explain(1, moves=from_four)[0] == "departure"
    assert explain(1, moves=from_four)[1].startswith("It usually goes on to V, ")
    last = len(costs.segments) - 1
    to_one, one_to = np.ones((size, size)), np.ones((size, size))
    to_one[one, one] = 0.0
    one_to[one, one] = 0.0
    assert explain(last, final=to_one)[0] == "cadence"
    assert explain(last - 1, final=one_to)[0] == "preparation"


def test_a_better_chord_with_worse_voice_leading_is_named(melody_score: ScoreMaker) -> None:
    costs = costs_of(melody_score(LINE, fifths=0))
    path = list(best_progression(costs).path)
    five = next(index for index, chord in enumerate(costs.style.chords) if chord.numeral == "V/V")
    best_path = [*path[:2], five, *path[3:]]
    chosen_reason = reason(costs, path, best_path, Run(2, 2), "F")
    assert (chosen_reason.ground, chosen_reason.text.split()[0]) == ("voices", "V/V")
    # Another inversion of the same chord is not another chord.
    chords = costs.style.chords
    turned = next(
        index
        for index, chord in enumerate(chords)
        if index != path[2] and set(chord.pitch_classes) == set(chords[path[2]].pitch_classes)
    )
    assert reason(costs, path, [*path[:2], turned, *path[3:]], Run(2, 2), "F").ground != "voices"


def test_reasons_of_a_harmonisation_name_the_neighbours(melody_score: ScoreMaker) -> None:
    report = harmonize(melody_score("C5 D5 E5 F5 E5 D5 D5 B4 C5:4", fifths=0), Request(seed=3)).report
    approached = 0
    for before, chord in pairwise(report.chords):
        if chord.ground == "approach":
            approached += 1
            assert re.match(
                rf"{before.numeral} (usually|sometimes|rarely) goes to {chord.numeral}; ", chord.why
            )
        assert chord.next_best
        assert chord.next_best != chord.numeral
    assert approached > 0
    assert any(chord.lead > 0 for chord in report.chords)


def test_a_chord_over_several_segments_has_one_reason(melody_score: ScoreMaker) -> None:
    costs = costs_of(melody_score(LINE, fifths=0))
    style = costs.style
    one, four, six = (
        next(index for index, chord in enumerate(style.chords) if chord.numeral == numeral)
        for numeral in ("I", "IV", "vi")
    )
    path = [one, four, four, six, *[one] * (len(costs.segments) - 4)]
    total = costs.local[1:3].sum(axis=0) + costs.step(1)[one] + costs.step(3)[:, six]
    chosen_reason = reason(costs, path, path, Run(1, 2), "F and D")
    (rival,) = {index for index, chord in enumerate(style.chords) if chord.numeral == chosen_reason.next_best}
    assert chosen_reason.lead == pytest.approx(total[rival] - total[four], abs=1e-3)
    for cost, frequency in ((0.4, "usually"), (1.2, "sometimes"), (1.3, "rarely")):
        moves = np.full(style.moves.shape, 9.0)
        moves[four, six] = cost
        why = reason(replace(costs, style=replace(style, moves=moves)), path, path, Run(1, 2), "F and D")
        assert why.text.startswith(f"It {frequency} goes on to vi, ")
