"""Answers live as long as what they are about."""

from __future__ import annotations

import gc

from music21_server.score.entry import Entry
from music21_server.service.answer_cache import AnswerCache, answer_key


def entry(content: str) -> Entry:
    return Entry(content, "abc", b"", 0, b"", {})


def answers(max_bytes: int = 100) -> AnswerCache:
    return AnswerCache(max_bytes, len)


def test_what_is_known_is_told() -> None:
    known, score = answers(), entry("a")
    assert known.get("a?") is None
    known.put(score, "a?", b"yes")
    assert (known.get("a?"), len(known), known.size_bytes) == (b"yes", 1, 3)


def test_answers_go_with_their_score() -> None:
    known, gone, there = answers(), entry("a"), entry("b")
    for question in ("a?", "a!"):
        known.put(gone, question, b"yes")
    known.put(there, "b?", b"no")
    del gone
    gc.collect()
    assert (len(known), known.size_bytes) == (1, 2)
    assert (known.get("a?"), known.get("a!"), known.get("b?")) == (None, None, b"no")


def test_answers_stay_while_another_entry_of_the_content_is_there() -> None:
    known, one, other = answers(), entry("a"), entry("a")
    for each in (one, one, other):
        known.put(each, "a?", b"yes")
    del one, each
    gc.collect()
    assert known.size_bytes == 3
    del other
    gc.collect()
    assert known.size_bytes == 0


def test_a_score_that_comes_again_is_asked_anew() -> None:
    known = answers()
    for _ in range(1_000):  # identities of dead entries are used again
        score = entry("a")
        known.put(score, "a?", b"yes")
        del score
    gc.collect()
    assert (len(known), known._questions, known._contents, +known._alive) == (0, {}, {}, {})


def test_more_than_there_is_room_for_pushes_out_what_was_not_used_for_longest() -> None:
    known, score = answers(max_bytes=5), entry("a")
    for question in ("1", "2"):
        known.put(score, question, b"123")
    assert (known.get("1"), known.get("2")) == (None, b"123")


def test_the_key_depends_on_the_values_of_arguments_and_not_on_their_order() -> None:
    key = answer_key("c1", "key", {"algorithm": "simple", "measures": [1, 2]})
    assert key == answer_key("c1", "key", {"measures": [1, 2], "algorithm": "simple"})
    others = [
        answer_key("c2", "key", {"algorithm": "simple", "measures": [1, 2]}),
        answer_key("c1", "keys", {"algorithm": "simple", "measures": [1, 2]}),
        answer_key("c1", "key", {"algorithm": "simple", "measures": [12]}),
        answer_key("c1", "key", {}),
    ]
    assert len({key, *others}) == 5
