"""Answers are kept within so many bytes; what was used last stays."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.cache import BoundedCache, result_key


def cache_of(max_bytes: int) -> BoundedCache[str, bytes]:
    return BoundedCache(max_bytes, len)


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = cache_of(6)
    for key in "abc":
        cache.put(key, b"xx")
    assert cache.get("a") == b"xx"
    cache.put("d", b"xx")
    assert [cache.get(key) for key in "abcd"] == [b"xx", None, b"xx", b"xx"]
    assert (len(cache), cache.size_bytes) == (3, 6)


def test_what_is_too_large_is_not_kept_and_pushes_nothing_out() -> None:
    cache = cache_of(3)
    cache.put("a", b"xxx")
    cache.put("b", b"xxxx")
    assert cache.get("a") == b"xxx"
    assert cache.get("b") is None


def test_an_old_value_does_not_survive_a_new_one_that_is_too_large() -> None:
    cache = cache_of(3)
    cache.put("a", b"xxx")
    cache.put("a", b"xxxx")
    assert cache.get("a") is None
    assert cache.size_bytes == 0


def test_a_dropped_value_makes_room() -> None:
    cache = cache_of(3)
    cache.put("a", b"xxx")
    cache.drop("a")
    cache.drop("never there")
    assert (len(cache), cache.size_bytes) == (0, 0)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=9))))
def test_it_counts_right_and_never_has_more_than_it_may(puts: list[tuple[str, bytes]]) -> None:
    cache = cache_of(12)
    for key, value in puts:
        cache.put(key, value)
        assert cache.get(key) == value
        kept = [cache.get(each) for each in "abcdef"]
        assert cache.size_bytes == sum(len(each) for each in kept if each is not None) <= 12


def test_the_order_of_arguments_does_not_matter_and_their_values_do() -> None:
    key = result_key("c1", "key", {"algorithm": "simple", "measures": [1, 2]})
    assert key == result_key("c1", "key", {"measures": [1, 2], "algorithm": "simple"})
    others = [
        result_key("c2", "key", {"algorithm": "simple", "measures": [1, 2]}),
        result_key("c1", "keys", {"algorithm": "simple", "measures": [1, 2]}),
        result_key("c1", "key", {"algorithm": "simple", "measures": [12]}),
        result_key("c1", "key", {}),
    ]
    assert len({key, *others}) == 5
