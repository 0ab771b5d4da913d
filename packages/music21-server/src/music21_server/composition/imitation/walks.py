"""Draws a walk through the graph of beats with a given length, a beginning and an end."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.composition.imitation.quotation import QuotationFinder, Runs, quotation_limit
from music21_server.composition.imitation.transitions import BeatGraph, Floats
from music21_server.score.table import Integers

_MOST_DRAWS: Final = 20_000
"""Limit on the beats tried: a walk takes a few hundred, or does not exist."""

_REUSE_ODDS: Final = 0.1
"""Factor of the probability of a beat that is already in the walk."""


@dataclass(frozen=True)
class Walk:
    """A walk through the graph.

    Attributes:
        beats: Indices of the beats.
        draws: Number of beats tried.
    """

    beats: tuple[int, ...]
    draws: int


def messages(graph: BeatGraph, measures: int) -> Floats:
    """Return the probability that a walk from each beat at each moment reaches an end, moments by beats.

    A walk ends in the last bar, with a beat in which a work ends. The probabilities of one moment are
    relative to each other.

    Args:
        graph: Graph of beats.
        measures: Number of bars.
    """
    count, per_bar = len(graph.contents), graph.metre.beats
    chances = _normalised(graph)
    probability = np.zeros((measures * per_bar, count))
    for moment in reversed(range(len(probability))):
        if moment + 1 < len(probability):
            onward = chances * probability[moment + 1][graph.target]
            probability[moment] = np.bincount(graph.source, weights=onward, minlength=count)
        if moment >= len(probability) - per_bar:
            probability[moment] += graph.is_last
        probability[moment] *= graph.place == moment % graph.places
        if moment < len(probability) - per_bar and probability[moment].any():
            probability[moment] /= probability[moment].max()
    return probability


def _normalised(graph: BeatGraph) -> Floats:
    """Return the probability of each succession; those from one beat add up to 1."""
    total = np.bincount(graph.source, weights=graph.odds, minlength=len(graph.contents))
    return np.asarray(graph.odds / total[graph.source], dtype=np.float64)


def walk(graph: BeatGraph, measures: int, rng: random.Random) -> Walk | None:
    """Draw a walk; return None if there is none.

    Each beat is drawn according to its probability, given that the walk must reach an end. A beat that would
    quote too much is excluded, and where no beat is left, the previous one is drawn again.

    Args:
        graph: Graph of beats.
        measures: Number of bars.
        rng: Source of randomness.
    """
    to_end = messages(graph, measures)
    chances = _normalised(graph)
    edges = np.searchsorted(graph.source, np.arange(len(graph.contents) + 1))
    finder = QuotationFinder(graph)
    limit = quotation_limit(len(graph.contents[0]))
    taken: list[int] = []
    runs: list[Runs] = [{}]
    used = np.zeros(len(graph.contents), dtype=np.int64)
    choices = [_choices(np.flatnonzero(graph.is_first), np.ones(int(graph.is_first.sum())), to_end[0])]
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
        cumulated = np.cumsum(weights * np.where(used[targets] > 0, _REUSE_ODDS, 1.0))
        place = int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right"))
        weights[place] = 0.0
        index = int(targets[place])
        longer = finder.extend(runs[-1], graph.contents[index])
        if max(longer.values(), default=0) > limit:
            continue
        taken.append(index)
        used[index] += 1
        runs.append(longer)
        moment = len(taken)
        if graph.is_last[index]:
            return Walk(tuple(taken), draws + 1)
        successions = slice(int(edges[index]), int(edges[index + 1]))
        choices.append(_choices(graph.target[successions], chances[successions], to_end[moment]))
    return None


def _choices(targets: Integers, chances: Floats, to_end: Floats) -> tuple[Integers, Floats]:
    """Return the possible next beats and their probabilities, given that the walk must reach an end."""
    return targets, np.asarray(chances * to_end[targets], dtype=np.float64)
