"""The store in a real Redis server that is unreachable, full, emptied, or modified by others.

Tests of the behaviour that all stores share are in ../test_local.py.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from redis.connection import AbstractConnection

from music21_server.errors import StoreUnavailableError, TooMuchScoreError, UnknownScoreError
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.store.limits import StoreLimits
from music21_server.store.redis import connection
from music21_server.store.redis.connection import RedisConnection
from music21_server.store.redis.store import RedisStore

pytestmark = pytest.mark.process

LIMITS = StoreLimits()

Make = Callable[..., RedisStore]


@pytest.fixture
def opened() -> Iterator[Make]:
    """Return a function that opens a store at a URL."""
    stores: list[RedisStore] = []

    def make(url: str, prefix: str = "music21", clock: Any = None, **limits: Any) -> RedisStore:
        stores.append(RedisStore(replace(LIMITS, **limits), url, prefix=prefix, clock=clock))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def make(opened: Make, redis_url: str, redis_prefix: str) -> Make:
    """Return a function that opens a store in the Redis server that the tests share."""
    return lambda **more: opened(redis_url, redis_prefix, **more)


@pytest.fixture
def raw(redis_url: str) -> Iterator[redis.Redis]:
    """A client of the Redis server that the tests share."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try Redis again at once after a failure."""
    monkeypatch.setattr(connection, "_RETRY_PAUSE_S", 0.0)


def entry(content: str = "a", columns: bytes = bytes(10)) -> Entry:
    return Entry.from_document(Document("abc", content.encode()), columns, {"title": content})


def names(store: RedisStore, owner: str = "o") -> list[str]:
    return [score.name for score in store.scores(owner)]


def keys_of(raw: Any, prefix: str) -> list[str]:
    return sorted(key.decode() for key in raw.keys(f"{prefix}:*"))


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


