from dataclasses import replace

from music21_server.score.table import Fermata
from music21_server.theory.time.phrases import phrase_ends
from music21_server.theory.time.positions import Clock

TICKS = 48  # to a quarter note, in the fixture


def ends(score):
    return [
        (end.tick / score.notes.ticks_per_quarter, end.evidence) for end in phrase_ends(score, Clock(score))
    ]


def test_the_score_ends(make_score):
    assert ends(make_score("C4 D4 E4 F4 G4 A4 B4 C5")) == [(7, "end of the score")]


def test_all_are_silent(make_score):
    assert ends(make_score("C4 D4 E4 r C4 D4 E4 F4", "C3:3 r:1 C3:4")) == [
        (2, "silence"),
        (7, "end of the score"),
    ]


def test_one_voice_goes_on_through_a_rest(make_score):
    score = make_score("C4:0.5 D4:0.5 E4:0.5 r:0.5 C4 D4", "C3 D3 E3 F3")
    assert ends(score) == [(3, "end of the score")]


def test_a_long_note_ends_a_phrase(make_score):
    score = make_score("C4 D4 E4 F4 G4:3 A4 C4 D4 E4 F4 G4 A4 B4 C5", "C3:4 C3:3 D3 C3:4 C3:4")
    assert ends(score) == [(4, "held notes"), (15, "end of the score")]


def test_long_notes_among_long_notes_do_not(make_score):
    assert ends(make_score("C4:2 D4:2 E4:2 F4:2 G4:2 A4:2")) == [(10, "end of the score")]


def test_tied_notes_go_on(make_score):
    score = make_score("C4 D4 E4 F4 G4:6 r:2", "C3 D3 E3 F3 G3:6 r:2")
    assert ends(score) == [(4, "end of the score")]


def test_the_melody_rests(make_score):
    score = make_score("C4:1 D4:1 E4:1 r:1 C4:1 D4:1 E4:1 F4:1", "C3:0.5 D3:0.5 " * 8)
    assert ends(score)[0] == (2, "melody rests")


def with_fermatas(score, *places):
    return replace(score, fermatas=tuple(Fermata(*place) for place in places))


def test_a_fermata_over_a_note_that_is_no_longer_than_others(make_score):
    score = make_score("C4 D4 E4 F4 G4 A4 B4 C5", "C3 D3 E3 F3 G3 A3 B3 C4")
    found = with_fermatas(score, (0, 0, 3 * TICKS), (1, 0, 3 * TICKS), (1, 0, 3 * TICKS))
    assert ends(found) == [(3, "fermata"), (7, "end of the score")]


def test_fermatas_that_sound_together_are_one_and_the_last_attack_counts(make_score):
    score = make_score("C4 D4 E4:2 G4 A4 B4 C5", "C3 D3 D3:1 C3:1 G3 A3 B3 C4")
    assert ends(with_fermatas(score, (1, 0, 3 * TICKS), (0, 0, 2 * TICKS))) == [
        (3, "fermata"),
        (7, "end of the score"),
    ]
    separate = with_fermatas(score, (0, 0, TICKS), (0, 0, 2 * TICKS))
    assert [tick for tick, evidence in ends(separate) if evidence == "fermata"] == [1, 2]


def test_a_fermata_over_a_tied_note_or_a_rest_is_one_of_the_attack_before(make_score):
    score = make_score("C4 D4 E4 F4:2 r C4 D4 E4 F4 G4 A4")
    assert ends(with_fermatas(score, (0, 1, 0)))[0] == (3, "fermata")
    assert ends(with_fermatas(score, (0, 1, TICKS)))[0] == (3, "fermata")
    silent = with_fermatas(make_score("r C4 D4 E4 F4"), (0, 0, 0))
    assert ends(silent)[0] == (1, "fermata")


def test_a_fermata_at_the_end_and_one_where_nothing_is(make_score):
    score = make_score("C4 D4 E4 F4")
    assert ends(with_fermatas(score, (0, 0, 3 * TICKS))) == [(3, "end of the score")]
    assert ends(with_fermatas(score, (0, 9, 0), (7, 0, TICKS))) == [(1, "fermata"), (3, "end of the score")]


def test_without_notes(make_score):
    assert phrase_ends(make_score("r:4"), Clock(make_score("r:4"))) == ()
