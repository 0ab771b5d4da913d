"""A limit on what waits, and none of its cost for what does not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server_core.deadlines import DeadlineError, within

pytestmark = pytest.mark.anyio


async def at_once(value: Any) -> Any:
    return value


async def after_a_while(value: Any, turns: int = 3) -> Any:
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


async def test_what_does_not_wait_gets_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "timeout", lambda _s: pytest.fail("a timer was made"))
    assert await within(1, at_once(7)) == 7


async def test_what_waits_goes_on_where_it_was() -> None:
    seen: list[str] = []

    async def work() -> str:
        seen.append("begun")
        await asyncio.sleep(0)
        seen.append("went on")
        return await after_a_while("done")

    assert await within(5, work()) == "done"
    assert seen == ["begun", "went on"]


async def test_time_is_over_and_the_work_is_cancelled() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        finally:
            ended.append("cleaned up")

    with pytest.raises(DeadlineError):
        await within(0.01, work())
    assert ended == ["cancelled", "cleaned up"]
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling(), "the waiting task itself goes on"


@pytest.mark.parametrize("waits", [False, True])
async def test_errors_pass_through(waits: bool) -> None:
    async def work() -> None:
        if waits:
            await asyncio.sleep(0)
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await within(5, work())


async def test_work_that_answers_all_the_same_has_its_answer() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "kept on"
        return "never"

    assert await within(0.01, stubborn()) == "kept on", "as with asyncio.timeout"
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_cancelling_from_outside_reaches_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(within(5, work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_futures_are_awaited_as_well() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, 3)
    assert await within(5, future) == 3


async def test_the_task_is_the_callers() -> None:
    async def who() -> asyncio.Task[Any] | None:
        await asyncio.sleep(0)
        return asyncio.current_task()

    assert await within(5, who()) is asyncio.current_task()
