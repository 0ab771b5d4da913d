"""Main loop of a worker process: one task after another, until the pool closes the connection."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import traceback
from collections.abc import Sequence
from time import monotonic
from typing import Final

from music21_server.errors import ScoreError
from music21_server.workers.confinement import confine
from music21_server.workers.deadlines import Deadline, shortening
from music21_server.workers.memory_limit import MemoryLimit
from music21_server.workers.messages import (
    Done,
    Failed,
    OutOfMemory,
    Ready,
    pack,
    receive_bytes,
    refusal,
    send_answer,
    unpack_task,
)
from music21_server.workers.progress import Progress, listening

_PATIENCE_S: Final = 1.0
"""Extra time after which a process whose task is overdue ends itself, in case nobody is left to kill it."""

_NICENESS: Final = 5
"""Lets the process that answers clients go first when there are fewer cores than work."""

_LONGEST_TRACE: Final = 100_000
"""Characters of a traceback; an error may quote all of a document."""


def serve(reading: int, writing: int, memory_bytes: int, readable_folders: Sequence[str] | None) -> None:
    """Do tasks until the pool closes the connection.

    Args:
        reading: Descriptor to read tasks from.
        writing: Descriptor to write answers to.
        memory_bytes: Memory by which the process may grow.
        readable_folders: Folders of scores that a confined process may read; None to leave it unconfined.
    """
    faulthandler.enable()  # a crash in a library is reported on stderr
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        faulthandler.register(signal.SIGALRM, chain=True)  # prints the stack and ends the process
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    memory = MemoryLimit(memory_bytes)
    confinement = "" if readable_folders is None else confine(readable_folders)
    with contextlib.suppress(OSError):  # the pool is gone
        send_answer(writing, pack(Ready(confinement)))
        while (message := receive_bytes(reading)) is not None:
            answer = _answer(message, writing, memory)
            _cancel_end()
            del message
            send_answer(writing, answer)
            del answer  # otherwise it stays in memory while the worker is idle


def _answer(message: bytearray, writing: int, memory: MemoryLimit) -> bytes:
    """Do a task and return the packed answer; a result that cannot be packed is an error."""

    def send_progress(progress: Progress) -> None:
        send_answer(writing, pack(progress))

    try:
        task = unpack_task(message)
        end_s = monotonic() + task.deadline_s
        _end_after(task.deadline_s + _PATIENCE_S)

        def send_deadline(deadline: Deadline) -> None:
            send_answer(writing, pack(deadline))
            _end_after(min(deadline.seconds, max(0.0, end_s - monotonic())) + _PATIENCE_S)

        followed = listening(send_progress) if task.is_followed else contextlib.nullcontext()
        with followed, shortening(send_deadline):
            result = task.function(*task.arguments)
        return pack(Done(result, memory.has_outgrown()))
    except MemoryError:
        return pack(OutOfMemory())
    except BaseException as error:  # noqa: BLE001 - every error must reach the caller
        if memory.was_reached():
            return pack(OutOfMemory())
        with contextlib.suppress(Exception):  # an error whose message cannot be made or is too long
            if isinstance(error, ScoreError):
                return pack(refusal(error))
        return pack(Failed(traceback.format_exc()[-_LONGEST_TRACE:]))


def _end_after(duration_s: float) -> None:
    """Let the process print its stack and end itself after a time."""
    if hasattr(signal, "setitimer"):  # faulthandler's own timer starts a thread per task, which costs 0.1 ms
        signal.setitimer(signal.ITIMER_REAL, duration_s)
    else:
        faulthandler.dump_traceback_later(duration_s, exit=True)


def _cancel_end() -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    else:
        faulthandler.cancel_dump_traceback_later()
