"""The answer cache keeps an answer for as long as an entry of its score is alive."""

from __future__ import annotations

import gc

from music21_server.score.entry import Entry
from music21_server.service.answer_cache import AnswerCache, answer_key


def entry(content: str) -> Entry:
    return Entry(content, "abc", b"", 0, b"", {})


def answers(max_bytes: int = 100) -> AnswerCache:
    return AnswerCache(max_bytes, len)


def test_a_cached_answer_is_returned() -> None:
    cache, score = answers(), entry("a")
    assert cache.get("a?") is None
    cache.put(score, "a?", b"yes")
    assert (cache.get("a?"), len(cache), cache.size_bytes) == (b"yes", 1, 3)


def test_answers_are_dropped_with_their_score() -> None:
    cache, deleted, kept = answers(), entry("a"), entry("b")
    for question in ("a?", "a!"):
        cache.put(deleted, question, b"yes")
    cache.put(kept, "b?", b"no")
    del deleted
    gc.collect()
    assert (len(cache), cache.size_bytes) == (1, 2)
    assert (cache.get("a?"), cache.get("a!"), cache.get("b?")) == (None, None, b"no")


def test_answers_stay_while_another_entry_of_the_content_is_alive() -> None:
    cache, one, other = answers(), entry("a"), entry("a")
    for each in (one, one, other):
        cache.put(each, "a?", b"yes")
    del one, each
    gc.collect()
    assert cache.size_bytes == 3
    del other
    gc.collect()
    assert cache.size_bytes == 0


def test_a_new_entry_of_a_dropped_content_starts_without_answers() -> None:
    cache = answers()
    for _ in range(1_000):  # Python reuses the identities of collected entries
        score = entry("a")
        cache.put(score, "a?", b"yes")
        del score
    gc.collect()
    assert (len(cache), cache._questions, cache._contents, +cache._live_entries) == (0, {}, {}, {})


def test_the_least_recently_used_answer_is_evicted_first() -> None:
    cache, score = answers(max_bytes=5), entry("a")
    for question in ("1", "2"):
        cache.put(score, question, b"123")
    assert (cache.get("1"), cache.get("2")) == (None, b"123")


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


def test_keys_are_small_whatever_the_arguments() -> None:
    keys = {answer_key("c1", "search", {"pattern": f"{number} " + "x" * 100_000}) for number in range(10)}
    assert len(keys) == 10
    assert max(map(len, keys)) < 150


def test_questions_without_an_answer_are_forgotten() -> None:
    cache, score = answers(), entry("a")
    for number in range(5_000):
        cache.put(score, f"question {number}", b"x" * 10)
    remembered = cache._questions["a"]
    assert len(cache) == 10
    assert len(remembered) < 1_100
    assert all(f"question {number}" in remembered for number in range(4_990, 5_000))
    cache.put(score, "large", b"x" * 1000)
    assert cache.get("large") is None
