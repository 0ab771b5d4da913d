"""Waiting no longer than a time, at no cost for what does not wait at all."""

from __future__ import annotations

import asyncio
import inspect
import types
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class DeadlineError(Exception):
    """The time is over; what was waited for has been cancelled."""


async def within(timeout_s: float, awaitable: Awaitable[T]) -> T:
    """Return the result of `awaitable`, which may take `timeout_s` seconds.

    A coroutine that is done after its first step, which nothing could interrupt, is spared the price of a
    timer: some 7 µs, where a tool call takes 30.

    Raises:
        DeadlineError: It took longer and was cancelled. A `TimeoutError` of its own passes through.
    """
    waiting: Any = None
    if inspect.iscoroutine(awaitable):
        try:
            waiting = awaitable.send(None)
        except StopIteration as done:
            result: T = done.value
            return result
        awaitable = _resumed(awaitable, waiting)
    try:
        async with asyncio.timeout(timeout_s) as deadline:
            return await awaitable
    except TimeoutError as error:
        if deadline.expired():
            raise DeadlineError from error
        raise


@types.coroutine
def _resumed(coroutine: Coroutine[Any, Any, T], waiting: Any) -> Generator[Any, Any, T]:
    """Go on with a coroutine that has been started and waits for `waiting`."""
    while True:
        try:
            sent = yield waiting
        except BaseException as error:  # noqa: BLE001 - the coroutine decides what a cancellation means to it
            raised: BaseException | None = error
        else:
            raised = None
        try:
            waiting = coroutine.send(sent) if raised is None else coroutine.throw(raised)
        except StopIteration as done:
            result: T = done.value
            return result
