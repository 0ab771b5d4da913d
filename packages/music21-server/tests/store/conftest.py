"""Stores of each kind for a test; what they hold is in store_samples.py, beside this file."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from music21_server.store.limits import StoreLimits
from music21_server.store.local import LocalStore
from music21_server.store.protocol import ScoreStore
from music21_server.store.redis.store import RedisStore

sys.path.insert(0, str(Path(__file__).parent))

from store_samples import LIMITS, Clock, Make, Open


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(request: pytest.FixtureRequest, tmp_path: Path, redis_prefix: str) -> Iterator[Open]:
    """Return a function that opens a store; in a folder and in Redis it is the same one each time."""
    with contextlib.ExitStack() as stores:

        def make(kind: str, limits: StoreLimits, clock: Callable[[], float]) -> ScoreStore:
            store: ScoreStore
            if kind == "redis":
                url = request.getfixturevalue("redis_url")
                store = RedisStore(limits, url, prefix=redis_prefix, clock=clock)
            else:
                store = LocalStore(limits, clock, tmp_path / "store" if kind == "folder" else None)
            stores.callback(store.close)
            return store

        yield make


@pytest.fixture(params=["memory", "folder", "redis"])
def make(request: pytest.FixtureRequest, opened: Open, clock: Clock) -> Make:
    """Return a function that opens a store, once for each kind."""
    return lambda **limits: opened(request.param, replace(LIMITS, **limits), clock)


@pytest.fixture(params=["folder", "redis"])
def shared(request: pytest.FixtureRequest, opened: Open, clock: Clock) -> Make:
    """Return a function that opens a persistent store as another process would."""
    return lambda **limits: opened(request.param, replace(LIMITS, **limits), clock)


@pytest.fixture
def in_folder(opened: Open, clock: Clock) -> Make:
    """Return a function that opens the store in a folder as another process would."""
    return lambda **limits: opened("folder", replace(LIMITS, **limits), clock)
