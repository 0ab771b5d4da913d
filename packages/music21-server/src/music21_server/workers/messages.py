"""Messages between the pool and its workers: a length, then a pickle.

Both ends are processes of one server, and nothing from outside is ever unpickled: documents and columns
travel as bytes inside these messages.
"""

from __future__ import annotations

import os
import pickle
import struct
from asyncio import StreamReader
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from music21_server.errors import ScoreError
from music21_server.workers.deadlines import Deadline
from music21_server.workers.progress import Progress

LENGTH: Final = struct.Struct("!Q")


@dataclass(frozen=True)
class Task:
    """A task for a worker.

    Attributes:
        deadline_s: Time limit; shortly after it the worker ends itself, in case nobody is left to kill it.
        function: A function at the top level of a module.
        arguments: Its arguments.
        is_followed: Whether a client wants progress; each report wakes both processes.
    """

    deadline_s: float
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    is_followed: bool


@dataclass(frozen=True)
class Ready:
    """The worker can take a task."""


@dataclass(frozen=True)
class Done:
    """The task is done.

    Attributes:
        result: What the function returned.
        has_outgrown: Whether the process has grown so much that it should be replaced.
    """

    result: Any
    has_outgrown: bool


@dataclass(frozen=True)
class Refused:
    """The function raised an error that is meant for the caller.

    Attributes:
        kind: The class of the error.
        message: Its message.
    """

    kind: type[ScoreError]
    message: str


@dataclass(frozen=True)
class OutOfMemory:
    """The function needed more memory than allowed."""


@dataclass(frozen=True)
class Failed:
    """The function raised an unexpected error.

    Attributes:
        trace: The traceback.
    """

    trace: str


Answer = Ready | Progress | Deadline | Done | Refused | OutOfMemory | Failed


def pack(message: Task | Answer) -> bytes:
    """Return a pickled message, without its length."""
    return pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)


async def receive(reader: StreamReader) -> Answer:
    """Return the next answer from a worker.

    Raises:
        asyncio.IncompleteReadError: The worker has ended.
        OSError: The connection is broken.
    """
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    answer: Answer = pickle.loads(await reader.readexactly(length))  # noqa: S301 - from our own process
    return answer


def receive_bytes(descriptor: int) -> bytearray | None:
    """Return the next message as bytes, or None when the pool has closed the connection."""
    try:
        (length,) = LENGTH.unpack(_read(descriptor, LENGTH.size))
        return _read(descriptor, length)
    except (EOFError, ConnectionError):
        return None


def unpack_task(message: bytearray) -> Task:
    """Return the task in a message.

    Raises:
        Exception: The import of its function failed.
    """
    task: Task = pickle.loads(message)  # noqa: S301 - from our own process
    return task


def send_answer(descriptor: int, message: bytes) -> None:
    """Write a packed message.

    Raises:
        OSError: The pool is gone.
    """
    length = LENGTH.pack(len(message))
    # Small messages go out in one write, so that the pool wakes once; large ones are not copied for that.
    for piece in (length + message,) if len(message) < _SMALL else (length, message):
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def _read(descriptor: int, length: int) -> bytearray:
    buffer = bytearray(length)
    rest = memoryview(buffer)
    while rest:
        piece = os.read(descriptor, min(len(rest), _PIECE))
        if not piece:
            raise EOFError
        rest[: len(piece)] = piece
        rest = rest[len(piece) :]
    return buffer


_PIECE: Final = 1 << 20
_SMALL: Final = 1 << 16
