from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from music21_server.errors import ScoreError
from music21_server.score.table import (
    ChordSymbol,
    Fermata,
    KeyChange,
    Part,
    TempoChange,
    TimeChange,
    Transposition,
)
from music21_server.writing.selection import (
    excerpt,
    extract,
    measure_number,
    part_name,
    select_measures,
    select_parts,
)


@pytest.fixture
def movements(score):
    """Two movements, each with a pickup: measures 0 1 2 and 0 1 2 again."""
    return score([{"measure": measure} for measure in range(6)], numbers=["0", "1", "2", "0", "1", "2"])


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, range(6)),
        ("0", "2", range(3)),
        ("1", "0", range(1, 4)),  # the next measure 0 is in the second movement
        ("@4", "2", range(3, 6)),
        ("2", "2", range(2, 3)),
        ("@3", "1", range(2, 5)),  # the first movement has no measure 1 after that
        ("@6", "@6", range(5, 6)),
        ("@2", "@2", range(1, 2)),
        (" 2 ", None, range(2, 6)),
    ],
)
def test_measures_by_printed_number(movements, first, last, expected) -> None:
    assert select_measures(movements, first, last) == expected


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("3", None),
        ("@0", None),
        ("@7", None),
        ("x", None),
        (None, ""),
        ("@\N{SUPERSCRIPT TWO}", None),
        ("@" + "9" * 5000, None),
    ],
)
def test_unknown_measures_are_refused(movements, first, last) -> None:
    with pytest.raises(ScoreError, match=r"from 0 to 2 \(or @1 to @6"):
        select_measures(movements, first, last)


def test_messages_quote_only_the_beginning_of_a_long_argument(movements) -> None:
    for select in (
        lambda: select_measures(movements, "x" * 1000),
        lambda: select_parts(movements, ["x" * 1000]),
    ):
        with pytest.raises(ScoreError) as caught:
            select()
        assert "x" * 40 in str(caught.value)
        assert "x" * 41 not in str(caught.value)


def test_last_measure_before_the_first_is_refused(movements) -> None:
    renumbered = replace(movements, measure_numbers=("0", "1", "2", "3", "4", "5"))
    with pytest.raises(ScoreError, match="not to precede the first, got 4 to 1"):
        select_measures(renumbered, "4", "1")


def test_measures_without_a_printed_number_are_numbered_by_position(score) -> None:
    some = score([{"measure": 3}], numbers=["", "7", ""])
    assert [measure_number(some, index) for index in range(4)] == ["1", "7", "3", "4"]
    assert extract(some, range(2, 4), (0,)).measure_numbers == ("3", "4")


def test_measures_in_the_wrong_order_are_refused(movements) -> None:
    with pytest.raises(ScoreError, match="not to precede the first, got @5 to @4"):
        select_measures(movements, "@5", "@4")


def test_score_without_measures_is_refused(score) -> None:
    none = np.zeros(0, dtype=np.int64)
    empty = replace(score([{}]), measure_ticks=none, own_ticks=none.reshape(1, 0), measure_numbers=())
    with pytest.raises(ScoreError, match="got one without any"):
        select_measures(empty)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (None, (0, 1, 2, 3)),
        (["violin"], (0, 1)),
        (["P4"], (3,)),
        (["3", "Violin"], (0, 1, 2)),
        (["part 4", "2"], (1, 3)),
        ([" VIOLA "], (2,)),
        (["p1"], (0,)),
        (["4", "3", "1"], (0, 2, 3)),
    ],
)
def test_parts_by_name_id_or_position(score, parts, expected) -> None:
    assert select_parts(score([{}], names=["Violin", "Violin", "Viola", ""]), parts) == expected


def test_unknown_parts_are_answered_with_the_parts_of_the_score(score) -> None:
    some = score([{}], names=["Violin", "Viola"])
    with pytest.raises(
        ScoreError, match=r"'Voila'\. Did you mean 'Viola'\? The score has: 1 Violin, 2 Viola\."
    ):
        select_parts(some, ["Voila"])
    with pytest.raises(ScoreError, match=r"got '3'\. The score has"):
        select_parts(some, ["3"])
    with pytest.raises(ScoreError, match="at least one part"):
        select_parts(some, [])
    with pytest.raises(ScoreError, match=r"11 Horn 11, 12 Horn 12\.$"):
        select_parts(score([{}], names=[f"Horn {index}" for index in range(1, 13)]), ["Harp"])
    many = score([{}], names=[f"Horn {index}" for index in range(1, 31)])
    with pytest.raises(ScoreError, match="12 Horn 12 and 18 more"):
        select_parts(many, ["Harp"])


def test_parts_without_a_name_are_named_by_position(score) -> None:
    assert part_name(score([{}], names=["", ""]), 1) == "Part 2"


