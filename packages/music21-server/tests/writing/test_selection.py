from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from music21_server.errors import ScoreError
from music21_server.notes import KeyChange, Part, TempoChange, Transposition
from music21_server.writing.selection import extract, part_name, select_measures, select_parts


@pytest.fixture
def movements(score):
    """Two movements, each with a pickup: bars 0 1 2 and 0 1 2 again."""
    return score([{"measure": bar} for bar in range(6)], numbers=["0", "1", "2", "0", "1", "2"])


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, range(6)),
        ("0", "2", range(3)),
        ("1", "0", range(1, 4)),  # the next bar 0 is that of the second movement
        ("@4", "2", range(3, 6)),
        ("@2", "@2", range(1, 2)),
        (" 2 ", None, range(2, 6)),
    ],
)
def test_bars_by_their_printed_numbers(movements, first, last, expected) -> None:
    assert select_measures(movements, first, last) == expected


@pytest.mark.parametrize(
    ("first", "last"), [("3", None), ("@0", None), ("@7", None), ("x", None), (None, "")]
)
def test_a_bar_that_is_not_there(movements, first, last) -> None:
    with pytest.raises(ScoreError, match=r"from 0 to 2 \(or @1 to @6"):
        select_measures(movements, first, last)


def test_bars_in_the_wrong_order(movements) -> None:
    with pytest.raises(ScoreError, match="none before the first, got @5 to @4"):
        select_measures(movements, "@5", "@4")


def test_a_score_without_bars(score) -> None:
    none = np.zeros(0, dtype=np.int64)
    empty = replace(score([{}]), measure_ticks=none, own_ticks=none.reshape(1, 0), measure_numbers=())
    with pytest.raises(ScoreError, match="has none"):
        select_measures(empty)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, (0, 1, 2, 3)),
        (["violin"], (0, 1)),
        (["P4"], (3,)),
        (["3", "Violin"], (0, 1, 2)),
        (["part 4", "2"], (1, 3)),
    ],
)
def test_parts_by_name_id_or_place(score, wanted, expected) -> None:
    assert select_parts(score([{}], names=["Violin", "Violin", "Viola", ""]), wanted) == expected


def test_a_part_that_is_not_there_is_answered_with_those_that_are(score) -> None:
    some = score([{}], names=["Violin", "Viola"])
    with pytest.raises(
        ScoreError, match=r"'Voila'\. Did you mean 'Viola'\? The score has: 1 Violin, 2 Viola\."
    ):
        select_parts(some, ["Voila"])
    with pytest.raises(ScoreError, match=r"got '3'\. The score has"):
        select_parts(some, ["3"])
    with pytest.raises(ScoreError, match="at least one part"):
        select_parts(some, [])
    many = score([{}], names=[f"Horn {index}" for index in range(1, 31)])
    with pytest.raises(ScoreError, match="12 Horn 12 and 18 more"):
        select_parts(many, ["Harp"])


def test_parts_without_a_name_have_their_place(score) -> None:
    assert part_name(score([{}], names=["", ""]), 1) == "Part 2"


def test_an_extract_has_its_rows_and_what_is_in_force(score) -> None:
    clarinet = Part(
        "P2", "Clarinet", 0, (Transposition(0, -1, -2), Transposition(1, -2, -3), Transposition(3, 0, 0))
    )
    whole = score(
        [{"part": part, "measure": bar, "pitch": f"C{bar + 1}"} for part in range(3) for bar in range(5)],
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
    # The flute, which has the tempo, is not among them.
    assert some.tempos == (TempoChange(0, 0, 0, 60.0),)


def test_what_changes_at_the_first_bar_replaces_what_was_in_force(score) -> None:
    whole = score(
        [{"measure": bar} for bar in range(3)],
        keys=(KeyChange(0, 0, 0, 1, ""), KeyChange(0, 2, 0, 2, "")),
    )
    assert extract(whole, range(2, 3), (0,)).keys == (KeyChange(0, 0, 0, 2, ""),)
