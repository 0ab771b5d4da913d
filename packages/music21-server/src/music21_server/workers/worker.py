"""The life of a worker process: one task after the other, until the pool closes the connection."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import traceback
from typing import Final

from music21_server.errors import ScoreError
from music21_server.workers.memory_limit import MemoryBound
from music21_server.workers.messages import (
    Done,
    Failed,
    OutOfMemory,
    Ready,
    Refused,
    packed,
    receive_bytes,
    send_answer,
    unpacked_task,
)
from music21_server.workers.progress import Progress, listening

_PATIENCE_S: Final = 1.0
"""After its deadline a task is killed from outside; when nobody is left to do so, the process ends itself."""

_NICENESS: Final = 5
"""Workers step back behind the process that answers clients, where there are fewer cores than work."""


def serve(reading: int, writing: int, memory_bytes: int) -> None:
    """Do tasks until the pool closes the connection.

    Args:
        reading: Descriptor that tasks come from.
        writing: Descriptor that answers go to.
        memory_bytes: By which the process may grow.
    """
    faulthandler.enable()  # a crash in a library says where, on stderr
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        faulthandler.register(signal.SIGALRM, chain=True)  # says where it was, and ends it
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    memory = MemoryBound(memory_bytes)
    with contextlib.suppress(OSError):  # the pool is gone: there is nobody to tell
        send_answer(writing, packed(Ready()))
        while (message := receive_bytes(reading)) is not None:
            answer = _answer(message, writing, memory)
            _call_off()
            del message
            send_answer(writing, answer)
            del answer  # or it would stay in memory while the worker is idle


def _answer(message: bytearray, writing: int, memory: MemoryBound) -> bytes:
    """Do a task and return the answer, packed: a result that cannot be packed is an error like another."""

    def tell(progress: Progress) -> None:
        send_answer(writing, packed(progress))

    try:
        task = unpacked_task(message)
        _end_after(task.deadline_s + _PATIENCE_S)
        with listening(tell) if task.is_followed else contextlib.nullcontext():
            result = task.function(*task.arguments)
        return packed(Done(result, memory.is_worn()))
    except MemoryError:
        return packed(OutOfMemory())
    except BaseException as error:  # noqa: BLE001 - whatever it is, the caller must hear of it
        if memory.was_reached():
            return packed(OutOfMemory())
        with contextlib.suppress(Exception):  # an error whose class the pool cannot import
            if isinstance(error, ScoreError):
                return packed(Refused(type(error), str(error)))
        return packed(Failed(traceback.format_exc()))


def _end_after(duration_s: float) -> None:
    """Let the process end itself, and say what it was at."""
    if hasattr(signal, "setitimer"):  # a thread for each task, as faulthandler's own has, costs 0.1 ms
        signal.setitimer(signal.ITIMER_REAL, duration_s)
    else:
        faulthandler.dump_traceback_later(duration_s, exit=True)


def _call_off() -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    else:
        faulthandler.cancel_dump_traceback_later()
