"""The cache holds at most its bytes, and keeps the most recently used values."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.cache import ByteLimitedCache


def cache_of(max_bytes: int) -> ByteLimitedCache[str, bytes]:
    return ByteLimitedCache(max_bytes, len)


def test_the_least_recently_used_value_goes_first() -> None:
    cache = cache_of(6)
    for key in "abc":
        cache.put(key, b"xx")
    assert cache.get("a") == b"xx"
    cache.put("d", b"xx")
    assert [cache.get(key) for key in "abcd"] == [b"xx", None, b"xx", b"xx"]
    assert (len(cache), cache.size_bytes) == (3, 6)


def test_a_value_larger_than_the_cache_displaces_nothing() -> None:
    cache = cache_of(3)
    cache.put("a", b"xxx")
    cache.put("b", b"xxxx")
    assert cache.get("a") == b"xxx"
    assert cache.get("b") is None


def test_a_value_that_is_too_large_still_replaces_the_old_one() -> None:
    cache = cache_of(3)
    cache.put("a", b"xxx")
    cache.put("a", b"xxxx")
    assert cache.get("a") is None
    assert cache.size_bytes == 0


def test_dropping_a_value_frees_its_bytes() -> None:
    cache = cache_of(3)
    cache.put("a", b"xxx")
    cache.drop("a")
    cache.drop("never there")
    assert (len(cache), cache.size_bytes) == (0, 0)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=9))))
def test_the_size_is_right_and_never_above_the_limit(puts: list[tuple[str, bytes]]) -> None:
    cache = cache_of(12)
    for key, value in puts:
        cache.put(key, value)
        assert cache.get(key) == value
        kept = [cache.get(each) for each in "abcdef"]
        assert cache.size_bytes == sum(len(each) for each in kept if each is not None) <= 12
