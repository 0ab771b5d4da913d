"""The store in a real Redis server: times, expiry, round trips, limits that servers keep together.

Tests of the behaviour that all stores share are in ../test_local.py and ../test_limits.py.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from redis_samples import Make, key_of, keys_of
from store_samples import LIMITS, entry, names

from music21_server.errors import StoreUnavailableError, TooMuchScoreError, UnknownScoreError
from music21_server.store.redis.connection import RedisConnection
from music21_server.store.redis.store import RedisStore

pytestmark = pytest.mark.process


def test_times_come_from_the_clock_of_redis(make: Make, raw: Any) -> None:
    seconds, _ = raw.time()
    stored = make().put("o", entry(), name="x")
    assert 0 <= stored.created_s - seconds < 30
    assert stored.used_s == stored.created_s


def test_every_key_expires_within_an_hour_after_the_lifetime(make: Make, raw: Any, redis_prefix: str) -> None:
    store = make(score_lifetime_s=1000.0)
    store.put("o", entry("a"), name="x")
    store.put("o", entry("b"), name="y")
    store.delete("o", "y")
    store.get("o", "x")
    keys = keys_of(raw, redis_prefix)
    assert len(keys) == 8
    assert [key for key in keys if not 1000 < raw.ttl(key) <= 1000 + 3600] == []


def test_a_use_extends_the_expiry(make: Make, raw: Any, redis_prefix: str) -> None:
    now_s = [1_000_000.0]
    store = make(clock=lambda: now_s[0])
    store.put("o", entry(), name="x")
    score = [key for key in keys_of(raw, redis_prefix) if not key.endswith(("since", "freed", "freed-at"))]
    for key in score:
        raw.expire(key, 100)
    store.get("o", "x")
    assert {raw.ttl(key) <= 100 for key in score} == {True}, "a use so soon after the last is not recorded"
    now_s[0] += 3600
    store.get("o", "x")
    assert [key for key in score if raw.ttl(key) <= 100] == []


def test_fleets_with_different_prefixes_and_versions_are_separate(
    opened: Make, redis_url: str, redis_prefix: str, raw: Any
) -> None:
    one, other = opened(redis_url, redis_prefix), opened(redis_url, f"{redis_prefix}2")
    raw.set(f"{redis_prefix}:99:owner:o", "written by an unknown version")
    one.put("o", entry(), name="x")
    assert other.scores("o") == ()
    assert (other.sweep(), other.figures().names, one.figures().names) == (0, 0, 1)
    assert raw.get(f"{redis_prefix}:99:owner:o") is not None


def test_a_cached_content_costs_one_round_trip(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    round_trips: list[str] = []
    call = RedisConnection.call

    def counted(self: RedisConnection, command: Any) -> Any:
        round_trips.append("call")
        return call(self, command)

    monkeypatch.setattr(RedisConnection, "call", counted)

    def cost(work: Callable[[], object]) -> int:
        before = len(round_trips)
        work()
        return len(round_trips) - before

    one, two = make(), make()
    assert cost(lambda: one.put("o", entry(), name="x")) == 2
    assert cost(lambda: one.put("o", entry(), name="x")) == 1
    assert cost(lambda: two.put("p", entry(), name="y")) == 1
    assert cost(lambda: one.get("o", "x")) == 1
    assert cost(lambda: make(max_cached_bytes=0).get("o", "x")) == 2


def test_columns_of_another_reader_version_replace_the_cached_ones(make: Make) -> None:
    one, two = make(), make()
    one.put("o", entry("a", b"old"), name="x")
    two.put("o", entry("a", b"new"), name="x")
    assert one.get("o", "x").columns == b"new"
    assert two.figures().size_bytes == entry("a", b"new").size_bytes


def test_a_content_that_was_replaced_meanwhile_is_read_again(make: Make) -> None:
    store = make()
    store.put("o", entry("a"), name="x")
    assert store._fetch(entry("a").content_id, "checksum of another version") is None
    assert store.get("o", "x") == entry("a")


def test_servers_keep_the_limits_together(make: Make) -> None:
    stores = [make(max_scores_per_owner=5, max_scores=7) for _ in range(4)]
    refused: list[str] = []

    def fill(store: RedisStore, number: int) -> None:
        for index in range(6):
            try:
                store.put("o", entry(f"{number} {index}"), name=f"{number}-{index}")
            except TooMuchScoreError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=fill, args=(store, at)) for at, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 4 * 6 - 5
    assert all("at most 5 scores of this client" in each for each in refused)
    figures = stores[0].figures()
    assert (figures.names, figures.contents) == (5, 5)


def test_servers_number_names_of_equal_titles_together(make: Make) -> None:
    one, two = make(), make()
    assert [
        store.put("o", entry(str(at)), title="Ach Gott").name for at, store in enumerate((one, two, one))
    ] == ["Ach-Gott", "Ach-Gott-2", "Ach-Gott-3"]


def test_an_owner_can_have_more_scores_than_one_batch(make: Make, raw: Any, redis_prefix: str) -> None:
    store = make(max_scores_per_owner=5_000, max_scores=5_000)
    store.put("o", entry(), name="n0")
    record = raw.hget(f"{redis_prefix}:1:owner:o", "n0")
    raw.hset(f"{redis_prefix}:1:owner:o", mapping={f"n{number}": record for number in range(1, 1_200)})
    raw.zadd(f"{redis_prefix}:1:uses", {f"o\0n{number}": time.time() for number in range(1, 1_200)})
    store.sweep()
    assert (store.figures().names, raw.scard(key_of(redis_prefix, "names"))) == (1_200, 1_200)
    assert len(store.scores("o")) == 1_200
    with pytest.raises(UnknownScoreError, match=r"Similar names: .* all 1200 names"):
        store.get("o", "n1200")
    assert store.delete_all("o") == 1_200
    assert store.figures().contents == 0


def test_a_sweep_frees_more_scores_than_one_batch(make: Make) -> None:
    now_s = [1_000_000.0]
    store = make(clock=lambda: now_s[0], max_scores_per_owner=5_000, max_scores=5_000)
    for number in range(1_101):
        store.put(f"o{number}", entry(), name="x")
    now_s[0] += LIMITS.score_lifetime_s + 1
    assert store.scores("o1") == ()
    assert store.sweep() == 1_101
    assert store.evictions()["lifetime"] == 1_101
    assert (store.figures().names, store.figures().contents) == (0, 0)


def test_making_room_can_free_more_names_than_one_batch(make: Make, raw: Any, redis_prefix: str) -> None:
    now_s = [1_000_000.0]
    limits = {"max_scores_per_owner": 5_000, "max_scores": 5_000, "max_stored_bytes": 1_500}
    store = make(clock=lambda: now_s[0], **limits)
    store.put("o", entry("a", bytes(1_000)), name="n0")
    record = raw.hget(f"{redis_prefix}:1:owner:o", "n0")
    raw.hset(f"{redis_prefix}:1:owner:o", mapping={f"n{number}": record for number in range(1, 1_100)})
    raw.zadd(f"{redis_prefix}:1:uses", {f"o\0n{number}": now_s[0] for number in range(1, 1_100)})
    store.sweep()
    now_s[0] += 2 * LIMITS.score_grace_s
    store.put("p", entry("b", bytes(1_000)), name="x")
    assert store.evictions()["room"] == 1_100
    assert (store.figures().names, store.figures().contents) == (1, 1)


def test_the_last_thousand_reasons_are_kept(make: Make, raw: Any, redis_prefix: str) -> None:
    store = make()
    start_of_keys = f"{redis_prefix}:1:"
    old = {f"p\0n{number}": "long ago" for number in range(1_000)}
    raw.hset(f"{start_of_keys}freed", mapping=old)
    raw.zadd(f"{start_of_keys}freed-at", {place: number for number, place in enumerate(old)})
    store.put("o", entry(), name="x")
    store.delete("o", "x")
    assert (raw.hlen(f"{start_of_keys}freed"), raw.zcard(f"{start_of_keys}freed-at")) == (1_000, 1_000)
    with pytest.raises(UnknownScoreError, match="it was deleted"):
        store.get("o", "x")
    with pytest.raises(UnknownScoreError, match="long ago"):
        store.get("p", "n1")
    with pytest.raises(UnknownScoreError, match="Expected the name"):
        store.get("p", "n0")


def test_a_full_redis_refuses_new_scores_and_serves_stored_ones(start_redis: Any, opened: Make) -> None:
    server = start_redis("--maxmemory", "4mb")
    store = opened(server.url, score_grace_s=0.0)
    large = os.urandom(600_000)
    kept: list[str] = []

    def fill() -> None:
        for number in range(20):
            store.put("o", entry(str(number), large), name=f"n{number}")
            kept.append(f"n{number}")

    with pytest.raises(
        StoreUnavailableError, match=r"is full: .*maxmemory.*Stored scores are not affected; delete"
    ):
        fill()
    assert 1 <= len(kept) <= 6
    assert names(store) == kept
    fresh = opened(server.url, score_grace_s=0.0)
    for number, name in enumerate(kept):
        assert fresh.get("o", name).columns == large, number
    figures = store.figures()
    assert (figures.names, figures.contents) == (len(kept), len(kept))
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", "1mb")  # less than is in use: not even a use can be recorded
        assert fresh.get("o", "n0").columns == large
        assert names(fresh) == kept
        client.config_set("maxmemory", "4mb")
    store.delete("o", "n0")
    store.delete("o", "n1")
    assert store.put("p", entry("new", large), name="new").name == "new"


def test_a_redis_that_evicts_keys_causes_a_warning(
    start_redis: Any, opened: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_redis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    opened(server.url).check()
    assert "maxmemory-policy allkeys-lru" in caplog.text
    caplog.clear()
    opened(start_redis("--maxmemory", "100mb").url).check()
    assert "policy" not in caplog.text


def test_reading_a_score_that_is_always_replaced_ends_with_an_error(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(max_cached_bytes=0)
    store.put("o", entry(), name="x")
    monkeypatch.setattr(RedisStore, "_fetch", lambda *_: None)
    with pytest.raises(StoreUnavailableError, match="replaced by other clients"):
        store.get("o", "x")
