"""Ctrl-C, SIGTERM and a closed terminal become one flag that the lab looks at.

A flag rather than an exception: an exception out of a signal handler could strike between starting a
process and remembering it, and leave that process behind.
"""

from __future__ import annotations

import signal
import subprocess
import sys
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
"""Options of Popen that keep a terminal's signals away from a child, and the signal that interrupts it
then: Ctrl-C is for the lab, which ends its children in order."""

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)


OnProgress = Callable[[str, float | None], None]
"""Called by long steps with a sentence, and with the share done (0 to 1) while a load runs, else None."""


class Interruption:
    """Whether the user has asked to stop.

    Attributes:
        requested: Set by the first signal; further signals change nothing, since every step of the
            way out is bounded in time.
    """

    def __init__(self) -> None:
        self.requested = False

    def check(self) -> None:
        """Raise when the user has asked to stop.

        Raises:
            Interrupted: The user has.
        """
        if self.requested:
            raise Interrupted


@contextmanager
def watch_signals() -> Iterator[Interruption]:
    """Yield the flag that signals set; the handlers from before come back at the end."""
    interruption = Interruption()

    def request(_number: int, _frame: FrameType | None) -> None:
        interruption.requested = True

    before = {number: signal.signal(number, request) for number in _SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
