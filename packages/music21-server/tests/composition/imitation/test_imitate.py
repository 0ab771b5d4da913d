"""Whole imitations: quotation, likeness, keys, voices and the choice of works."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from music21_server.composition.imitation.imitate import Imitation, imitate, passages, with_voices
from music21_server.composition.imitation.pieces import REST, Beat, Piece, piece_of
from music21_server.composition.imitation.quotation import QuotationFinder
from music21_server.composition.imitation.similarity import distances, profile
from music21_server.errors import ScoreError
from music21_server.score.table import Score
from music21_server.theory.analyses.harmony import harmony_analysis
from music21_server.theory.pitch.names import parse_key
from music21_server.theory.pitch.transposition import written_pitches
from music21_server.writing.musicxml_writer import write_musicxml

ScoreMaker = Callable[..., Score]


def tune(make_score: ScoreMaker, seed: int, bars: int, *, time: str = "4/4", minor: bool = False) -> Piece:
    """Return a melody of few different notes that ends on its tonic, so that its beats combine in many
    ways."""
    chance = random.Random(seed)  # noqa: S311 - music, no secret
    notes = ("C4", "D4", "E-4", "G4") if minor else ("C4", "D4", "E4", "G4")
    beats = int(time[0])
    words = [" ".join(chance.choice(notes) for _ in range(beats)) for _ in range(bars - 1)]
    return piece_of(f"tune {seed}", make_score(" | ".join([*words, f"C4:{beats}"]), time=time))


def compose(pieces: Sequence[Piece], **changed: object) -> Imitation:
    arguments = {"measures": 12, "voices": None, "key": None, "seed": 0, **changed}
    return imitate(pieces, "t", **arguments)  # type: ignore[arg-type]


def attacks(beat: Beat, shift: int) -> list[set[tuple[int, int]]]:
    """Return offsets and pitches of the notes of a beat, voice by voice."""
    return [{(event.offset, event.pitch + shift) for event in cell if event.pitch != REST} for cell in beat]


def count_attacks(beat: Beat) -> int:
    return sum(event.pitch != REST and not event.is_held for cell in beat for event in cell)


def longest_quotation(contents: Sequence[Beat], pieces: Sequence[Piece]) -> int:
    """Return the length in notes of the longest quotation in any key, by brute force."""
    longest = 0
    for piece in pieces:
        for shift in range(-14, 15):
            theirs = [attacks(beat, shift) for beat in piece.beats]
            ours = [attacks(beat, 0) for beat in contents]
            for begin in range(len(ours)):
                for there in range(len(theirs)):
                    if ours[begin] != theirs[there] or (
                        begin and there and ours[begin - 1] == theirs[there - 1]
                    ):
                        continue
                    length = 0
                    while (
                        begin + length < len(ours)
                        and there + length < len(theirs)
                        and ours[begin + length] == theirs[there + length]
                    ):
                        length += 1
                    longest = max(longest, sum(map(count_attacks, contents[begin : begin + length])))
    return longest


@pytest.mark.parametrize("voices", [1, 4])
def test_quotations_are_limited(chorales: tuple[Piece, ...], voices: int) -> None:
    result = compose(chorales, voices=voices, measures=8)
    contents = [result.graph.contents[index] for index in result.walk.beats]
    quoted = longest_quotation(contents, result.pieces)
    assert result.quotation.notes <= quoted <= result.quotation_limit
    whole = sum(map(count_attacks, contents))
    assert quoted < whole / 2


def test_the_seed_determines_the_result(chorales: tuple[Piece, ...]) -> None:
    texts = [write_musicxml(compose(chorales, seed=seed).score) for seed in (0, 0, 1, 2)]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3


@pytest.mark.parametrize(
    ("argument", "value"), [("measures", 13), ("voices", 3), ("key", parse_key("F# minor")), ("seed", 7)]
)
def test_every_argument_changes_the_result(chorales: tuple[Piece, ...], argument: str, value: object) -> None:
    usual, other = compose(chorales), compose(chorales, **{argument: value})
    assert write_musicxml(usual.score) != write_musicxml(other.score)
    assert len(other.score.measure_numbers) == (13 if argument == "measures" else 12)
    assert len(other.score.parts) == (3 if argument == "voices" else 4)
    if argument == "key":
        assert other.key.text == "F# minor"
        assert other.score.keys[0].fifths == 3


@pytest.mark.parametrize("key", ["C major", "E- minor", "F# major", "A minor", "D- major"])
def test_the_result_is_in_the_key_and_ends_on_its_tonic(chorales: tuple[Piece, ...], key: str) -> None:
    for seed in range(2):
        result = compose(chorales, key=parse_key(key), seed=seed)
        table = result.score.notes
        last = (table.part == 3) & (table.measure == 11)
        assert table.written_cents[last][-1] // 100 % 12 == result.key.pitch_class
        heard = harmony_analysis(result.score, written_pitches(result.score))
        assert heard.key.split(maxsplit=1)[0] == key.split(maxsplit=1)[0]


def test_the_result_is_as_near_to_the_works_as_they_are(chorales: tuple[Piece, ...]) -> None:
    for seed in range(3):
        result = compose(chorales, measures=24, seed=seed)
        assert 0.1 < result.distances["mean"] < 0.7 * result.own_distance
        assert 0.15 < result.own_distance < 0.25


def test_new_successions_have_no_parallels(chorales: tuple[Piece, ...]) -> None:
    """Only successions taken from a work may have parallel fifths or octaves."""
    compared = 0
    for seed in range(4):
        result = compose(chorales, seed=seed)
        beats = result.graph
        for one, other in pairwise(result.walk.beats):
            if beats.work[one] == beats.work[other] and beats.index[other] == beats.index[one] + 1:
                continue
            before = [cell[-1].pitch for cell in beats.contents[one]]
            after = [cell[0].pitch for cell in beats.contents[other]]
            same = after == [cell[0].pitch for cell in beats.contents[one + 1]]
            for low in range(4):
                for high in range(low):
                    pitches = (before[low], before[high], after[low], after[high])
                    if same or REST in pitches or before[low] == after[low]:
                        continue
                    compared += 1
                    intervals = abs(pitches[0] - pitches[1]) % 12, abs(pitches[2] - pitches[3]) % 12
                    moves = (after[low] - before[low]) * (after[high] - before[high])
                    assert not (moves > 0 and intervals[0] == intervals[1] and intervals[0] in (0, 7))
    assert compared > 100


def test_works_with_more_voices_are_reduced(chorales: tuple[Piece, ...]) -> None:
    assert {len(piece.voices) for piece in with_voices(chorales, 2)} == {2}
    assert with_voices(chorales, 4) == chorales
    with pytest.raises(ScoreError, match="at most 4 voices"):
        with_voices(chorales, 5)


def test_a_mode_that_no_work_has_is_refused(chorales: tuple[Piece, ...]) -> None:
    major = [piece for piece in chorales if piece.key.mode == "major"]
    with pytest.raises(ScoreError, match="ask for another key"):
        compose(major, key=parse_key("D minor"))


def test_a_result_longer_than_the_works_is_refused(chorales: tuple[Piece, ...]) -> None:
    with pytest.raises(ScoreError, match="Give more or longer works"):
        compose(chorales[:1], measures=40)


def test_the_evaluation_of_a_result(chorales: tuple[Piece, ...]) -> None:
    result = compose(chorales, measures=16)
    contents = [result.graph.contents[index] for index in result.walk.beats]
    assert result.quotation == QuotationFinder(result.graph).longest(contents)
    assert result.quotation.notes > result.quotation_limit / 4
    works = [profile(passages(piece)) for piece in result.pieces]
    whole = profile(passage for piece in result.pieces for passage in passages(piece))
    own = [distances(each, whole)["mean"] for each in works]
    assert len(own) <= 20
    assert result.own_distance == pytest.approx(sum(own) / len(own))
    assert result.distances == pytest.approx(distances(result.profile, whole))


def test_metre_and_mode_are_drawn_in_proportion_to_their_beats(make_score: ScoreMaker) -> None:
    works = [
        *(tune(make_score, seed, 8) for seed in range(4)),  # 4/4 major: 116 beats
        *(tune(make_score, seed, 8, time="3/4") for seed in range(2)),  # 3/4 major: 44
        *(tune(make_score, seed, 8, minor=True) for seed in range(2)),  # 4/4 minor: 58
        *(tune(make_score, seed, 5, time="2/4") for seed in range(2)),  # 2/4 major: 18, too little
        tune(make_score, 9, 40, time="5/4"),  # one work only
    ]
    drawn: Counter[tuple[str, str]] = Counter()
    for seed in range(60):
        result = compose(works, measures=3, seed=seed)
        groups = {(piece.metre.text, piece.key.mode) for piece in result.pieces}
        assert len(groups) == 1
        drawn.update(groups)
    assert set(drawn) == {("4/4", "major"), ("3/4", "major"), ("4/4", "minor")}
    assert drawn["4/4", "major"] > 26  # of 60; 32 are expected, and 20 if all groups were equally likely


def test_a_metre_with_too_few_beats_is_not_used(make_score: ScoreMaker) -> None:
    works = [
        *(tune(make_score, seed, 10) for seed in range(3)),
        *(tune(make_score, seed, 5, time="3/4") for seed in range(3)),
    ]
    assert {compose(works, measures=18, seed=seed).graph.metre.text for seed in range(12)} == {"4/4"}


@pytest.mark.parametrize(
    ("bars", "measures", "places"),
    [(8, 8, 16), (8, 4, 16), (9, 8, 4), (9, 9, 4), (9, 5, 4), (8, 6, 4)],
)
def test_melodies_keep_phrases_of_four_bars_if_possible(
    make_score: ScoreMaker, bars: int, measures: int, places: int
) -> None:
    """Works of nine bars end with the first bar of a phrase, where a walk of eight bars cannot end."""
    works = [tune(make_score, seed, bars) for seed in range(8)]
    assert compose(works, measures=measures).graph.places == places


def test_the_default_number_of_voices_is_the_most_frequent(make_score: ScoreMaker) -> None:
    long = piece_of("long", make_score("C5 D5 E5 F5 | " * 12 + "C5:4", "C4 B3 C4 A3 | " * 12 + "C4:4"))
    short = [piece_of("short", make_score("C4 D4 E4 D4 | C4:4")) for _ in range(3)]
    assert len(compose([*short, long], measures=3).score.parts) == 2


def test_voices_are_named_as_in_most_works(make_score: ScoreMaker) -> None:
    lines = "C5 D5 E5 D5 | C5 E5 D5 C5 | C5:4", "C4 B3 C4 B3 | C4 C4 B3 C4 | C4:4"

    def names(*named: tuple[str, ...], voices: int = 2) -> list[str]:
        works = [piece_of("x", make_score(*lines[:voices], names=each)) for each in named]
        return [part.name for part in compose(works, measures=3, voices=voices).score.parts]

    assert names(("Odd", "One"), ("Oboe", "Horn"), ("Oboe", "Horn")) == ["Oboe", "Horn"]
    assert names((), (), ()) == ["Voice 1", "Voice 2"]
    assert names((), (), voices=1) == ["Melody"]
    assert names(("Flute",), ("Flute",), voices=1) == ["Flute"]


def test_reduced_works_are_added_where_others_are_few(
    make_score: ScoreMaker, chorales: tuple[Piece, ...]
) -> None:
    two = piece_of("two", make_score("C5 D5 E5 F5 | C5:4", "C4 B3 C4 A3 | C4:4"))
    result = with_voices((two, *chorales), 2)
    assert result[0] is two
    assert [piece.name for piece in result] == ["two", *(piece.name for piece in chorales)]
    assert {len(piece.voices) for piece in result} == {2}
