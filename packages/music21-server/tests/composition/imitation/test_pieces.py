"""Cutting works into beats."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from music21_server.composition.imitation.pieces import (
    REST,
    TICKS,
    Event,
    Piece,
    metre_of,
    piece_of,
    reduce_voices,
)
from music21_server.errors import ScoreError
from music21_server.score.table import Score
from music21_server.theory.keys.estimate import durations_of
from music21_server.theory.keys.profiles import key_candidates
from music21_server.theory.pitch.transposition import sounding_pitches

ScoreMaker = Callable[..., Score]


@pytest.mark.parametrize(
    ("text", "beats", "quarters"),
    [
        ("4/4", 4, 1), ("3/8", 3, 0.5), ("6/8", 2, 1.5), ("12/8", 4, 1.5), ("4/2", 4, 2), ("2/2", 2, 2),
        ("9/16", 3, 0.75),
    ],
)  # fmt: skip
def test_beats_of_time_signatures(text: str, beats: int, quarters: float) -> None:
    metre = metre_of(text)
    assert metre is not None
    assert (metre.beats, metre.beat_ticks / TICKS) == (beats, quarters)


@pytest.mark.parametrize("text", ["", "3/8+2/8", "0/4", "4/3", "senza"])
def test_irregular_time_signatures_have_no_metre(text: str) -> None:
    assert metre_of(text) is None


def test_held_notes_and_rests_are_events(make_score: ScoreMaker) -> None:
    piece = piece_of("x", make_score("C4:1.5 E4:0.5 r:1 F#4:1 | G4:4"))
    cells = [beat[0] for beat in piece.beats]
    assert cells == [
        (Event(0, 60, 0, False),),
        (Event(0, 60, 0, True), Event(240, 64, 4, False)),
        (Event(0, REST, 0, False),),
        (Event(0, 66, 6, False),),
        (Event(0, 67, 1, False),),
    ]
    assert (piece.notes, piece.has_end) == (4, True)
    assert piece.places == (0, 1, 2, 3, 0)
    assert piece.bars == (0, 0, 0, 0, 1)


def test_silence_within_a_beat(make_score: ScoreMaker) -> None:
    piece = piece_of("x", make_score("C4:0.25 r:0.25 D4:0.25 r:0.25 E4:0.5 r:1.5 F4:1"))
    assert piece.beats[0][0] == (
        Event(0, 60, 0, False),
        Event(120, REST, 0, False),
        Event(240, 62, 2, False),
        Event(360, REST, 0, False),
    )
    assert piece.beats[1][0] == (Event(0, 64, 4, False), Event(240, REST, 0, False))


def test_tied_notes_are_one(make_score: ScoreMaker) -> None:
    piece = piece_of("x", make_score("C4:4 | ~C4:2 D4:2"))
    assert [beat[0][0].is_held for beat in piece.beats] == [False, True, True, True, True, True, False]
    assert piece.notes == 2


def test_a_pickup_is_in_bar_minus_one(make_score: ScoreMaker) -> None:
    piece = piece_of("x", make_score("G4:1 | C5:4 | D5:2 C5:2"))
    assert piece.places[:3] == (3, 0, 1)
    assert piece.bars[:2] == (-1, 0)
    assert all(piece.follows[1:])


def test_bars_in_other_metres_are_skipped(make_score: ScoreMaker) -> None:
    score = make_score("C4 D4 E4 F4 | G4 A4 B4 C5 | C5:7 | D5 C5 B4 C5")
    piece = piece_of("x", score)
    assert piece.places == (0, 1, 2, 3) * 3
    assert piece.bars == (0,) * 4 + (1,) * 4 + (2,) * 4
    assert [index for index, follows in enumerate(piece.follows) if not follows] == [0, 8]


def test_the_final_in_the_bass_is_the_tonic(make_score: ScoreMaker) -> None:
    dorian = "D4 E4 F4 G4 | A4 B4 A4 G4 | F4 E4 F4 G4 | E4:2 D4:2"
    assert piece_of("x", make_score(dorian)).key.text == "D minor"


def test_the_final_is_the_tonic_even_if_another_key_fits_a_little_better(make_score: ScoreMaker) -> None:
    line = "E4 G4 G4 E4 | G4 D4 G4 C4 | G4 B4 C5 C5 | A4:4"
    score = make_score(line)
    best, *_ = key_candidates(durations_of(score, sounding_pitches(score)))
    assert (best.tonic, best.mode) == ("C", "major")
    assert piece_of("x", score).key.text == "A minor"


def test_the_final_is_the_tonic_if_another_key_fits_better_by_less_than_a_quarter(
    make_score: ScoreMaker,
) -> None:
    """The correlation of D minor is higher by 0.245."""
    score = make_score("F4 E4 C4 D4 | C4 D4 G4 F4 | E4 E4 F4 F4 | A4:4")
    assert key_candidates(durations_of(score, sounding_pitches(score)))[0].tonic == "D"
    assert piece_of("x", score).key.text == "A minor"


def test_a_key_that_fits_far_better_overrides_the_final(make_score: ScoreMaker) -> None:
    in_c = "C4 E4 G4 C5 | G4 E4 C4:2 | C4 D4 E4 F4 | G4 E4 C4:2 | " * 3 + "G4 E4 C4 F#4"
    assert piece_of("x", make_score(in_c)).key.text == "C major"


@pytest.mark.parametrize(("low", "voices"), [("C4:2 r:2", ("High", "Low")), ("r:3 C4:1", ("High",))])
def test_a_line_that_sounds_a_quarter_of_the_time_is_a_voice(
    make_score: ScoreMaker, low: str, voices: tuple[str, ...]
) -> None:
    score = make_score("C5 D5 E5 F5 | G5:4", f"{low} | r:4", names=("High", "Low"))
    assert piece_of("x", score).voices == voices


def test_nameless_voices_have_no_name(make_score: ScoreMaker) -> None:
    assert piece_of("x", make_score("C5:4", "C4:4")).voices == ("", "")


def test_beats_with_unrepresentable_values_are_skipped(make_score: ScoreMaker) -> None:
    septuplets = " ".join(["C4:0.142857142857"] * 7)
    piece = piece_of("x", make_score(f"{septuplets} D4 E4 F4", ticks=28))
    assert piece.places == (1, 2, 3)


def test_reductions_keep_the_outer_and_the_highest_inner_voices(chorales: tuple[Piece, ...]) -> None:
    four = chorales[0]
    assert reduce_voices(four, 3).voices == (four.voices[0], four.voices[1], four.voices[3])
    assert reduce_voices(four, 2).voices == (four.voices[0], four.voices[3])
    one = reduce_voices(four, 1)
    assert [beat[0] for beat in one.beats] == [beat[0] for beat in four.beats]
    assert one.notes < four.notes


def test_a_score_without_notes_is_refused(make_score: ScoreMaker) -> None:
    with pytest.raises(ScoreError, match="pitched notes"):
        piece_of("x", make_score("r:4"))


def test_a_single_note_is_enough(make_score: ScoreMaker) -> None:
    assert piece_of("x", make_score("C4:4 | r:4")).notes == 1


def test_a_score_without_a_metre(make_score: ScoreMaker) -> None:
    with pytest.raises(ScoreError, match="time signature"):
        piece_of("x", make_score("C4:4", time="5/6"))
