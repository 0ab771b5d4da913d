"""A thread that calls a function at even intervals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self


class PeriodicThread:
    """Calls a function at even intervals in a thread, from entering the context until leaving it.

    An exception in the function ends the thread and is raised again when the context is left.

    Args:
        interval_s: Time from the start of one call to the start of the next.

    Attributes:
        stopping: Set when the context is left; a function that waits should return then.
    """

    def __init__(
        self, function: Callable[[], object], interval_s: float, name: str, *, delay_s: float = 0.0
    ) -> None:
        self.stopping = threading.Event()
        self._function = function
        self._interval_s = interval_s
        self._delay_s = delay_s
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._thread.join()
        if self._error is None:
            return
        if error is None:
            raise self._error
        error.add_note(f"The thread {self._thread.name!r} had failed before: {self._error!r}")

    def _run(self) -> None:
        due = time.monotonic() + self._delay_s
        try:
            while not self.stopping.wait(due - time.monotonic()):
                self._function()
                # After a pause of the whole machine, calls that were missed are not made up for.
                due = max(due + self._interval_s, time.monotonic())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that leaves the context
            self._error = error
