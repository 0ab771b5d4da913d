"""Finding quotations from works."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from music21_server.composition.imitation.pieces import REST, Beat, Event, piece_of
from music21_server.composition.imitation.quotation import QuotationFinder, quotation_limit
from music21_server.composition.imitation.transitions import BeatGraph, build_graph
from music21_server.score.table import Score
from music21_server.theory.pitch.names import parse_key

ScoreMaker = Callable[..., Score]


@pytest.fixture
def graph(make_score: ScoreMaker) -> BeatGraph:
    one = piece_of("one", make_score("C4 D4 E4 F4 | G4:0.5 A4:0.5 B4 r:1 D5 | C5:4"))
    other = piece_of("other", make_score("E4 F4 E4 C4 | D4:1.5 E4:0.5 F4:2 | C4:4"))
    return build_graph([one, other], parse_key("C"))


def test_a_whole_work_is_quoted(graph: BeatGraph) -> None:
    quotation = QuotationFinder(graph).longest(graph.contents[:9])
    assert (quotation.notes, quotation.last, quotation.source) == (9, 8, 8)


def test_quotations_in_another_key_count(graph: BeatGraph) -> None:
    def transpose(event: Event) -> Event:
        return event if event.pitch < 0 else event._replace(pitch=event.pitch + 3, fifths=event.fifths - 3)

    there = [tuple(tuple(map(transpose, cell)) for cell in beat) for beat in graph.contents[:9]]
    assert QuotationFinder(graph).longest(there).notes == 9


def test_a_quotation_ends_where_its_transposition_changes(graph: BeatGraph) -> None:
    first, second = graph.contents[0], graph.contents[1]
    lifted = tuple(tuple(event._replace(pitch=event.pitch + 1) for event in cell) for cell in second)
    assert QuotationFinder(graph).longest([first, lifted]).notes == 1


def test_a_quotation_does_not_continue_into_the_next_work(graph: BeatGraph) -> None:
    assert QuotationFinder(graph).longest(graph.contents[8:12]).notes == 3
    assert QuotationFinder(graph).longest([graph.contents[8], graph.contents[9]]).notes == 1


def test_rests_are_part_of_a_quotation_if_the_work_rests_too(make_score: ScoreMaker) -> None:
    def note(pitch: int) -> Beat:
        return ((Event(0, pitch, 0, False),),)

    silence = ((Event(0, REST, 0, False),),)
    works = [
        piece_of("one", make_score("C4 r:1 E4 G4 | C4:1")),
        piece_of("other", make_score("r:1 E4 G4 D4 | C4:1")),
    ]
    finder = QuotationFinder(build_graph(works, parse_key("C")))
    assert finder.longest([note(60), silence, note(64)]).notes == 2
    # The work has G4 where this is silent.
    assert finder.longest([note(64), silence, note(60)]).notes == 1
    # A rest at the beginning of a work does not continue the end of another work.
    assert finder.longest([note(67), note(60), silence, note(64), note(67)]).notes == 3
    assert finder.longest([note(62), note(60), silence, note(64)]).notes == 2


def test_a_new_beat_quotes_nothing(graph: BeatGraph) -> None:
    new = ((Event(0, 60, 0, False), Event(100, 61, 7, False)),)
    assert QuotationFinder(graph).longest([new]).notes == 0


def test_the_limit_grows_with_the_voices() -> None:
    assert [quotation_limit(voices) for voices in (1, 4)] == [12, 36]
