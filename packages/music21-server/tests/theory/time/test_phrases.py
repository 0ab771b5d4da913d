from dataclasses import replace

import pytest

from music21_server.score.table import Fermata
from music21_server.theory.time.phrases import phrase_ends
from music21_server.theory.time.positions import Clock

TICKS = 48  # to a quarter note, in the fixture


def ends(score):
    return [
        (end.tick / score.notes.ticks_per_quarter, end.evidence) for end in phrase_ends(score, Clock(score))
    ]


def test_the_end_of_the_score_ends_a_phrase(make_score):
    assert ends(make_score("C4 D4 E4 F4 G4 A4 B4 C5")) == [(7, "end of the score")]


def test_silence_in_all_parts_ends_a_phrase(make_score):
    assert ends(make_score("C4 D4 E4 r C4 D4 E4 F4", "C3:3 r:1 C3:4")) == [
        (2, "silence"),
        (7, "end of the score"),
    ]


def test_a_rest_in_one_part_does_not_end_a_phrase(make_score):
    score = make_score("C4:0.5 D4:0.5 E4:0.5 r:0.5 C4 D4", "C3 D3 E3 F3")
    assert ends(score) == [(3, "end of the score")]


def test_a_long_note_ends_a_phrase(make_score):
    score = make_score("C4 D4 E4 F4 G4:3 A4 C4 D4 E4 F4 G4 A4 B4 C5", "C3:4 C3:3 D3 C3:4 C3:4")
    assert ends(score) == [(4, "held notes"), (15, "end of the score")]


def test_long_notes_among_long_notes_do_not_end_a_phrase(make_score):
    assert ends(make_score("C4:2 D4:2 E4:2 F4:2 G4:2 A4:2")) == [(10, "end of the score")]


def test_tied_notes_are_one_long_note(make_score):
    score = make_score("C4 D4 E4 F4 G4:6 r:2", "C3 D3 E3 F3 G3:6 r:2")
    assert ends(score) == [(4, "end of the score")]


def test_a_rest_in_the_melody_ends_a_phrase(make_score):
    score = make_score("C4:1 D4:1 E4:1 r:1 C4:1 D4:1 E4:1 F4:1", "C3:0.5 D3:0.5 " * 8)
    assert ends(score)[0] == (2, "melody rests")


def with_fermatas(score, *places):
    return replace(score, fermatas=tuple(Fermata(*place) for place in places))


def test_a_fermata_ends_a_phrase_without_a_longer_note(make_score):
    score = make_score("C4 D4 E4 F4 G4 A4 B4 C5", "C3 D3 E3 F3 G3 A3 B3 C4")
    result = with_fermatas(score, (0, 0, 3 * TICKS), (1, 0, 3 * TICKS), (1, 0, 3 * TICKS))
    assert ends(result) == [(3, "fermata"), (7, "end of the score")]


def test_overlapping_fermatas_are_one_phrase_end_at_the_last_attack(make_score):
    score = make_score("C4 D4 E4:2 G4 A4 B4 C5", "C3 D3 D3:1 C3:1 G3 A3 B3 C4")
    assert ends(with_fermatas(score, (1, 0, 3 * TICKS), (0, 0, 2 * TICKS))) == [
        (3, "fermata"),
        (7, "end of the score"),
    ]
    separate = with_fermatas(score, (0, 0, TICKS), (0, 0, 2 * TICKS))
    assert [tick for tick, evidence in ends(separate) if evidence == "fermata"] == [1, 2]


def test_a_fermata_over_a_tied_note_or_a_rest_counts_for_the_attack_before(make_score):
    score = make_score("C4 D4 E4 F4:2 r C4 D4 E4 F4 G4 A4")
    assert ends(with_fermatas(score, (0, 1, 0)))[0] == (3, "fermata")
    assert ends(with_fermatas(score, (0, 1, TICKS)))[0] == (3, "fermata")
    silent = with_fermatas(make_score("r C4 D4 E4 F4"), (0, 0, 0))
    assert ends(silent)[0] == (1, "fermata")


def test_fermatas_at_the_end_or_outside_the_score_add_nothing(make_score):
    score = make_score("C4 D4 E4 F4")
    assert ends(with_fermatas(score, (0, 0, 3 * TICKS))) == [(3, "end of the score")]
    assert ends(with_fermatas(score, (0, 9, 0), (7, 0, TICKS))) == [(1, "fermata"), (3, "end of the score")]


def test_a_score_without_notes_has_no_phrases(make_score):
    assert phrase_ends(make_score("r:4"), Clock(make_score("r:4"))) == ()


@pytest.mark.parametrize(("rest", "evidence"), [("0.5", ["silence"]), ("0.25", [])])
def test_silence_lasts_at_least_half_a_beat(make_score, rest, evidence):
    last = 1 - float(rest)
    score = make_score(f"C4 D4 E4 F4:{last} r:{rest} " + "C4 D4 E4 F4")
    assert [each for _, each in ends(score)] == [*evidence, "end of the score"]


@pytest.mark.parametrize(
    ("pause", "evidence"),
    [("1", ["brief pause"]), ("1.5", ["held notes"]), ("0.75", [])],
)
def test_held_notes_last_a_beat_and_a_half_and_a_brief_pause_a_beat(make_score, pause, evidence):
    quick = "C4:0.25 D4:0.25 " * 8
    score = make_score(f"{quick} E4:{pause} {quick}")
    assert [each for _, each in ends(score)] == [*evidence, "end of the score"]


@pytest.mark.parametrize(("note", "rest"), [("0.5", "1.5"), ("1.5", "0.5")])
def test_the_melody_ends_a_phrase_only_with_a_beat_of_note_and_of_rest(make_score, note, rest):
    score = make_score(f"C4:1 D4:1 E4:{note} r:{rest} C4:1 D4:1 E4:1 F4:1", "C3:0.5 D3:0.5 " * 8)
    assert [each for _, each in ends(score)] == ["end of the score"]
