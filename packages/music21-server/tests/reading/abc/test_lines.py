"""Macros, fields and books of ABC that would take more time or memory than their text."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from music21_server.errors import TooMuchScoreError
from music21_server.reading.abc.lines import Macros
from music21_server.reading.abc.tokens import tokens
from music21_server.reading.abc.tunes import one_work, tunes


@pytest.mark.parametrize(
    ("macros", "music"),
    [
        (["a=" + "b" * 1_000, "b=" + "c" * 1_000, "c=" + "d" * 1_000], "a" * 100),
        ([f"{letter}={letter * 2}" for letter in "abcdefg" * 3], "abcdefg"),
        (["~n=" + "n" * 1_000], "~c" * 1_000),
        (["a=" + "b" * 3_000], "a"),
        (["a" + " " * 500_000], "a"),
    ],
)
def test_macros_make_no_more_than_a_long_line(macros: list[str], music: str) -> None:
    begin_s = time.process_time()
    with pytest.raises(TooMuchScoreError, match=r"^Expected macros \(m:\)"):
        _applied([*macros, *(f"{n}=a" for n in "xyz")] * 5, music)
    assert time.process_time() - begin_s < 0.5


def _applied(macros: list[str], music: str) -> str:
    for _ in range(20):
        all_macros = Macros()
        for macro in macros:
            all_macros.add(macro)
        music = all_macros.applied(music)
    return music


def test_a_macro_of_a_note_takes_its_octave_marks() -> None:
    macros = Macros()
    macros.add("~n2 = {o}n")
    assert macros.applied("~c'2 d") == "{d'}c' d"


def test_fields_without_end_are_cut_in_linear_time() -> None:
    begin_s = time.process_time()
    assert sum(1 for _ in tokens("[a:" * 100_000)) > 100_000
    assert time.process_time() - begin_s < 3


def test_a_book_takes_no_more_memory_than_its_text() -> None:
    text = "%" + "a" * 500_000 + "\n" + "X:1\n" * 50_000
    tracemalloc.start()
    try:
        assert len(tunes(text)) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()


def test_a_document_without_a_number_is_one_tune() -> None:
    (tune,) = one_work("K:C\nCDEF|")
    assert (tune.number, tune.text) == (0, "K:C\nCDEF|")
