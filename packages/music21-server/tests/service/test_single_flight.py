"""What several ask for at the same time is worked on once."""

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
    """Work that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.tell: Listener | None = None

    async def __call__(self, tell: Listener) -> str:
        self.begun += 1
        self.tell = tell
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


async def test_the_same_is_worked_on_once_and_another_key_by_itself() -> None:
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    tasks = await several(flights, work, "a", "a", "b", "a")
    assert (work.begun, len(flights), flights.shared) == (2, 2, 2)
    work.end.set_result("done")
    assert await asyncio.gather(*tasks) == ["done"] * 4
    await settled()
    assert len(flights) == 0
    assert await flights.run("a", work) == "done"
    assert work.begun == 3


async def test_all_get_the_error() -> None:
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    tasks = await several(flights, work, "a", "a")
    work.end.set_exception(ValueError("no"))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [repr(each) for each in results] == ["ValueError('no')"] * 2
    assert len(flights) == 0


async def test_when_one_leaves_the_others_go_on() -> None:
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    first, second, third = await several(flights, work, "a", "a", "a")
    first.cancel()
    third.cancel()
    await settled()
    assert (first.cancelled(), third.cancelled(), work.cancelled) == (True, True, 0)
    work.end.set_result("done")
    assert await second == "done"


async def test_when_all_leave_the_work_is_cancelled_and_the_next_begins_anew() -> None:
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    first, second = await several(flights, work, "a", "a")
    first.cancel()
    second.cancel()
    (third,) = await several(flights, work, "a")
    assert (work.begun, work.cancelled, len(flights)) == (2, 1, 1)
    work.end.set_result("done")
    assert await third == "done"


async def test_one_who_comes_while_the_work_is_being_cancelled_gets_work_of_his_own() -> None:
    flights: SingleFlight[str] = SingleFlight()
    may_end = asyncio.Event()
    begun = 0

    async def work(tell: Listener) -> int:
        nonlocal begun
        begun += 1
        if begun > 1:
            return begun
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            await may_end.wait()  # as a worker is killed

    (first,) = await several(flights, work, "a")
    first.cancel()
    await settled()
    assert await flights.run("a", work) == 2  # type: ignore[comparison-overlap]
    may_end.set()
    await settled()
    assert len(flights) == 0


async def test_an_error_that_nobody_waits_for_any_more_is_not_complained_about() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    (task,) = await several(flights, work, "a")
    work.end.set_exception(ValueError("no"))
    await asyncio.sleep(0)
    task.cancel()
    await settled()
    assert task.done()
    assert complaints == []


async def test_progress_reaches_all_who_wait_at_that_moment() -> None:
    flights: SingleFlight[str] = SingleFlight()
    work = Work()
    heard: dict[str, list[float]] = {"first": [], "second": []}
    first = asyncio.create_task(flights.run("a", work, lambda each: heard["first"].append(each.done)))
    silent = asyncio.create_task(flights.run("a", work))
    await settled()
    assert work.tell is not None
    work.tell(Progress(1, 3, ""))
    second = asyncio.create_task(flights.run("a", work, lambda each: heard["second"].append(each.done)))
    await settled()
    work.tell(Progress(2, 3, ""))
    first.cancel()
    await settled()
    work.tell(Progress(3, 3, ""))
    assert heard == {"first": [1, 2], "second": [2, 3]}
    work.end.set_result("done")
    assert await asyncio.gather(silent, second) == ["done", "done"]
