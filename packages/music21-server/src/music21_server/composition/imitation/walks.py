"""Drawing a way through the beats that has a length, a beginning and an end."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.composition.imitation.quotation import Quotations, Runs, most_notes
from music21_server.composition.imitation.transitions import Beats, Floats
from music21_server.score.table import Integers

_MOST_DRAWS: Final = 20_000
"""Beats that are tried before it is given up: a way is found in some hundreds, or not at all."""

_AGAIN: Final = 0.1
"""How likely a beat is that has been taken already, against one that has not."""


@dataclass(frozen=True)
class Walk:
    """A way through the beats.

    Attributes:
        beats: Indices.
        draws: How many beats were tried.
    """

    beats: tuple[int, ...]
    draws: int


def messages(beats: Beats, measures: int) -> Floats:
    """Return how probable it is to end well from each beat at each moment, moments by beats.

    A way ends in the last bar, with a beat in which a work ends. Probabilities are relative to the others of
    a moment.

    Args:
        beats: To choose from.
        measures: How many bars there shall be.
    """
    count, per_bar = len(beats.contents), beats.metre.beats
    chances = _normalised(beats)
    found = np.zeros((measures * per_bar, count))
    for moment in reversed(range(len(found))):
        if moment + 1 < len(found):
            onward = chances * found[moment + 1][beats.target]
            found[moment] = np.bincount(beats.source, weights=onward, minlength=count)
        if moment >= len(found) - per_bar:
            found[moment] += beats.is_last
        found[moment] *= beats.place == moment % beats.places
        if moment < len(found) - per_bar and found[moment].any():
            found[moment] /= found[moment].max()
    return found


def _normalised(beats: Beats) -> Floats:
    """Return the probability of each succession: those from one beat add up to 1."""
    total = np.bincount(beats.source, weights=beats.odds, minlength=len(beats.contents))
    return np.asarray(beats.odds / total[beats.source], dtype=np.float64)


def walk(beats: Beats, measures: int, chance: random.Random) -> Walk | None:
    """Draw a way; None where there is none.

    Each beat is drawn with its probability given that the way must end well. What would quote too much is
    left out, and drawn anew; where nothing is left, the beat before it is.

    Args:
        beats: To choose from.
        measures: How many bars.
        chance: Decides.
    """
    ahead = messages(beats, measures)
    chances = _normalised(beats)
    edges = np.searchsorted(beats.source, np.arange(len(beats.contents) + 1))
    quotations = Quotations(beats)
    most = most_notes(len(beats.contents[0]))
    taken: list[int] = []
    runs: list[Runs] = [{}]
    used = np.zeros(len(beats.contents), dtype=np.int64)
    choices = [_choices(np.flatnonzero(beats.is_first), np.ones(int(beats.is_first.sum())), ahead[0])]
    for draws in range(_MOST_DRAWS):
        targets, weights = choices[-1]
        total = weights.sum()
        if total <= 0.0:
            choices.pop()
            if not taken:
                return None
            used[taken.pop()] -= 1
            runs.pop()
            continue
        cumulated = np.cumsum(weights * np.where(used[targets] > 0, _AGAIN, 1.0))
        place = int(np.searchsorted(cumulated, chance.random() * cumulated[-1], side="right"))
        weights[place] = 0.0
        index = int(targets[place])
        longer = quotations.extended(runs[-1], beats.contents[index])
        if max(longer.values(), default=0) > most:
            continue
        taken.append(index)
        used[index] += 1
        runs.append(longer)
        moment = len(taken)
        if beats.is_last[index]:
            return Walk(tuple(taken), draws + 1)
        successions = slice(int(edges[index]), int(edges[index + 1]))
        choices.append(_choices(beats.target[successions], chances[successions], ahead[moment]))
    return None


def _choices(targets: Integers, chances: Floats, ahead: Floats) -> tuple[Integers, Floats]:
    """Return where one may go, and how probable each is given what must come."""
    return targets, np.asarray(chances * ahead[targets], dtype=np.float64)
