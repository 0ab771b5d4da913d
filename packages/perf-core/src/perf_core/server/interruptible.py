"""Calls that end when the user interrupts, although they wait in a library that knows nothing of that."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from perf_core.interruption import Interruption

_POLL_S = 0.05

Result = TypeVar("Result")


def interruptible(call: Callable[[], Result], interruption: Interruption) -> Result:
    """Return the result of a call that is made in a thread of its own.

    After an interruption the thread is left behind: it ends with the server that it waits for.

    Raises:
        Interrupted: The user interrupted before there was a result.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            future.set_exception(error)

    # A daemon: an executor would be waited for when the lab ends.
    threading.Thread(target=run, name="interruptible", daemon=True).start()
    while not wait([future], _POLL_S).done:
        interruption.check()
    return future.result()
