"""The graph of graph: successions and their odds."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from music21_server.composition.imitation.pieces import REST, Piece, piece_of
from music21_server.composition.imitation.transitions import BeatGraph, _odds, build_graph, transpose
from music21_server.score.table import Score
from music21_server.theory.pitch.names import parse_key

ScoreMaker = Callable[..., Score]


@pytest.fixture(scope="module")
def graph(chorales: tuple[Piece, ...]) -> BeatGraph:
    chosen = [piece for piece in chorales if (piece.metre.text, piece.key.mode) == ("4/4", "major")]
    return build_graph([piece for piece in chosen if len(piece.voices) == 4], parse_key("G major"))


def test_works_are_transposed_by_at_most_a_tritone_and_spelled_in_the_key(
    chorales: tuple[Piece, ...],
) -> None:
    key = parse_key("E- minor")
    for piece in chorales:
        before = [event for beat in piece.beats for cell in beat for event in cell if event.pitch != REST]
        after = [
            event for beat in transpose(piece, key) for cell in beat for event in cell if event.pitch != REST
        ]
        (shift,) = {new.pitch - old.pitch for old, new in zip(before, after, strict=True)}
        assert -6 <= shift <= 6
        assert (piece.key.pitch_class + shift) % 12 == 3
        # The name fits the pitch: each fifth is seven semitones.
        assert all(event.fifths * 7 % 12 == event.pitch % 12 for event in after)


def test_successions_of_works_are_in_the_graph(graph: BeatGraph) -> None:
    pairs = set(zip(graph.source.tolist(), graph.target.tolist(), strict=True))
    follows = (graph.work[1:] == graph.work[:-1]) & (graph.index[1:] == graph.index[:-1] + 1)
    own = [(int(index), int(index) + 1) for index in np.flatnonzero(follows)]
    kept = [pair for pair in own if pair in pairs]
    assert len(kept) > 0.8 * len(own)  # the others are out of the range


def test_places_in_the_bar_follow_each_other(graph: BeatGraph) -> None:
    assert ((graph.place[graph.source] + 1) % graph.places == graph.place[graph.target]).all()


def test_new_successions_keep_the_rules_of_part_writing(graph: BeatGraph) -> None:
    new = np.flatnonzero(graph.odds < 1)
    assert len(new) > 500
    for edge in new.tolist():
        before = [cell[-1].pitch for cell in graph.contents[graph.source[edge]]]
        firsts = [cell[0] for cell in graph.contents[graph.target[edge]]]
        for one, cell in zip(before, firsts, strict=True):
            if cell.is_held:
                assert one == cell.pitch
            if REST not in (one, cell.pitch):
                assert abs(one - cell.pitch) <= 12
        for first in range(4):
            for second in range(first):
                low, high = (before[first], before[second]), (firsts[first].pitch, firsts[second].pitch)
                if REST in (*low, *high) or low[0] == high[0] or low[1] == high[1]:
                    continue
                is_similar = (high[0] > low[0]) == (high[1] > low[1])
                if is_similar and (low[0] - low[1]) % 12 == (high[0] - high[1]) % 12:
                    assert abs(low[0] - low[1]) % 12 not in (0, 7)
                    assert abs(high[0] - high[1]) % 12 not in (0, 7)


def test_new_successions_lead_to_the_chord_that_follows_in_the_work(graph: BeatGraph) -> None:
    for source, target in zip(graph.source.tolist(), graph.target.tolist(), strict=True):

        def chord(index: int) -> tuple[int, set[int]]:
            pitches = [cell[0].pitch for cell in graph.contents[index] if cell[0].pitch != REST]
            return min(pitches, default=-1) % 12, {pitch % 12 for pitch in pitches}

        assert chord(source + 1) == chord(target)


def test_only_works_that_end_on_the_tonic_have_an_end(make_score: ScoreMaker) -> None:
    tonic = piece_of("a", make_score("C4 D4 E4 F4 | G4 F4 E4 D4 | C4 D4 E4 G4 | C4:4"))
    key = parse_key("C major")
    assert build_graph([tonic], key).is_last.sum() == 1
    far = piece_of(
        "b", make_score("C4 E4 G4 C5 | G4 E4 C4:2 | C4 D4 E4 F4 | G4 E4 C4:2 | " * 3 + "G4 E4 C4 F#4")
    )
    assert build_graph([far], key).is_last.sum() == 0


def test_places_are_counted_within_phrases(make_score: ScoreMaker) -> None:
    piece = piece_of("a", make_score("G4:1 | " + "C4 D4 E4 F4 | " * 7 + "C4:4"))
    graph = build_graph([piece], parse_key("C major"), phrase_bars=4)
    assert graph.places == 16
    assert graph.place[:6].tolist() == [15, 0, 1, 2, 3, 4]
    assert graph.is_first.tolist().index(True) == 1


def test_beats_outside_the_usual_range_of_a_voice_are_excluded(make_score: ScoreMaker) -> None:
    usual = "C4 D4 E4 F4 | G4 F4 E4 D4 | " * 30
    pieces = [piece_of("a", make_score(usual + "C4 D4 E4 F4 | C7 D4 E4 F4 | C4:4"))]
    graph = build_graph(pieces, parse_key("C major"))
    high = next(index for index, beat in enumerate(graph.contents) if beat[0][0].pitch == 96)
    assert high not in graph.target
    assert high not in graph.source


def test_at_most_120_successors_are_examined(make_score: ScoreMaker) -> None:
    """Every second one of 150 candidates is taken, and the successor in the work itself."""
    graph = build_graph([piece_of("a", make_score("C4 D4 | " * 149 + "C4 C4", time="2/4"))], parse_key("C"))
    examined = np.bincount(graph.source[graph.place[graph.source] == 1])
    assert set(examined[examined > 0].tolist()) == {75, 76}


@pytest.mark.parametrize(
    ("ends", "starts", "own_starts", "cost"),
    [
        ([60, 48], [62, 47], [62, 47], 0.0),  # as in the work
        ([60, 48], [62, 47], [64, 47], 1.0),  # a new succession by step
        ([60, 48], [63, 47], [64, 47], 1.0 + 0.12),  # one semitone beyond a whole tone
        ([60, 48], [65, 43], [64, 47], 1.0 + 0.12 * 6),
        ([60, 48], [72, 48], [64, 47], 1.0 + 0.12 * 10),  # an octave
        ([60, 48], [REST, 47], [64, 47], 1.0 + 1.0),  # a voice that rests unlike in the work
        ([60, 48], [73, 48], [64, 47], None),  # more than an octave
        ([60, 53], [62, 55], [64, 47], None),  # parallel fifths
        ([60, 48], [62, 50], [64, 47], None),  # parallel octaves
    ],
)
def test_odds_of_successions(
    ends: list[int], starts: list[int], own_starts: list[int], cost: float | None
) -> None:
    held = np.zeros((1, 2), dtype=np.bool_)
    odds = _odds(np.array([ends]), np.array([starts]), held, np.array([own_starts]), held)
    assert odds.tolist() == [0.0 if cost is None else pytest.approx(math.exp(-cost))]


def test_a_held_note_must_continue_the_note_before() -> None:
    held, free = np.array([[True]]), np.array([[False]])
    for start, is_possible in ((60, True), (62, False)):
        odds = _odds(np.array([[60]]), np.array([[start]]), held, np.array([[64]]), free)
        assert (odds[0] > 0) is np.bool_(is_possible)
