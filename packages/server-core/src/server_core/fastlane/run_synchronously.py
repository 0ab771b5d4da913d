"""Coroutines that never wait, run to their end without a task."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from server_core.sdk.internals import enter_task, leave_task

T = TypeVar("T")


def run_synchronously(coroutine: Coroutine[Any, Any, T], task: asyncio.Task[Any]) -> T:
    """Return the result of a coroutine that finishes in its first step.

    Meanwhile `asyncio.current_task()`, by which libraries detect asyncio, returns `task`, which may have
    ended long ago.

    Raises:
        RuntimeError: The coroutine waits after all; it has been closed.
    """
    loop = task.get_loop()
    enter_task(loop, task)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        leave_task(loop, task)
    coroutine.close()
    raise RuntimeError(f"expected a coroutine that never waits, got {coroutine!r}, which does")
