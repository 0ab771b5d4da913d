import numpy as np
from labels import label
from timeline import Annotation, Bars, Place, bar_number, spans

from music21_server.score.table import Score, TimeChange

TICKS = 4


def score(numbers, quarters, signature="4/4"):
    bars = len(numbers)
    ticks = np.array([length * TICKS for length in quarters], dtype=np.int64)
    none = np.zeros(0, dtype=np.int64)
    flags = np.zeros(0, dtype=np.bool_)
    from music21_server.score.table import NoteTable

    table = NoteTable(
        *(none for _ in range(9)), grace=flags, cue=flags, voice=none, node=none, ticks_per_quarter=TICKS
    )
    beats, kind = (int(number) for number in signature.split("/"))
    return Score(
        title="",
        composer="",
        parts=(),
        notes=table,
        measure_numbers=tuple(numbers),
        measure_ticks=ticks,
        own_ticks=np.zeros((0, bars), dtype=np.int64),
        times=(TimeChange(0, 0, 0, signature, beats * 4 // kind * TICKS),),
    )


def annotation(numeral):
    return Annotation(label(numeral, 0, "major"), 0)


def test_a_pickup_is_the_end_of_a_full_bar():
    bars = Bars(score(["0", "1", "2"], [1, 4, 4]))
    assert bars.tick(Place(0, 3.0)) == 0
    assert bars.tick(Place(1, 0.0)) == 1 * TICKS
    assert bars.tick(Place(2, 1.5)) == 5 * TICKS + 6


def test_a_divided_bar_is_one_bar():
    bars = Bars(score(["1", "2", "2a", "3"], [4, 3, 1, 4]))
    assert bars.tick(Place(2, 3.0)) == 7 * TICKS
    assert bars.end(2) == 8 * TICKS
    assert bars.tick(Place(3, 0.0)) == 8 * TICKS


def test_labels_hold_until_the_next_and_the_last_until_its_bar_ends():
    bars = Bars(score(["1", "2", "3"], [4, 4, 4]))
    result = spans(
        [
            (Place(2, 2.0), annotation("V")),
            (Place(1, 0.0), annotation("I")),
            (Place(9, 0.0), annotation("ii")),
        ],
        bars,
    )
    assert [(span.start, span.end, span.annotation.label.figure) for span in result] == [
        (0, 6 * TICKS, "I"),
        (6 * TICKS, 8 * TICKS, "V"),
    ]


def test_the_later_of_two_labels_at_one_place_counts():
    bars = Bars(score(["1"], [4]))
    result = spans([(Place(1, 0.0), annotation("I")), (Place(1, 0.0), annotation("IV"))], bars)
    assert [span.annotation.label.figure for span in result] == ["IV"]


def test_bar_numbers_are_read_without_letters():
    assert [bar_number(text) for text in ("4", "4a", "X12", "none")] == [4, 4, 12, -1]
