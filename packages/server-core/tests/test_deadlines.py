"""A time limit for awaitables, without a timer for those that do not wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server_core.deadlines import DeadlineError, PausableDeadline, within

pytestmark = pytest.mark.anyio


async def immediate(value: Any) -> Any:
    return value


async def after_a_while(value: Any, turns: int = 3) -> Any:
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


async def test_a_coroutine_that_does_not_wait_gets_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "timeout", lambda _s: pytest.fail("a timer was started"))
    assert await within(1, immediate(7)) == 7


async def test_a_coroutine_that_waits_is_continued() -> None:
    seen: list[str] = []

    async def work() -> str:
        seen.append("started")
        await asyncio.sleep(0)
        seen.append("continued")
        return await after_a_while("done")

    assert await within(30, work()) == "done"
    assert seen == ["started", "continued"]


async def test_work_is_cancelled_at_the_deadline() -> None:
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
    assert not task.cancelling(), "the waiting task itself is not cancelled"


@pytest.mark.parametrize("waits", [False, True])
async def test_errors_of_the_work_pass_through(waits: bool) -> None:
    async def work() -> None:
        if waits:
            await asyncio.sleep(0)
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await within(30, work())


async def test_work_that_returns_in_spite_of_its_cancellation_has_its_result() -> None:
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

    task = asyncio.create_task(within(30, work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_futures_are_awaited_as_well() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, 3)
    assert await within(30, future) == 3


async def test_work_runs_in_the_task_of_its_caller() -> None:
    async def who() -> asyncio.Task[Any] | None:
        await asyncio.sleep(0)
        return asyncio.current_task()

    assert await within(30, who()) is asyncio.current_task()


async def later(seconds: float) -> None:
    """Wait for a timer, so that a shorter one that was started before has ended by then."""
    due = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, due.set)
    await due.wait()


async def test_a_block_has_a_deadline_that_does_not_run_while_it_is_paused() -> None:
    async with PausableDeadline(0.01) as deadline:
        with deadline.paused():
            await later(0.03)


async def test_a_deadline_runs_again_after_a_pause() -> None:
    async def work() -> None:
        async with PausableDeadline(0.01) as deadline:
            with deadline.paused():
                await later(0.03)
            await asyncio.Event().wait()

    with pytest.raises(DeadlineError):
        await work()


async def test_time_runs_again_only_after_the_last_of_overlapping_pauses() -> None:
    async with PausableDeadline(0.01) as deadline:
        outer, inner = deadline.paused(), deadline.paused()
        outer.__enter__()
        with inner:
            pass
        await later(0.03)
        outer.__exit__(None, None, None)


async def test_the_time_before_a_pause_counts() -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with PausableDeadline(10) as deadline:
        await later(0.03)
        with deadline.paused():
            assert deadline._timeout.when() is None
        assert deadline._timeout.when() == pytest.approx(began_s + 10, abs=0.02)


async def test_a_pause_after_the_end_and_an_error_of_the_block_change_nothing() -> None:
    with pytest.raises(TimeoutError, match="its own"):
        async with PausableDeadline(30) as deadline:
            raise TimeoutError("its own")
    with deadline.paused():
        pass
