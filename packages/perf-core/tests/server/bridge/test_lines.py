"""Lines are put together from chunks, within a limit."""

import itertools

import pytest

from perf_core.server.bridge.lines import LineBuffer, OverlongLine

TEXT = b"one\n\ntwo\r\nthree four\nrest"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_lines_do_not_depend_on_the_chunks(size: int) -> None:
    buffer = LineBuffer()
    chunks = [TEXT[at : at + size] for at in range(0, len(TEXT), size)]
    lines = list(itertools.chain.from_iterable(buffer.feed(chunk) for chunk in chunks))
    assert lines == [b"one", b"", b"two\r", b"three four"]
    assert buffer.rest() == b"rest"


@pytest.mark.parametrize("size", [1, 100, 1000, 5000])
def test_overlong_line_is_dropped_but_for_its_ends(size: int) -> None:
    buffer = LineBuffer(limit=1000)
    line = b"H" * 300 + b"-" * 1000 + b"T" * 300
    data = line + b"\nnext\n"
    lines = [line for at in range(0, len(data), size) for line in buffer.feed(data[at : at + size])]
    overlong, after = lines
    assert overlong == OverlongLine(b"H" * 256, b"T" * 256, 1600, 1000)
    assert after == b"next"


def test_line_at_the_limit_is_kept() -> None:
    assert list(LineBuffer(limit=3).feed(b"abc\nabcd\n")) == [b"abc", OverlongLine(b"abcd", b"abcd", 4, 3)]
