"""Imitations: which works are learned from, what is drawn from them, and how alike it came out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from music21_server.composition.imitation.notation import notated
from music21_server.composition.imitation.pieces import Piece, reduced
from music21_server.composition.imitation.quotation import Quotation, Quotations, most_notes
from music21_server.composition.imitation.similarity import Distribution, Stretch, distances, profile
from music21_server.composition.imitation.transitions import Beats, joined
from music21_server.composition.imitation.walks import Walk, walk
from music21_server.errors import ScoreError
from music21_server.score.table import Score
from music21_server.theory.pitch.mode import Mode
from music21_server.theory.pitch.names import Key

PHRASE_BARS: Final = 4
"""A melody alone keeps the place in its four-bar phrases, as songs and dances have them."""

_LEAST_BEATS: Final = 300
"""With fewer in as many voices as are asked for, works with more voices help out."""

_LEAST_SHARE: Final = 0.25
"""Metres and modes with less, compared with the most frequent ones, are not drawn."""

_MOST_JUDGED: Final = 24
"""Works that are compared with all of them, to tell how alike they are themselves."""


@dataclass(frozen=True)
class Imitation:
    """New music, and what there is to say about it.

    Attributes:
        score: The music.
        key: Its key.
        pieces: The works that it was drawn from.
        beats: Theirs, in its key.
        walk: The way through them.
        quotation: The longest literal one.
        most_notes: That might have been quoted.
        distances: To the works, by distribution.
        own_distance: Mean distance of one of these works to all of them.
        profile: Its distributions.
    """

    score: Score
    key: Key
    pieces: tuple[Piece, ...]
    beats: Beats
    walk: Walk
    quotation: Quotation
    most_notes: int
    distances: Mapping[str, float]
    own_distance: float
    profile: Mapping[str, Distribution]


def imitation(
    pieces: Sequence[Piece], title: str, *, measures: int, voices: int | None, key: Key | None, seed: int
) -> Imitation:
    """Return new music like some works.

    Args:
        pieces: The works.
        title: Of the new one.
        measures: How many bars.
        voices: How many; None for as many as most of the works have.
        key: None for that of one of the works.
        seed: Decides what is left open.

    Raises:
        ScoreError: There is too little to learn from.
    """
    chance = random.Random(seed)  # noqa: S311 - music, no secret
    count = voices or _usual_voices(pieces)
    able = with_voices(pieces, count)
    if key is not None:
        able = _in_mode(able, key.mode)
    for chosen in _drawn_groups(able, chance):
        if sum(len(piece.beats) for piece in chosen) < measures * chosen[0].metre.beats:
            continue  # no more is made than there is to learn from
        into = key or chance.choice([piece.key for piece in chosen])
        for phrase_bars in _phrases(count, measures):
            beats = joined(chosen, into, phrase_bars)
            way = walk(beats, measures, chance)
            if way is not None:
                names = _names(chosen, count)
                contents = [beats.contents[index] for index in way.beats]
                score = notated(contents, beats.metre, into, measures=measures, voices=names, title=title)
                return _judged(chosen, beats, way, into, score)
    found = sum(len(piece.beats) for piece in able)
    raise ScoreError(
        f"Expected enough music in one metre and mode to learn {measures} bars for {count} voices from; "
        f"found {len(able)} works with {found:,} beats: no more than there is to learn from is made, and no "
        f"more than {most_notes(count)} notes of one work are quoted in a row. Give more or longer works of "
        "one style, or ask for other voices, another key or another number of measures."
    )


def _phrases(voices: int, measures: int) -> tuple[int, ...]:
    return (PHRASE_BARS, 1) if voices == 1 and measures % PHRASE_BARS == 0 else (1,)


def _usual_voices(pieces: Sequence[Piece]) -> int:
    beats: Counter[int] = Counter()
    for piece in pieces:
        beats[len(piece.voices)] += len(piece.beats)
    return beats.most_common(1)[0][0]


def with_voices(pieces: Sequence[Piece], voices: int) -> tuple[Piece, ...]:
    """Return the works with so many voices; where they are few, others with more, reduced to so many.

    Raises:
        ScoreError: None has so many.
    """
    found = tuple(piece for piece in pieces if len(piece.voices) == voices)
    if sum(len(piece.beats) for piece in found) < _LEAST_BEATS:
        found += tuple(reduced(piece, voices) for piece in pieces if len(piece.voices) > voices)
    if not found:
        most = max(len(piece.voices) for piece in pieces)
        raise ScoreError(
            f"Expected at most {most} voices, as the works of this style have them, got {voices}."
        )
    return found


def _in_mode(pieces: Sequence[Piece], mode: Mode) -> tuple[Piece, ...]:
    found = tuple(piece for piece in pieces if piece.key.mode == mode)
    if not found:
        keys = ", ".join(sorted({piece.key.text for piece in pieces}))
        raise ScoreError(
            f"Expected a key of the mode that the works have ({keys}), got a {mode} one: ask for another key."
        )
    return found


def _drawn_groups(pieces: Sequence[Piece], chance: random.Random) -> Iterator[tuple[Piece, ...]]:
    """Yield the works of one metre and mode, those with more beats sooner as a rule."""
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
        group = chance.choices(groups, [beats[each] for each in groups])[0]
        groups.remove(group)
        yield tuple(piece for piece in pieces if (piece.metre.text, piece.key.mode) == group)


def _judged(pieces: tuple[Piece, ...], beats: Beats, way: Walk, key: Key, score: Score) -> Imitation:
    contents = tuple(beats.contents[index] for index in way.beats)
    ticks = beats.metre.beat_ticks
    made = profile([Stretch(contents, ticks, key.pitch_class)])
    learned = profile(stretch for piece in pieces for stretch in stretches(piece))
    judged = pieces[:: -(-len(pieces) // _MOST_JUDGED)]
    own = [distances(profile(stretches(piece)), learned)["mean"] for piece in judged]
    return Imitation(
        score=score,
        key=key,
        pieces=pieces,
        beats=beats,
        walk=way,
        quotation=Quotations(beats).longest(contents),
        most_notes=most_notes(len(contents[0])),
        distances=distances(made, learned),
        own_distance=sum(own) / len(own),
        profile=made,
    )


def stretches(piece: Piece) -> Iterator[Stretch]:
    """Yield the beats of a work that follow upon each other without a gap."""
    begin = 0
    for index in range(1, len(piece.beats) + 1):
        if index == len(piece.beats) or not piece.follows[index]:
            yield Stretch(piece.beats[begin:index], piece.metre.beat_ticks, piece.key.pitch_class)
            begin = index


def _names(pieces: Sequence[Piece], count: int) -> tuple[str, ...]:
    """Return the names that most works give to their voices; numbers where they give none."""
    usual, _ = Counter(piece.voices for piece in pieces).most_common(1)[0]
    if count == 1:
        return (usual[0] or "Melody",)
    return tuple(name or f"Voice {number}" for number, name in enumerate(usual, start=1))