def test_extract_has_its_rows_and_the_marks_in_force(score) -> None:
    clarinet = Part(
        "P2", "Clarinet", 0, (Transposition(0, -1, -2), Transposition(1, -2, -3), Transposition(3, 0, 0))
    )
    whole = score(
        [{"part": part, "measure": at, "pitch": f"C{at + 1}"} for part in range(3) for at in range(5)],
        parts=[Part("P1", "Flute"), clarinet, Part("P3", "Bass")],
        keys=(
            KeyChange(1, 0, 0, 1, ""), KeyChange(1, 1, 8, 2, ""), KeyChange(1, 3, 0, 3, ""),
            KeyChange(0, 0, 0, 5, ""),
        ),
        tempos=(TempoChange(0, 1, 0, 60.0), TempoChange(0, 4, 0, 90.0)),
    )  # fmt: skip
    some = extract(whole, range(2, 4), (1, 2))
    assert [part.name for part in some.parts] == ["Clarinet", "Bass"]
    assert some.notes.octave.tolist() == [3, 4, 3, 4]
    assert some.notes.part.tolist() == [0, 0, 1, 1]
    assert some.notes.measure.tolist() == [0, 1, 0, 1]
    assert some.measure_numbers == ("3", "4")
    assert some.keys == (KeyChange(0, 0, 0, 2, ""), KeyChange(0, 1, 0, 3, ""))
    assert some.parts[0].transpositions == (Transposition(0, -2, -3), Transposition(1, 0, 0))
    # The tempo is written in the flute, which is not in the extract.
    assert some.tempos == (TempoChange(0, 0, 0, 60.0),)


def test_change_at_the_first_measure_replaces_the_mark_in_force(score) -> None:
    whole = score(
        [{"measure": measure} for measure in range(3)],
        keys=(KeyChange(0, 0, 0, 1, ""), KeyChange(0, 2, 0, 2, "")),
    )
    assert extract(whole, range(2, 3), (0,)).keys == (KeyChange(0, 0, 0, 2, ""),)


def test_excerpt_of_everything_is_the_score_itself(score) -> None:
    whole = score([{"part": part, "measure": measure} for part in (0, 1) for measure in range(3)], names="AB")
    assert excerpt(whole) is whole
    sizes = {
        name: (len(some.parts), some.measure_numbers)
        for name, some in {
            "first": excerpt(whole, "2"), "last": excerpt(whole, last="2"), "one": excerpt(whole, "2", "2"),
            "part": excerpt(whole, parts=["B"]),
        }.items()
    }  # fmt: skip
    assert sizes == {
        "first": (2, ("2", "3")), "last": (2, ("1", "2")), "one": (2, ("2",)), "part": (1, ("1", "2", "3")),
    }  # fmt: skip


def test_extract_has_the_lengths_and_marks_of_its_measures_and_parts(score) -> None:
    def marks(kind, *values):
        return tuple(kind(*each) for each in values)

    whole = score(
        [{"part": part, "measure": measure} for part in (0, 1, 2) for measure in range(4)],
        measures=[16, 12, 8, 4], names="ABC",
        times=marks(TimeChange, (2, 0, 0, "4/4", 16), (2, 1, 0, "3/4", 12), (2, 3, 0, "1/4", 4)),
        chord_symbols=marks(ChordSymbol, (2, 0, 0, "C"), (2, 2, 4, "D"), (0, 2, 0, "E"), (2, 3, 0, "F")),
        fermatas=marks(Fermata, (2, 0, 0), (2, 2, 4), (1, 2, 0), (2, 3, 0)),
    )  # fmt: skip
    lengths = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])
    some = extract(replace(whole, own_ticks=lengths), range(2, 3), (0, 2))
    assert some.measure_ticks.tolist() == [8]
    assert some.own_ticks.tolist() == [[3], [11]]
    assert some.times == (TimeChange(1, 0, 0, "3/4", 12),)
    assert some.chord_symbols == (ChordSymbol(1, 0, 4, "D"), ChordSymbol(0, 0, 0, "E"))
    assert some.fermatas == (Fermata(1, 0, 4),)


def test_latest_mark_is_in_force_in_any_order_of_marks(score) -> None:
    changes = [(1, 8, 3), (0, 0, 1), (1, 4, 2), (3, 8, 4)]
    whole = score(
        [{"measure": measure} for measure in range(5)],
        keys=tuple(KeyChange(0, measure, onset, fifths, "") for measure, onset, fifths in changes),
        tempos=tuple(TempoChange(0, measure, onset, 10.0 * number) for measure, onset, number in changes),
    )
    some = extract(whole, range(3, 4), (0,))
    # A change within the first measure does not replace the mark in force at its beginning.
    assert some.keys == (KeyChange(0, 0, 0, 3, ""), KeyChange(0, 0, 8, 4, ""))
    assert some.tempos == (TempoChange(0, 0, 0, 30.0), TempoChange(0, 0, 8, 40.0))


def test_extract_keeps_the_transposition_in_force_and_later_ones(score) -> None:
    changes = tuple(Transposition(measure, -1, -1 - measure) for measure in (0, 2, 3, 4))
    whole = score([{"measure": measure} for measure in range(5)], parts=[Part("P1", "", 0, changes)])
    (part,) = extract(whole, range(2, 4), (0,)).parts
    assert part.transpositions == (Transposition(0, -1, -3), Transposition(1, -1, -4))


def test_parts_are_in_score_order(score) -> None:
    many = score([{}], names=[str(number) for number in range(1, 301)])
    assert select_parts(many, ["300", "9", "257", "33", "2"]) == (1, 8, 32, 256, 299)


def test_first_part_decides_among_tempos_at_one_onset(score) -> None:
    whole = score(
        [{"part": part} for part in (0, 1)], names="AB",
        tempos=(TempoChange(0, 0, 8, 80.0), TempoChange(0, 0, 0, 60.0), TempoChange(1, 0, 0, 61.0)),
    )  # fmt: skip
    assert extract(whole, range(1), (1,)).tempos == (TempoChange(0, 0, 0, 60.0), TempoChange(0, 0, 8, 80.0))
