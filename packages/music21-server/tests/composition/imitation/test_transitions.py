"""The graph of beats: successions and their odds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from music21_server.composition.imitation.pieces import REST, Piece, piece_of
from music21_server.composition.imitation.transitions import BeatGraph, build_graph, transpose
from music21_server.score.table import Score
from music21_server.theory.pitch.names import parse_key

ScoreMaker = Callable[..., Score]


@pytest.fixture(scope="module")
def beats(chorales: tuple[Piece, ...]) -> BeatGraph:
    chosen = [piece for piece in chorales if (piece.metre.text, piece.key.mode) == ("4/4", "major")]
    return build_graph([piece for piece in chosen if len(piece.voices) == 4], parse_key("G major"))


def test_works_move_by_at_most_a_tritone_and_are_spelled_in_the_key(chorales: tuple[Piece, ...]) -> None:
    key = parse_key("E- minor")
    for piece in chorales:
        before = [event for beat in piece.beats for cell in beat for event in cell if event.pitch != REST]
        after = [
            event for beat in transpose(piece, key) for cell in beat for event in cell if event.pitch != REST
        ]
        (moved,) = {to.pitch - of.pitch for of, to in zip(before, after, strict=True)}
        assert -6 <= moved <= 6
        assert (piece.key.pitch_class + moved) % 12 == 3
        # The name fits the pitch: each fifth is seven semitones.
        assert all(event.fifths * 7 % 12 == event.pitch % 12 for event in after)


def test_what_follows_in_a_work_may_follow(beats: BeatGraph) -> None:
    pairs = set(zip(beats.source.tolist(), beats.target.tolist(), strict=True))
    follows = (beats.work[1:] == beats.work[:-1]) & (beats.index[1:] == beats.index[:-1] + 1)
    own = [(int(index), int(index) + 1) for index in np.flatnonzero(follows)]
    kept = [pair for pair in own if pair in pairs]
    assert len(kept) > 0.8 * len(own)  # the others are out of the range


def test_places_in_the_bar_follow_each_other(beats: BeatGraph) -> None:
    assert ((beats.place[beats.source] + 1) % beats.places == beats.place[beats.target]).all()


def test_new_successions_keep_the_rules_of_part_writing(beats: BeatGraph) -> None:
    new = np.flatnonzero(beats.odds < 1)
    assert len(new) > 500
    for edge in new.tolist():
        before = [cell[-1].pitch for cell in beats.contents[beats.source[edge]]]
        firsts = [cell[0] for cell in beats.contents[beats.target[edge]]]
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


def test_new_successions_lead_to_the_chord_that_follows_in_the_work(beats: BeatGraph) -> None:
    for source, target in zip(beats.source.tolist(), beats.target.tolist(), strict=True):

        def chord(index: int) -> tuple[int, set[int]]:
            pitches = [cell[0].pitch for cell in beats.contents[index] if cell[0].pitch != REST]
            return min(pitches, default=-1) % 12, {pitch % 12 for pitch in pitches}

        assert chord(source + 1) == chord(target)


def test_ends_are_on_the_tonic(make_score: ScoreMaker) -> None:
    tonic = piece_of("a", make_score("C4 D4 E4 F4 | G4 F4 E4 D4 | C4 D4 E4 G4 | C4:4"))
    key = parse_key("C major")
    assert build_graph([tonic], key).is_last.sum() == 1
    far = piece_of(
        "b", make_score("C4 E4 G4 C5 | G4 E4 C4:2 | C4 D4 E4 F4 | G4 E4 C4:2 | " * 3 + "G4 E4 C4 F#4")
    )
    assert build_graph([far], key).is_last.sum() == 0


def test_phrases_have_their_places(make_score: ScoreMaker) -> None:
    piece = piece_of("a", make_score("G4:1 | " + "C4 D4 E4 F4 | " * 7 + "C4:4"))
    found = build_graph([piece], parse_key("C major"), phrase_bars=4)
    assert found.places == 16
    assert found.place[:6].tolist() == [15, 0, 1, 2, 3, 4]
    assert found.is_first.tolist().index(True) == 1


def test_notes_that_are_far_from_where_a_voice_is_are_not_used(make_score: ScoreMaker) -> None:
    usual = "C4 D4 E4 F4 | G4 F4 E4 D4 | " * 30
    pieces = [piece_of("a", make_score(usual + "C4 D4 E4 F4 | C7 D4 E4 F4 | C4:4"))]
    found = build_graph(pieces, parse_key("C major"))
    high = next(index for index, beat in enumerate(found.contents) if beat[0][0].pitch == 96)
    assert high not in found.target
    assert high not in found.source