def test_the_store_recovers_when_redis_starts_late_stops_and_restarts(
    start_redis: Any, opened: Make, no_pause: None, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_redis()
    server.stop()
    caplog.set_level(logging.INFO, "music21_server")
    store = opened(server.url)
    calls: list[Callable[[], object]] = [
        lambda: store.put("o", entry(), name="x"),
        lambda: store.get("o", "x"),
        lambda: store.scores("o"),
        lambda: store.delete("o", "x"),
        lambda: store.delete_all("o"),
        store.sweep,
        store.figures,
        store.check,
    ]
    for call in calls:
        with pytest.raises(
            StoreUnavailableError,
            match=r"The score store \(Redis at .*\) cannot be reached .*try again",
        ):
            call()
    assert caplog.text.count("cannot be reached") == 1, "logged once, not at every call"
    server.start()
    store.check()
    store.put("o", entry(), name="x")
    assert "responds" in caplog.text
    server.stop()
    with pytest.raises(StoreUnavailableError):
        store.get("o", "x")
    assert caplog.text.count("cannot be reached") == 2
    server.start()
    with pytest.raises(UnknownScoreError, match=r"Redis was restarted without its data or emptied"):
        store.get("o", "x")
    assert "has lost its data" in caplog.text
    assert store.put("o", entry(), name="x").name == "x"
    assert store.get("o", "x") == entry()


def test_a_connection_closed_while_idle_causes_no_error(make: Make, raw: Any) -> None:
    store = make()
    store.put("o", entry(), name="x")
    raw.client_kill_filter(skipme=True, _type="normal")
    assert store.get("o", "x") == entry()


def test_a_connection_that_closes_during_use_causes_no_error(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make()
    store.put("o", entry(), name="x")
    send, failures = AbstractConnection.send_packed_command, ["once"]

    def fail_once(self: AbstractConnection, *arguments: Any, **named: Any) -> Any:
        if failures:
            raise redis.ConnectionError(failures.pop())
        return send(self, *arguments, **named)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", fail_once)
    assert store.get("o", "x") == entry()
    assert failures == []


def test_after_a_timeout_calls_fail_at_once_until_the_pause_is_over(
    start_redis: Any, opened: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_RESPONSE_TIMEOUT_S", 1.0)  # enough for Redis on a busy machine
    monkeypatch.setattr(connection, "_RETRY_PAUSE_S", 1_000.0)
    server = start_redis()
    store = opened(server.url)
    store.put("o", entry(), name="x")
    os.kill(server.process.pid, signal.SIGSTOP)
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        store.get("o", "x")
    assert 0.9 < time.monotonic() - began_s < 30
    os.kill(server.process.pid, signal.SIGCONT)
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        store.get("o", "x")  # fails without calling Redis, which would respond now
    monkeypatch.setattr(store._connection, "_refused_until_s", 0.0)
    assert store.get("o", "x") == entry()


def test_after_a_pause_one_call_tests_the_connection_and_the_others_fail_at_once(
    monkeypatch: pytest.MonkeyPatch, no_pause: None
) -> None:
    tested = RedisConnection("redis://127.0.0.1:1")
    monkeypatch.setattr(connection, "_CONNECT_TIMEOUT_S", 1_000.0)
    with pytest.raises(StoreUnavailableError):
        tested.call(lambda client: client.ping())
    is_waiting, may_end = threading.Event(), threading.Event()

    def wait_in_vain(_client: Any) -> None:
        is_waiting.set()
        assert may_end.wait(30)
        raise redis.TimeoutError("no response")

    def call() -> None:
        with pytest.raises(StoreUnavailableError, match="no response"):
            tested.call(wait_in_vain)
        ended.append(True)

    ended: list[bool] = []
    commands: list[Any] = []
    thread = threading.Thread(target=call)
    thread.start()
    assert is_waiting.wait(30)
    for _ in range(5):
        with pytest.raises(StoreUnavailableError):
            tested.call(commands.append)
    assert (commands, ended) == ([], [])
    may_end.set()
    thread.join()
    assert ended == [True]
    tested.call(commands.append)
    assert len(commands) == 1


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


@pytest.mark.parametrize("user", ["", ":wrong-hunter2@"])
def test_a_wrong_password_is_reported_and_never_shown(
    start_redis: Any, opened: Make, caplog: pytest.LogCaptureFixture, user: str
) -> None:
    server = start_redis("--requirepass", "right-hunter2")
    store = opened(server.url.replace("unix://", f"unix://{user}"))
    with pytest.raises(StoreUnavailableError, match=r"refuses this server.*setting store_url") as caught:
        store.get("o", "x")
    assert "hunter2" not in f"{caught.value}{caplog.text}"
    right = opened(server.url.replace("unix://", "unix://:right-hunter2@"))
    assert right.put("o", entry(), name="x").name == "x"


def test_a_password_that_an_error_repeats_is_not_shown() -> None:
    connection = RedisConnection("redis://user:a%2Fsecret@nowhere:1")

    def repeat(_client: Any) -> None:
        raise redis.exceptions.ResponseError("unknown command AUTH, with args beginning with: a/secret")

    with pytest.raises(StoreUnavailableError, match="with args beginning with: …") as caught:
        connection.call(repeat)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert connection.address == "Redis at nowhere:1"


def test_a_redis_that_evicts_keys_causes_a_warning(
    start_redis: Any, opened: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_redis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    opened(server.url).check()
    assert "maxmemory-policy allkeys-lru" in caplog.text
    caplog.clear()
    opened(start_redis("--maxmemory", "100mb").url).check()
    assert "policy" not in caplog.text


def filled(make: Make) -> RedisStore:
    store = make()
    store.put("o", entry("a"), name="x")
    store.put("p", entry("a"), name="y")
    store.put("o", entry("b"), name="z")
    store.put("o", entry("c"), name="gone")
    store.delete("o", "gone")
    return store


KEYS = ["uses", "contents", "freed", "freed-at", "since", "owner:o", "content", "names"]


def key_of(prefix: str, key: str) -> str:
    suffix = f":{entry('a').content_id}" if key in ("content", "names") else ""
    return f"{prefix}:1:{key}{suffix}"


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


def test_reading_a_score_that_is_always_replaced_ends_with_an_error(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(max_cached_bytes=0)
    store.put("o", entry(), name="x")
    monkeypatch.setattr(RedisStore, "_fetch", lambda *_: None)
    with pytest.raises(StoreUnavailableError, match="replaced by other clients"):
        store.get("o", "x")


def test_any_other_error_of_redis_is_reported_and_logged_once(
    start_redis: Any, opened: Make, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(start_redis("--rename-command", "EVALSHA", "").url)
    with pytest.raises(StoreUnavailableError, match=r"with an error: .*EVALSHA.*Nothing has been changed"):
        store.put("o", entry(), name="x")
    with pytest.raises(StoreUnavailableError, match="with an error"):
        store.put("o", entry(), name="x")
    assert caplog.text.count("responds with an error") == 1
