"""A flag that Ctrl-C, SIGTERM or a closed terminal sets, and that the lab polls.

A flag instead of an exception: an exception from a signal handler could be raised between starting a
process and storing its handle, and would leave that process running.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from perf_core.errors import Interrupted

if sys.platform == "win32":
    APART: Mapping[str, Any] = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    INTERRUPT = signal.CTRL_BREAK_EVENT
else:
    APART: Mapping[str, Any] = {"start_new_session": True}
    INTERRUPT = signal.SIGINT
"""Options of Popen that keep a terminal's signals from a child, and the signal that then interrupts it.

Ctrl-C reaches only the lab, which ends its children in order.
"""

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)


OnProgress = Callable[[str, float | None], None]
"""Callback for the progress of long steps: takes a description, and the share done (0 to 1) or None."""


_TOLD_EVERY_S = 5.0


@contextmanager
def waiting(on_progress: OnProgress, step: str) -> Iterator[None]:
    """Say every few seconds for how long a step has taken that reports no progress itself.

    Example::

        with waiting(on_progress, "starting notes"):     # "starting notes: no answer for 5 s"
            process.wait()
    """
    began, has_ended = time.monotonic(), threading.Event()

    def report_time() -> None:
        while not has_ended.wait(_TOLD_EVERY_S):
            on_progress(f"{step}: no answer for {time.monotonic() - began:.0f} s", None)

    thread = threading.Thread(target=report_time, name="waiting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


class Interruption:
    """The user's request to stop; after the first signal, further ones change nothing."""

    def __init__(self) -> None:
        self.requested = False

    def check(self) -> None:
        """Raise Interrupted if the user has asked to stop."""
        if self.requested:
            raise Interrupted


@contextmanager
def watch_signals() -> Iterator[Interruption]:
    """Yield the flag that signals set, and restore the previous handlers at the end."""
    interruption = Interruption()

    def request(_number: int, _frame: FrameType | None) -> None:
        interruption.requested = True

    before = {number: signal.signal(number, request) for number in _SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
