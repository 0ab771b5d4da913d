"""Single flight shares work among callers with the same key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from music21_server.service.single_flight import SingleFlight
from music21_server.workers.progress import Listener, Progress

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Work:
    """Work that ends when the test sets `end`, and records its starts and cancellations."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = 0
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.report_to_all: Listener | None = None

    async def __call__(self, report_to_all: Listener) -> str:
        self.started += 1
        self.report_to_all = report_to_all
        try:
            return await asyncio.shield(self.end)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def several(
    flights: SingleFlight[str], work: Callable[..., Any], *keys: str
) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(flights.run(key, work)) for key in keys]
    await settled()
    return tasks


async def test_callers_with_the_same_key_share_work_and_another_key_does_not() -> None:
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    tasks = await several(flights, work, "a", "a", "b", "a")
    assert (work.started, len(flights), flights.shared) == (2, 2, 2)
    work.end.set_result("done")
    assert await asyncio.gather(*tasks) == ["done"] * 4
    await settled()
    assert len(flights) == 0
    assert await flights.run("a", work) == "done"
    assert work.started == 3


async def test_all_callers_get_the_error() -> None:
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    tasks = await several(flights, work, "a", "a")
    work.end.set_exception(ValueError("no"))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [repr(each) for each in results] == ["ValueError('no')"] * 2
    assert len(flights) == 0


async def test_the_work_goes_on_while_one_caller_waits() -> None:
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    first, second, third = await several(flights, work, "a", "a", "a")
    first.cancel()
    third.cancel()
    await settled()
    assert (first.cancelled(), third.cancelled(), work.cancelled) == (True, True, 0)
    work.end.set_result("done")
    assert await second == "done"


async def test_the_work_is_cancelled_when_all_callers_leave_and_the_next_starts_it_again() -> None:
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    first, second = await several(flights, work, "a", "a")
    first.cancel()
    second.cancel()
    (third,) = await several(flights, work, "a")
    assert (work.started, work.cancelled, len(flights)) == (2, 1, 1)
    work.end.set_result("done")
    assert await third == "done"


async def test_a_caller_that_arrives_during_cancellation_starts_new_work() -> None:
    flights: SingleFlight[str] = SingleFlight()
    may_end = asyncio.Event()
    started = 0

    async def work(report_to_all: Listener) -> int:
        nonlocal started
        started += 1
        if started > 1:
            return started
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            await may_end.wait()  # as a pool call does while its worker is killed

    (first,) = await several(flights, work, "a")
    first.cancel()
    await settled()
    assert await flights.run("a", work) == 2  # type: ignore[comparison-overlap]
    may_end.set()
    await settled()
    assert len(flights) == 0


async def test_an_error_after_all_callers_left_is_not_reported_to_the_event_loop() -> None:
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reports.append(context))
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    (task,) = await several(flights, work, "a")
    work.end.set_exception(ValueError("no"))
    await asyncio.sleep(0)
    task.cancel()
    await settled()
    assert task.done()
    assert reports == []


async def test_progress_reaches_all_callers_waiting_at_that_moment() -> None:
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    received: dict[str, list[float]] = {"first": [], "second": []}
    first = asyncio.create_task(flights.run("a", work, lambda each: received["first"].append(each.done)))
    silent = asyncio.create_task(flights.run("a", work))
    await settled()
    assert work.report_to_all is not None
    work.report_to_all(Progress(1, 3, ""))
    second = asyncio.create_task(flights.run("a", work, lambda each: received["second"].append(each.done)))
    await settled()
    work.report_to_all(Progress(2, 3, ""))
    first.cancel()
    await settled()
    work.report_to_all(Progress(3, 3, ""))
    assert received == {"first": [1, 2], "second": [2, 3]}
    work.end.set_result("done")
    assert await asyncio.gather(silent, second) == ["done", "done"]
