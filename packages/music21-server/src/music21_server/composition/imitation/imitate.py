"""Composes an imitation: selects works, draws a walk through their beats and evaluates the result."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from music21_server.composition.imitation.notation import to_score
from music21_server.composition.imitation.pieces import Piece, reduce_voices
from music21_server.composition.imitation.quotation import Quotation, QuotationFinder, quotation_limit
from music21_server.composition.imitation.similarity import Distribution, Passage, distances, profile
from music21_server.composition.imitation.transitions import BeatGraph, build_graph
from music21_server.composition.imitation.walks import Walk, walk
from music21_server.errors import ScoreError
from music21_server.score.table import Score
from music21_server.theory.pitch.mode import Mode
from music21_server.theory.pitch.names import Key

PHRASE_BARS: Final = 4
"""Length of the phrases in which single melodies, such as songs and dances, keep the place of each beat."""

_LEAST_BEATS: Final = 300
"""Number of beats below which works with more voices than requested are used too."""

_LEAST_SHARE: Final = 0.25
"""Smallest share of beats of a metre and mode, relative to the most frequent ones, to be drawn."""

_MOST_JUDGED: Final = 24
"""Largest number of works whose own distance to all works is measured."""


@dataclass(frozen=True)
class Imitation:
    """New music and its evaluation.

    Attributes:
        score: The new score.
        key: Key of the score.
        pieces: Works that it was drawn from.
        graph: Graph of their beats, in the key of the score.
        walk: Walk through the graph.
        quotation: Longest literal quotation.
        quotation_limit: Largest number of notes that may be quoted in succession.
        distances: Distances to the works, by feature.
        own_distance: Mean distance of one of these works to all of them.
        profile: Distributions of the new music.
    """

    score: Score
    key: Key
    pieces: tuple[Piece, ...]
    graph: BeatGraph
    walk: Walk
    quotation: Quotation
    quotation_limit: int
    distances: Mapping[str, float]
    own_distance: float
    profile: Mapping[str, Distribution]


def imitate(
    pieces: Sequence[Piece], title: str, *, measures: int, voices: int | None, key: Key | None, seed: int
) -> Imitation:
    """Compose new music in the style of some works.

    Args:
        pieces: The works.
        title: Title of the new score.
        measures: Number of bars.
        voices: Number of voices; None for as many as most of the works have.
        key: Key; None for the key of one of the works.
        seed: Seed of all random choices.

    Raises:
        ScoreError: There is too little music to learn from.
    """
    rng = random.Random(seed)  # noqa: S311 - music, no secret
    count = voices or _usual_voices(pieces)
    suitable = with_voices(pieces, count)
    if key is not None:
        suitable = _in_mode(suitable, key.mode)
    for chosen in _draw_groups(suitable, rng):
        if sum(len(piece.beats) for piece in chosen) < measures * chosen[0].metre.beats:
            continue  # the result must not be longer than the works
        target_key = key or rng.choice([piece.key for piece in chosen])
        for phrase_bars in _phrases(count, measures):
            graph = build_graph(chosen, target_key, phrase_bars)
            path = walk(graph, measures, rng)
            if path is not None:
                names = _names(chosen, count)
                contents = [graph.contents[index] for index in path.beats]
                score = to_score(
                    contents, graph.metre, target_key, measures=measures, voices=names, title=title
                )
                return _evaluate(chosen, graph, path, target_key, score)
    beats = sum(len(piece.beats) for piece in suitable)
    raise ScoreError(
        f"Expected enough music in one metre and mode to learn {measures} bars for {count} voices from, "
        f"got {len(suitable)} works with {beats:,} beats: a result is at most as long as the works, and "
        f"quotes at most {quotation_limit(count)} successive notes of one work. Give more or longer works "
        "of one style, or ask for other voices, another key or another number of measures."
    )


def _phrases(voices: int, measures: int) -> tuple[int, ...]:
    return (PHRASE_BARS, 1) if voices == 1 and measures % PHRASE_BARS == 0 else (1,)


def _usual_voices(pieces: Sequence[Piece]) -> int:
    beats: Counter[int] = Counter()
    for piece in pieces:
        beats[len(piece.voices)] += len(piece.beats)
    return beats.most_common(1)[0][0]


def with_voices(pieces: Sequence[Piece], voices: int) -> tuple[Piece, ...]:
    """Return the works with a number of voices; if they are few, also reductions of works with more voices.

    Raises:
        ScoreError: No work has so many voices.
    """
    suitable = tuple(piece for piece in pieces if len(piece.voices) == voices)
    if sum(len(piece.beats) for piece in suitable) < _LEAST_BEATS:
        suitable += tuple(reduce_voices(piece, voices) for piece in pieces if len(piece.voices) > voices)
    if not suitable:
        most = max(len(piece.voices) for piece in pieces)
        raise ScoreError(f"Expected at most {most} voices, which the works of this style have, got {voices}.")
    return suitable


def _in_mode(pieces: Sequence[Piece], mode: Mode) -> tuple[Piece, ...]:
    suitable = tuple(piece for piece in pieces if piece.key.mode == mode)
    if not suitable:
        keys = ", ".join(sorted({piece.key.text for piece in pieces}))
        raise ScoreError(
            f"Expected a key of the mode that the works have ({keys}), got a {mode} one: ask for another key."
        )
    return suitable


def _draw_groups(pieces: Sequence[Piece], rng: random.Random) -> Iterator[tuple[Piece, ...]]:
    """Yield the works of one metre and mode after another, in random order weighted by their beats."""
    beats: Counter[tuple[str, str]] = Counter()
    works: Counter[tuple[str, str]] = Counter()
    for piece in pieces:
        beats[piece.metre.text, piece.key.mode] += len(piece.beats)
        works[piece.metre.text, piece.key.mode] += 1
    if max(works.values()) > 1:  # a style is what several works have in common
        beats = Counter({group: count for group, count in beats.items() if works[group] > 1})
    least = _LEAST_SHARE * max(beats.values())
    groups = sorted(group for group, count in beats.items() if count >= least)
    while groups:
        group = rng.choices(groups, [beats[candidate] for candidate in groups])[0]
        groups.remove(group)
        yield tuple(piece for piece in pieces if (piece.metre.text, piece.key.mode) == group)


def _evaluate(pieces: tuple[Piece, ...], graph: BeatGraph, path: Walk, key: Key, score: Score) -> Imitation:
    contents = tuple(graph.contents[index] for index in path.beats)
    ticks = graph.metre.beat_ticks
    own_profile = profile([Passage(contents, ticks, key.pitch_class)])
    works_profile = profile(passage for piece in pieces for passage in passages(piece))
    sample = pieces[:: -(-len(pieces) // _MOST_JUDGED)]
    own_distances = [distances(profile(passages(piece)), works_profile)["mean"] for piece in sample]
    return Imitation(
        score=score,
        key=key,
        pieces=pieces,
        graph=graph,
        walk=path,
        quotation=QuotationFinder(graph).longest(contents),
        quotation_limit=quotation_limit(len(contents[0])),
        distances=distances(own_profile, works_profile),
        own_distance=sum(own_distances) / len(own_distances),
        profile=own_profile,
    )


def passages(piece: Piece) -> Iterator[Passage]:
    """Yield the passages of a work without gaps."""
    begin = 0
    for index in range(1, len(piece.beats) + 1):
        if index == len(piece.beats) or not piece.follows[index]:
            yield Passage(piece.beats[begin:index], piece.metre.beat_ticks, piece.key.pitch_class)
            begin = index


def _names(pieces: Sequence[Piece], count: int) -> tuple[str, ...]:
    """Return the names that most works give to their voices; numbered names if they give none."""
    usual, _ = Counter(piece.voices for piece in pieces).most_common(1)[0]
    if count == 1:
        return (usual[0] or "Melody",)
    return tuple(name or f"Voice {number}" for number, name in enumerate(usual, start=1))
