"""Walks through the graph of beats."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from music21_server.composition.imitation import walks
from music21_server.composition.imitation.pieces import Event, Metre, Piece
from music21_server.composition.imitation.transitions import BeatGraph, build_graph
from music21_server.composition.imitation.walks import messages, walk
from music21_server.theory.pitch.names import parse_key

METRE = Metre("2/4", 2, 480)


def rng(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - music, no secret


def small_graph() -> BeatGraph:
    """Return a graph of eight beats from eight works, so that nothing is quoted: three on place 0, five on
    place 1."""
    contents = tuple(((Event(0, 60 + index * index, 0, False),),) for index in range(8))
    edges = [
        (0, 3, 1.0), (0, 4, 0.5), (1, 3, 1.0), (1, 4, 0.1), (2, 4, 1.0), (2, 5, 1.0),
        (3, 1, 1.0), (3, 2, 0.5), (4, 1, 0.3), (4, 2, 1.0), (5, 0, 1.0), (2, 6, 0.4), (1, 7, 0.2),
        (5, 1, 0.7),
    ]  # fmt: skip
    source, target, odds = zip(*sorted(edges), strict=True)
    return BeatGraph(
        metre=METRE,
        contents=contents,
        work=np.arange(8),
        index=np.zeros(8, dtype=np.int64),
        place=np.array([0, 0, 0, 1, 1, 1, 1, 1]),
        places=2,
        is_first=np.array([True, *[False] * 7]),
        is_last=np.array([False] * 6 + [True, True]),
        source=np.array(source),
        target=np.array(target),
        odds=np.array(odds),
    )


def all_walks(beats: BeatGraph, measures: int) -> dict[tuple[int, ...], float]:
    """Return the probability of every walk, by enumeration."""
    total: Counter[int] = Counter()
    for source, odds in zip(beats.source.tolist(), beats.odds.tolist(), strict=True):
        total[source] += odds
    chances = {
        (source, target): odds / total[source]
        for source, target, odds in zip(
            beats.source.tolist(), beats.target.tolist(), beats.odds.tolist(), strict=True
        )
    }
    probabilities = {}
    for way in itertools.product(range(8), repeat=measures * 2):
        if not beats.is_first[way[0]] or not beats.is_last[way[-1]] or beats.is_last[list(way[:-1])].any():
            continue
        probability = 1.0
        for pair in itertools.pairwise(way):
            probability *= chances.get(pair, 0.0)
        if probability:
            probabilities[way] = probability
    whole = sum(probabilities.values())
    return {way: probability / whole for way, probability in probabilities.items()}


def test_walks_are_drawn_according_to_their_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "_REUSE_ODDS", 1.0)
    beats = small_graph()
    expected = all_walks(beats, 3)
    assert len(expected) > 5
    drawn: Counter[tuple[int, ...]] = Counter()
    times = 1500
    dice = rng(1)
    for _ in range(times):
        way = walk(beats, 3, dice)
        assert way is not None
        drawn[way.beats] += 1
    assert set(drawn) <= set(expected)
    # Chi-squared with one degree of freedom less than walks: 4.5 standard deviations above its mean.
    chi = sum((drawn[way] - times * share) ** 2 / (times * share) for way, share in expected.items())
    freedom = len(expected) - 1
    assert chi < freedom + 4.5 * (2 * freedom) ** 0.5


def test_messages_are_positive_where_an_end_can_be_reached() -> None:
    to_end = messages(small_graph(), 2)
    assert (to_end[-1] > 0).nonzero()[0].tolist() == [6, 7]
    assert (to_end[-2] > 0).nonzero()[0].tolist() == [1, 2]


def test_no_walk_is_none() -> None:
    beats = small_graph()
    assert walk(replace(beats, is_last=np.zeros(8, dtype=np.bool_)), 3, rng(0)) is None
    assert walk(replace(beats, is_first=np.zeros(8, dtype=np.bool_)), 3, rng(0)) is None
    assert walk(beats, 1, rng(0)) is None


def test_the_search_for_a_walk_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    path = walk(small_graph(), 3, rng(0))
    assert path is not None
    assert path.draws == len(path.beats) == 6
    monkeypatch.setattr(walks, "_MOST_DRAWS", 5)
    assert walk(small_graph(), 3, rng(0)) is None


def test_a_walk_that_must_quote_too_much_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    beats = replace(small_graph(), work=np.zeros(8, dtype=np.int64), index=np.arange(8))
    monkeypatch.setattr(walks, "quotation_limit", lambda _voices: 0)
    assert walk(beats, 3, rng(0)) is None


def test_a_rejected_beat_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """After backtracking from a quotation the walk continues as if it had not been tried.

    Beats 0 to 3 are a work, of which at most three notes may be quoted: 0, 1, 2, 3 is tried first and given
    up. Then 2 is as likely as 6, and 4, though it has the same note as 3, quotes nothing after 1.
    """
    pitches = (60, 61, 64, 69, 69, 85, 96, 43)
    beats = replace(
        small_graph(),
        contents=tuple(((Event(0, pitch, 0, False),),) for pitch in pitches),
        work=np.array([0, 0, 0, 0, 1, 2, 3, 4]),
        index=np.array([0, 1, 2, 3, 0, 0, 0, 0]),
        place=np.array([0, 1, 0, 1, 0, 1, 0, 1]),
        is_last=np.array([False, False, False, True, False, False, False, True]),
        source=np.array([0, 1, 1, 2, 3, 4, 5, 5, 6]),
        target=np.array([1, 2, 4, 3, 6, 5, 2, 6, 7]),
        odds=np.array([1.0, 1.0, 0.001, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    )
    monkeypatch.setattr(walks, "quotation_limit", lambda _voices: 3)
    drawn_walks = [walk(beats, 3, rng(seed)) for seed in range(200)]
    drawn = Counter(way.beats for way in drawn_walks if way is not None)
    assert set(drawn) == {(0, 1, 4, 5, 2, 3), (0, 1, 4, 5, 6, 7)}
    assert drawn.total() == len(drawn_walks)
    assert 0.4 < drawn[0, 1, 4, 5, 2, 3] / len(drawn_walks) < 0.6


def test_beats_are_rarely_reused(chorales: tuple[Piece, ...]) -> None:
    pieces = [piece for piece in chorales if piece.metre.text == "4/4" and piece.key.mode == "major"]
    beats = build_graph([piece for piece in pieces if len(piece.voices) == 4], parse_key("G"))
    drawn_walks = [walk(beats, 16, rng(seed)) for seed in range(5)]
    for way in drawn_walks:
        assert way is not None
        assert len(way.beats) > 60
        assert max(Counter(way.beats).values()) <= 3
    assert len({way.beats for way in drawn_walks if way}) == 5
