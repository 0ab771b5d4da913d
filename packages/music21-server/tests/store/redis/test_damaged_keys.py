"""Keys and records in Redis that are lost, malformed or of the wrong type: the store works on."""

from __future__ import annotations

from typing import Any

import pytest
from redis_samples import Make, key_of, keys_of
from store_samples import entry, names

from music21_server.errors import UnknownScoreError
from music21_server.store.redis.store import RedisStore

pytestmark = pytest.mark.process


def filled(make: Make) -> RedisStore:
    store = make()
    store.put("o", entry("a"), name="x")
    store.put("p", entry("a"), name="y")
    store.put("o", entry("b"), name="z")
    store.put("o", entry("c"), name="gone")
    store.delete("o", "gone")
    return store


KEYS = ["uses", "contents", "freed", "freed-at", "since", "owner:o", "content", "names"]


def use_all(store: RedisStore) -> None:
    """Call every method; the only failure allowed is that a score is unknown."""
    for owner, name, content in (("o", "x", "a"), ("p", "y", "a"), ("o", "z", "b")):
        try:
            assert store.get(owner, name) == entry(content)
        except UnknownScoreError:
            store.put(owner, entry(content), name=name)
            assert store.get(owner, name) == entry(content)
    assert sorted(names(store, "o")) == ["x", "z"]
    assert names(store, "p") == ["y"]
    with pytest.raises(UnknownScoreError):
        store.get("o", "gone")
    store.put("o", entry("c"), name="again")
    store.delete("o", "again")
    store.sweep()
    figures = store.figures()
    assert (figures.names, figures.contents, figures.owners) == (3, 2, 2)
    assert figures.size_bytes == entry("a").size_bytes + entry("b").size_bytes
    assert (store.delete_all("o"), store.delete_all("p")) == (2, 1)
    assert (store.figures().names, store.figures().contents) == (0, 0)


@pytest.mark.parametrize("key", KEYS)
def test_the_store_works_after_redis_has_dropped_any_key(
    make: Make, raw: Any, redis_prefix: str, key: str
) -> None:
    store = filled(make)
    assert raw.delete(key_of(redis_prefix, key)) == 1
    store.sweep()
    left = 1 if key == "content" else 3  # a lost content loses its names; names of a lost owner expire later
    assert store.figures().names == raw.zcard(key_of(redis_prefix, "uses")) == left
    assert raw.scard(key_of(redis_prefix, "names")) == (0 if key == "content" else 2)
    use_all(make(max_cached_bytes=0))


def test_a_repair_frees_the_names_of_a_lost_owner(make: Make, raw: Any, redis_prefix: str) -> None:
    store = filled(make)
    raw.delete(key_of(redis_prefix, "owner:o"), key_of(redis_prefix, "uses"))
    store.sweep()
    assert (store.figures().names, store.figures().contents) == (1, 1)
    assert raw.smembers(key_of(redis_prefix, "names")) == {b"p\0y"}
    assert store.get("p", "y") == entry("a")


@pytest.mark.parametrize("key", KEYS)
def test_the_store_renames_any_key_of_the_wrong_type_and_works(
    make: Make, raw: Any, redis_prefix: str, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    filled(make)
    name = key_of(redis_prefix, key)
    raw.delete(name)
    if key == "since":
        raw.rpush(name, "garbage")
    else:
        raw.set(name, "garbage")
    use_all(make(max_cached_bytes=0))
    assert "renamed" in caplog.text
    (renamed,) = [each for each in keys_of(raw, redis_prefix) if ":1:damaged:" in each]
    assert renamed.endswith(name.removeprefix(f"{redis_prefix}:1:"))
    assert raw.ttl(renamed) > 0


def test_a_deletion_is_complete_although_a_key_has_the_wrong_type(
    make: Make, raw: Any, redis_prefix: str
) -> None:
    store = filled(make)
    raw.delete(key_of(redis_prefix, "names"))
    raw.set(key_of(redis_prefix, "names"), "garbage")
    store.delete("o", "x")
    assert names(store) == ["z"]


def test_malformed_records_are_ignored(
    make: Make, raw: Any, redis_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = filled(make)
    raw.hset(f"{redis_prefix}:1:owner:o", "x", "garbage")
    raw.zadd(f"{redis_prefix}:1:uses", {"garbage": 5.0})
    raw.hset(key_of(redis_prefix, "content"), "info", "{no JSON")
    with pytest.raises(UnknownScoreError):
        store.get("o", "x")
    assert names(store, "o") == ["z"]
    assert names(store, "p") == []
    assert "omitting the score y from a list" in caplog.text
    assert store.put("o", entry("b"), name="x").name == "x"
    store.sweep()
    assert store.figures().names == 3


@pytest.mark.parametrize("damage", ["changed", "truncated", "removed"])
def test_a_damaged_content_is_discarded_with_a_warning_and_can_be_imported_again(
    make: Make, raw: Any, redis_prefix: str, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    filled(make)
    key = key_of(redis_prefix, "content")
    kept = raw.hget(key, "entry")
    if damage == "removed":
        raw.hdel(key, "entry")
    else:
        raw.hset(key, "entry", kept[:-1] + b"!" if damage == "changed" else kept[:50])
    store = make()
    with pytest.raises(UnknownScoreError, match=r"damaged or removed\. .*import_score stores it again"):
        store.get("o", "x")
    assert "discarding the damaged" in caplog.text
    assert store.scores("p") == ()
    assert store.evictions() == {"lifetime": 0, "room": 0, "damaged": 2}
    assert store.get("o", "z") == entry("b")
    store.put("o", entry("a"), name="x")
    assert make().get("o", "x") == entry("a")
