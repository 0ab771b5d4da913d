"""Excerpts have whole words only, so that no part of a secret is left."""

import pytest

from perf_core.server.bridge.counts import Counts
from perf_core.server.bridge.excerpts import beginning_of, end_of

SECRET = "opensesame-1234567890"


@pytest.mark.parametrize(
    ("text", "beginning", "end"),
    [
        ("short", "short", "short"),
        ("one two three", "one two …", "… three"),
        ("one twofold", "one …", "… twofold"),
        ('{"key":"secret"}', '{"key":"…', '…"secret"}'),
        ("seamlessword", "…", "…"),
        ("", "", ""),
    ],
)
def test_words_are_not_cut(text: str, beginning: str, end: str) -> None:
    assert beginning_of(text, 8) == beginning
    assert end_of(text, 9 if text.startswith("{") else 8) == end


@pytest.mark.parametrize("longest", range(1, 60))
def test_no_part_of_a_secret_is_left(longest: int) -> None:
    text = f"cannot log in with token {SECRET} at the server"
    for excerpt in (beginning_of(text, longest), end_of(text, longest)):
        rest = excerpt.replace(SECRET, "")
        assert "opense" not in rest
        assert "567890" not in rest
        assert len(excerpt) <= longest + 1


def test_first_line_that_is_no_message_has_whole_words() -> None:
    counts = Counts()
    counts.skip(b"\xc3\xa4 " * 146 + SECRET.encode() + b" " + b"x" * 5000)
    assert counts.first_skipped_line == "ä " * 146 + "…"
