"""Calls that end in time or when the user interrupts, although they wait in a library that knows neither."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from perf_core.errors import Interrupted
from perf_core.interruption import Interruption

_POLL_S = 0.05

GRACE_S = 1.0
"""Time for a call to end by itself after an interruption: the session at a sound server is still deleted."""

Result = TypeVar("Result")


def interruptible(call: Callable[[], Result], interruption: Interruption) -> Result:
    """Return the result of a call that is made in a thread of its own.

    After an interruption the thread is left behind if it does not end soon: it ends with the server that it
    waits for.

    Raises:
        Interrupted: The user interrupted, and there was no result soon after.
    """
    future = _started(call)
    while not wait([future], _POLL_S).done:
        if interruption.requested and not wait([future], GRACE_S).done:
            raise Interrupted
    return future.result()


def in_time(call: Callable[[], Result], limit_s: float) -> Result:
    """Return the result of a call that is made in a thread of its own, which is left behind when it is late.

    Raises:
        TimeoutError: There is no result within that time.
    """
    future = _started(call)
    if not wait([future], limit_s).done:
        raise TimeoutError(f"there was no result within {limit_s:g} s")
    return future.result()


def _started(call: Callable[[], Result]) -> Future[Result]:
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            future.set_exception(error)

    # A daemon: an executor would be waited for when the lab ends.
    threading.Thread(target=run, name="interruptible", daemon=True).start()
    return future
