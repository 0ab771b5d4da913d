from __future__ import annotations

import time

import pytest

from music21_server.errors import UnreadableScoreError
from music21_server.reading.abc.tunes import are_voices_of_one, summary, tune, tunes

BOOK = "%abc-2.1\nM:4/4\n\nX:1\nT:First\nK:C\nCDEF|\n\nX: 7\nT: Second \nT:Also\nK:G\nGABc|\n"


def test_tunes_of_a_book():
    first, second = tunes(BOOK)
    assert (first.number, first.title) == (1, "First")
    assert (second.number, second.title) == (7, "Second")
    assert first.text == "%abc-2.1\nM:4/4\n\nX:1\nT:First\nK:C\nCDEF|\n\n"
    assert second.text == "%abc-2.1\nM:4/4\n\nX: 7\nT: Second \nT:Also\nK:G\nGABc|\n"


def test_document_without_reference_numbers():
    assert tunes("K:C\nCDEF|") == []


def test_voices_of_one_work_have_one_title():
    assert are_voices_of_one(tunes("X:1\nT:Mille regrets\nT:Superius\nX:2\nT:Mille regrets\nT:Tenor\n"))
    assert are_voices_of_one(tunes("X:1\nT:Alone\n"))
    assert are_voices_of_one([])
    assert not are_voices_of_one(tunes(BOOK))


def test_tune_by_number():
    assert tune(BOOK, 7).title == "Second"


def test_unknown_number():
    with pytest.raises(UnreadableScoreError, match=r"got 2: the document has 2 tunes \(X:1 'First', X:7"):
        tune(BOOK, 2)


def test_reference_numbers_have_at_most_nine_digits():
    assert tunes(f"X:{'1' * 5_000}\nK:C\n")[0].number == 111_111_111


def test_summary_of_a_long_book_is_short():
    text = summary(tunes("".join(f"X:{number}\nT:{'long' * 99}\n" for number in range(1000))))
    assert text.startswith("1000 tunes (X:0 'longlong")
    assert text.endswith(", ...)")
    assert len(text) < 300


def test_long_lines_are_scanned_in_linear_time():
    begin = time.process_time()
    assert tunes("X:1\nT:" + " \t" * 100_000 + "x\n" + "\n" * 100_000)[0].title == "x"
    assert time.process_time() - begin < 0.5
