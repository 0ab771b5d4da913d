"""Coroutines that never wait, run without a task of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def done_at_once(coroutine: Coroutine[Any, Any, T], task: asyncio.Task[Any]) -> T:
    """Return what a coroutine returns after its first step.

    Args:
        coroutine: Waits for nothing.
        task: What `asyncio.current_task` says meanwhile: libraries ask it whether they run under asyncio.
            It may be done long since.

    Raises:
        RuntimeError: The coroutine waits after all; it has been closed.
        BaseException: What it raised.
    """
    loop = task.get_loop()
    asyncio._enter_task(loop, task)
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        asyncio._leave_task(loop, task)
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} waits for something, expected one that never does")
