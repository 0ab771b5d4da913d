"""Progress of long work, reported to the client that waits for it.

A function that may take long calls `report` now and then. In a worker process this reaches the caller of the
pool; without a listener it does nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from typing import Final

_SHORTEST_PAUSE_S: Final = 0.1
"""Shortest time between two reports; nobody can read them faster, and each costs about 0.1 ms."""


@dataclass(frozen=True)
class Progress:
    """Progress of a piece of work.

    Attributes:
        done: Amount done, in the unit of `total`.
        total: Amount in all, in a unit of the work's choice: measures, notes, parts.
        text: Description of the current step, for people.
    """

    done: float
    total: float
    text: str


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


def report(done: float, total: float, text: str) -> None:
    """Report progress; cheap enough for every measure, but not for every note.

    Args:
        done: Amount done, in the unit of `total`.
        total: Amount in all, in any unit.
        text: Description of the current step.
    """
    listener = _listener.get()
    if listener is not None:
        listener(Progress(done, total, text))


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Pass the reports made in this block to a listener, at most ten a second."""
    last_s = -_SHORTEST_PAUSE_S

    def pass_on(progress: Progress) -> None:
        nonlocal last_s
        now_s = monotonic()
        if now_s - last_s >= _SHORTEST_PAUSE_S:
            last_s = now_s
            listener(progress)

    token = _listener.set(pass_on)
    try:
        yield
    finally:
        _listener.reset(token)
