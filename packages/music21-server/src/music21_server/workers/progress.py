"""How far long work has come, told to whoever waits for it.

A function that may take long calls `report` now and then. In a worker process this reaches the caller of the
pool; where nobody listens it does nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from typing import Final

_SHORTEST_PAUSE_S: Final = 0.1
"""Between two reports; more often nobody can read them, and each costs some 0.1 ms."""


@dataclass(frozen=True)
class Progress:
    """How far work has come.

    Attributes:
        done: Of `total`.
        total: In a unit that the work chooses: bars, notes, parts.
        text: What is being done, for people.
    """

    done: float
    total: float
    text: str


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


def report(done: float, total: float, text: str) -> None:
    """Say how far the work has come; cheap enough for every bar, hardly for every note.

    Args:
        done: Of `total`.
        total: In any unit.
        text: What is being done.
    """
    listener = _listener.get()
    if listener is not None:
        listener(Progress(done, total, text))


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let `report` tell a listener, the first time at once and then ten times a second at most."""
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
