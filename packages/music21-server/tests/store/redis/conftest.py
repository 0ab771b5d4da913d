"""Stores in a Redis server that is the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from redis_samples import Make
from store_samples import LIMITS

from music21_server.store.redis import connection
from music21_server.store.redis.store import RedisStore


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
