"""The score service calls its store outside the event loop and keeps sweeping after a failure."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from music21_server.engine.jobs import Bounds
from music21_server.errors import StoreUnavailableError
from music21_server.reading.ingest import DerivedScore
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.service.score_service import ScoreService
from music21_server.store.limits import StoreLimits
from music21_server.store.local import LocalStore

pytestmark = pytest.mark.anyio
SCALE = "C4 D4 E4 F4 G4 A4 B4 C5"


class InlinePool:
    """A pool that calls the functions in the test process."""

    async def run(self, function: Callable[..., Any], *arguments: Any, **_: Any) -> Any:
        return function(*arguments)


class RecordingStore:
    """Passes all calls to a store and records the thread of each."""

    is_in_memory = False

    def __init__(self) -> None:
        self.threads: dict[str, int] = {}
        self._store = LocalStore(StoreLimits())

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **keywords: Any) -> Any:
            self.threads[name] = threading.get_ident()
            return getattr(self._store, name)(*arguments, **keywords)

        return call


class FailingStore(LocalStore):
    """A store whose sweep fails twice, then succeeds."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.swept = asyncio.Event()
        super().__init__(StoreLimits())
        self.swept.clear()
        self.errors += [OSError("disk"), StoreUnavailableError("away")]

    def sweep(self) -> int:
        if self.errors:
            raise self.errors.pop()
        self.swept.set()
        return 0


def service_with(store: Any) -> ScoreService:
    pool: Any = InlinePool()
    return ScoreService(store, pool, Bounds(), (), max_cached_bytes=10_000_000, timeout_s=10)


def unchanged(entries: tuple[Entry, ...], _limits: Limits) -> DerivedScore:
    report: Mapping[str, Any] = {}
    return DerivedScore(entries[0], report)


async def test_a_store_that_may_block_is_never_called_in_the_event_loop() -> None:
    store = RecordingStore()
    score_service = service_with(store)
    await score_service.import_score("ann", SCALE, "auto", "x")
    await score_service.analyse("ann", "x", "key", {})
    await score_service.derive("ann", unchanged, sources=("x",), name="y")
    assert len(await score_service.scores("ann")) == 2
    await score_service.delete("ann", "x")
    await score_service.delete_all("ann")
    assert set(store.threads) == {"put", "get", "scores", "delete", "delete_all"}
    assert threading.get_ident() not in store.threads.values()


async def test_sweeping_continues_after_the_store_has_failed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("music21_server.service.score_service._SWEEP_INTERVAL_S", 0)
    store = FailingStore()
    sweeper = asyncio.create_task(service_with(store).sweep_forever())
    await asyncio.wait_for(store.swept.wait(), 30)
    sweeper.cancel()
    assert store.errors == []
    assert caplog.text.count("cannot sweep") == 1, "the store logs its own unavailability"
