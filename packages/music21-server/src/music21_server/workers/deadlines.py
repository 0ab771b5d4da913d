"""Deadlines of work, which the work itself can shorten once it knows what it has to do.

A function in a worker process calls `shorten` before a step that should not take all the time of its call. In
a worker process this reaches the pool; elsewhere it does nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A time limit of the rest of a task.

    Attributes:
        seconds: Time from now on.
        setting: Setting that it comes from.
        advice: What a client can do if it is missed, as a sentence.
    """

    seconds: float
    setting: str = "work_timeout_s"
    advice: str = "Ask for fewer measures or parts."


Shortener = Callable[[Deadline], None]

_shortener: ContextVar[Shortener | None] = ContextVar("deadline_shortener", default=None)


def shorten(deadline: Deadline) -> None:
    """Let the current task end by a deadline, unless it has to end before that anyway."""
    shortener = _shortener.get()
    if shortener is not None:
        shortener(deadline)


@contextlib.contextmanager
def shortening(shortener: Shortener) -> Iterator[None]:
    """Pass the deadlines set in this block to a function."""
    token = _shortener.set(shortener)
    try:
        yield
    finally:
        _shortener.reset(token)
