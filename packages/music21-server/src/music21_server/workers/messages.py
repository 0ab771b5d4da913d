"""What the pool and its workers say to each other: a length, then a pickle.

Both ends are processes of one program, and nothing from outside is ever unpickled: documents and columns
travel as bytes within these messages.
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
from music21_server.workers.progress import Progress

LENGTH: Final = struct.Struct("!Q")


@dataclass(frozen=True)
class Task:
    """What a worker shall do.

    Attributes:
        deadline_s: After this and a little more the worker ends itself, should nobody be left to kill it.
        function: Of a module.
        arguments: Its arguments.
        is_followed: Whether somebody wants to hear how far it has come: a report wakes both processes.
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
        is_worn: Whether the process has grown so much that another one should take its place.
    """

    result: Any
    is_worn: bool


@dataclass(frozen=True)
class Refused:
    """The function raised an error that is meant for the caller.

    Attributes:
        kind: Class of the error.
        message: Its message.
    """

    kind: type[ScoreError]
    message: str


@dataclass(frozen=True)
class OutOfMemory:
    """The function needed more memory than it may have."""


@dataclass(frozen=True)
class Failed:
    """The function raised an error that nobody expected.

    Attributes:
        trace: Traceback.
    """

    trace: str


Answer = Ready | Progress | Done | Refused | OutOfMemory | Failed


def packed(message: Task | Answer) -> bytes:
    """Return a message without its length."""
    return pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)


async def receive(reader: StreamReader) -> Answer:
    """Return the next answer of a worker.

    Raises:
        asyncio.IncompleteReadError: The worker has ended.
        OSError: The connection is broken.
    """
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    answer: Answer = pickle.loads(await reader.readexactly(length))  # noqa: S301 - from our own process
    return answer


def receive_bytes(descriptor: int) -> bytearray | None:
    """Return the next message as bytes, None when the pool has closed the connection or is gone."""
    try:
        (length,) = LENGTH.unpack(_read(descriptor, LENGTH.size))
        return _read(descriptor, length)
    except (EOFError, ConnectionError):
        return None


def unpacked_task(message: bytearray) -> Task:
    """Return the task in a message.

    Raises:
        Exception: Whatever the import of its function raises.
    """
    task: Task = pickle.loads(message)  # noqa: S301 - from our own process
    return task


def send_answer(descriptor: int, message: bytes) -> None:
    """Write a packed message.

    Raises:
        OSError: The pool is gone.
    """
    length = LENGTH.pack(len(message))
    # Small ones in one piece, so that the pool is woken once; large ones are not copied for that.
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
