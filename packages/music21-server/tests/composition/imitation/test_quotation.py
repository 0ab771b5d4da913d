"""What is quoted from works."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from music21_server.composition.imitation.pieces import REST, Beat, Event, piece_of
from music21_server.composition.imitation.quotation import Quotations, most_notes
from music21_server.composition.imitation.transitions import Beats, joined
from music21_server.score.table import Score
from music21_server.theory.pitch.names import parse_key

ScoreMaker = Callable[..., Score]


@pytest.fixture
def beats(make_score: ScoreMaker) -> Beats:
    one = piece_of("one", make_score("C4 D4 E4 F4 | G4:0.5 A4:0.5 B4 r:1 D5 | C5:4"))
    other = piece_of("other", make_score("E4 F4 E4 C4 | D4:1.5 E4:0.5 F4:2 | C4:4"))
    return joined([one, other], parse_key("C"))


def test_a_whole_work_is_quoted(beats: Beats) -> None:
    found = Quotations(beats).longest(beats.contents[:9])
    assert (found.notes, found.last, found.source) == (9, 8, 8)


def test_quotations_in_another_key_count(beats: Beats) -> None:
    def moved(event: Event) -> Event:
        return event if event.pitch < 0 else event._replace(pitch=event.pitch + 3, fifths=event.fifths - 3)

    there = [tuple(tuple(map(moved, cell)) for cell in beat) for beat in beats.contents[:9]]
    assert Quotations(beats).longest(there).notes == 9


def test_a_change_of_key_in_the_middle_is_no_quotation(beats: Beats) -> None:
    first, second = beats.contents[0], beats.contents[1]
    lifted = tuple(tuple(event._replace(pitch=event.pitch + 1) for event in cell) for cell in second)
    assert Quotations(beats).longest([first, lifted]).notes == 1


def test_works_do_not_go_on_in_the_next(beats: Beats) -> None:
    assert Quotations(beats).longest(beats.contents[8:12]).notes == 3
    assert Quotations(beats).longest([beats.contents[8], beats.contents[9]]).notes == 1


def test_silence_is_quoted_where_the_work_is_silent_too(make_score: ScoreMaker) -> None:
    def note(pitch: int) -> Beat:
        return ((Event(0, pitch, 0, False),),)

    silence = ((Event(0, REST, 0, False),),)
    works = [
        piece_of("one", make_score("C4 r:1 E4 G4 | C4:1")),
        piece_of("other", make_score("r:1 E4 G4 D4 | C4:1")),
    ]
    found = Quotations(joined(works, parse_key("C")))
    assert found.longest([note(60), silence, note(64)]).notes == 2
    # Where the work has G4 there is silence here.
    assert found.longest([note(64), silence, note(60)]).notes == 1
    # Silence at the beginning of a work does not go on from the end of another.
    assert found.longest([note(67), note(60), silence, note(64), note(67)]).notes == 3
    assert found.longest([note(62), note(60), silence, note(64)]).notes == 2


def test_nothing_is_quoted_of_what_is_new(beats: Beats) -> None:
    new = ((Event(0, 60, 0, False), Event(100, 61, 7, False)),)
    assert Quotations(beats).longest([new]).notes == 0


def test_more_voices_may_quote_more_notes() -> None:
    assert [most_notes(voices) for voices in (1, 4)] == [12, 36]
