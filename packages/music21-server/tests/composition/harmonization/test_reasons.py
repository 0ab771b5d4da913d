"""Reasons are what they say: what would have been dearer with another chord."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from music21_server.composition.harmonization.classical import classical
from music21_server.composition.harmonization.harmonize import Request, harmonize
from music21_server.composition.harmonization.melody import melody_of
from music21_server.composition.harmonization.melody_fit import soundings
from music21_server.composition.harmonization.progression import Choices, best_progression, choices
from music21_server.composition.harmonization.reasons import Run, reason
from music21_server.composition.harmonization.segments import segments_of
from music21_server.composition.harmonization.tonality import parse_tonality
from music21_server.score.table import Score

ScoreMaker = Callable[..., Score]
LINE = "E4 G4 F4 D4 C5 A4 G4:2 r:2 G4 B4 D5 C5:2"


def possible(score: Score, rhythm: Any = "auto", seed: int = 4) -> Choices:
    melody = melody_of(score)
    segments = segments_of(melody, rhythm)
    return choices(
        classical(parse_tonality("C")), segments, soundings(melody, segments), rhythm=rhythm, seed=seed
    )


def parts(found: Choices, path: list[int]) -> dict[str, float]:
    """Return what a path costs, by grounds: a succession by the one it goes from and to."""
    steps = list(enumerate(pairwise(path), start=1))
    style = found.style
    return {
        "melody": sum(found.fit[at, index] for at, index in enumerate(path)),
        "plainness": sum(style.metre[found.segments[at].strength, index] for at, index in enumerate(path)),
        "opening": style.opening[path[0]],
        "seed": sum(found.chance[at, index] for at, index in enumerate(path)),
        "moves": sum(style.moves[pair] for _, pair in steps),
        "closes": sum(found.cadence(at)[pair] for at, pair in steps),
        "pace": sum(found.pace(at)[pair] for at, pair in steps),
    }


@pytest.mark.parametrize("rhythm", ["auto", "beat"])
def test_a_lead_is_what_the_next_best_chord_would_have_cost(melody_score: ScoreMaker, rhythm: str) -> None:
    found = possible(melody_score(LINE, fifths=0), rhythm)
    chords = found.style.chords
    path = list(best_progression(found).path)
    whole = sum(parts(found, path).values())
    grounds = set()
    for at, chosen in enumerate(path):
        others = {}
        for index, chord in enumerate(chords):
            has_same = set(chord.pitch_classes) == set(chords[chosen].pitch_classes)
            if chord.degree != chords[chosen].degree and not has_same:
                others[index] = [*path[:at], index, *path[at + 1 :]]
        costs = {index: sum(parts(found, other).values()) - whole for index, other in others.items()}
        told = reason(found, path, path, Run(at, at), "the note")
        assert told.lead == pytest.approx(min(costs.values()), abs=1e-3)
        rival = next(index for index in costs if chords[index].numeral == told.next_best)
        here, there = parts(found, path), parts(found, others[rival])
        gains = {name: there[name] - here[name] for name in here}
        by_ground = {"approach": "moves", "departure": "moves", "cadence": "closes", "preparation": "closes"}
        # The ground is what changes most; of a succession one of its ends.
        assert gains[by_ground.get(told.ground, told.ground)] > 0
        if told.ground in gains:
            assert gains[told.ground] >= max(
                gains[name] for name in ("melody", "plainness", "seed", "opening")
            )
        grounds.add(told.ground)
    assert len(grounds) >= 3


def test_grounds_are_those_that_speak_most(melody_score: ScoreMaker) -> None:
    """With all other costs at nothing, each ground is the one that is left."""
    found = possible(melody_score(LINE, fifths=0))
    style = found.style
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

    def told(at: int, **changed: Any) -> tuple[str, str]:
        local = {"fit": none(found.fit), "metre": none(found.metre), "chance": none(found.chance)}
        local |= {name: changed.pop(name) for name in tuple(changed) if name in local}
        bare = replace(found, style=replace(style, **{**plain, **changed}), **local)
        path = [one, four, five, six, five, four, *[one] * (len(found.segments) - 6)]
        why = reason(bare, path, path, Run(at, at), "F")
        return why.ground, why.text

    def only(chosen: int, shape: tuple[int, ...]) -> Any:
        costs = np.ones(shape)
        costs[..., chosen] = 0.0
        return costs

    assert told(1, fit=only(four, found.fit.shape))[0] == "melody"
    assert told(1, fit=only(four, found.fit.shape))[1] == "It is the only chord of the style that has F."
    several = only(four, found.fit.shape)
    several[:, one] = 0.0
    plainer = none(found.metre)
    plainer[:, one] = 5.0  # it fits too, and is out of the question
    text = told(1, fit=several, metre=plainer)[1]
    assert text.startswith("It has F of the melody, ")
    assert text.endswith(" has not.")
    nearly = only(four, found.fit.shape) + 0.5
    assert told(1, fit=nearly)[1].startswith("It fits F of the melody better than ")
    assert told(1, metre=only(four, found.metre.shape))[0] == "plainness"
    assert told(1, chance=only(four, found.chance.shape))[0] == "seed"
    opening = only(one, (size,))
    first = np.vstack([opening, none(found.metre[1:])])  # what the opening costs is in the metre's first row
    assert told(0, opening=opening, metre=first)[0] == "opening"
    to_four, from_four = np.ones((size, size)), np.ones((size, size))
    to_four[one, four] = 0.0
    from_four[four, five] = 0.0
    assert told(1, moves=to_four)[0] == "approach"
    assert told(1, moves=to_four)[1].startswith("I goes to IV as a rule, ")
    assert told(1, moves=from_four)[0] == "departure"
    assert told(1, moves=from_four)[1].startswith("It goes on to V as a rule, which ")
    last = len(found.segments) - 1
    to_one, one_to = np.ones((size, size)), np.ones((size, size))
    to_one[one, one] = 0.0
    one_to[one, one] = 0.0
    assert told(last, final=to_one)[0] == "cadence"
    assert told(last - 1, final=one_to)[0] == "preparation"


def test_voices_have_the_last_word(melody_score: ScoreMaker) -> None:
    found = possible(melody_score(LINE, fifths=0))
    path = list(best_progression(found).path)
    five = next(index for index, chord in enumerate(found.style.chords) if chord.numeral == "V/V")
    wanted = [*path[:2], five, *path[3:]]
    told = reason(found, path, wanted, Run(2, 2), "F")
    assert (told.ground, told.text.split()[0]) == ("voices", "V/V")
    # Another inversion of the same chord is no other chord.
    chords = found.style.chords
    turned = next(
        index
        for index, chord in enumerate(chords)
        if index != path[2] and set(chord.pitch_classes) == set(chords[path[2]].pitch_classes)
    )
    assert reason(found, path, [*path[:2], turned, *path[3:]], Run(2, 2), "F").ground != "voices"


def test_how_often_a_succession_comes_is_told(melody_score: ScoreMaker) -> None:
    report = harmonize(melody_score("C5 D5 E5 F5 E5 D5 D5 B4 C5:4", fifths=0), Request(seed=3)).report
    for chord, before in zip(report.chords[1:], report.chords, strict=False):
        if chord.ground == "approach":
            assert chord.why.startswith(f"{before.numeral} goes to {chord.numeral} ")
        assert chord.next_best
        assert chord.next_best != chord.numeral
    assert any(chord.lead > 0 for chord in report.chords)


def test_a_chord_over_several_segments_is_told_as_one(melody_score: ScoreMaker) -> None:
    found = possible(melody_score(LINE, fifths=0))
    style = found.style
    one, four, six = (
        next(index for index, chord in enumerate(style.chords) if chord.numeral == numeral)
        for numeral in ("I", "IV", "vi")
    )
    path = [one, four, four, six, *[one] * (len(found.segments) - 4)]
    total = found.local[1:3].sum(axis=0) + found.step(1)[one] + found.step(3)[:, six]
    told = reason(found, path, path, Run(1, 2), "F and D")
    (rival,) = {index for index, chord in enumerate(style.chords) if chord.numeral == told.next_best}
    assert told.lead == pytest.approx(total[rival] - total[four], abs=1e-3)
    for cost, often in ((0.4, "as a rule"), (1.0, "now and then"), (2.0, "rarely")):
        moves = np.full(style.moves.shape, 9.0)
        moves[four, six] = cost
        why = reason(replace(found, style=replace(style, moves=moves)), path, path, Run(1, 2), "F and D")
        assert why.text.startswith(f"It goes on to vi {often}, ")
