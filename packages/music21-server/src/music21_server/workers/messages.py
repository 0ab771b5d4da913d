"""Messages between the pool and its workers, each after its length.

Tasks are pickles, made by the server itself: documents and columns are bytes in them, and nothing from
outside is ever unpickled. Answers are `values`, because they come from a process that has read a stranger's
document.
"""

from __future__ import annotations

import os
import pickle
import struct
from asyncio import StreamReader
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, get_args

from music21_server.errors import ScoreError
from music21_server.workers import values
from music21_server.workers.deadlines import Deadline
from music21_server.workers.progress import Progress
from music21_server.workers.values import MalformedValueError

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
    """The worker can take a task.

    Attributes:
        confinement: What keeps it from harming others, for the log (`confinement.confine`); empty if nothing.
    """

    confinement: str


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
        kinds: Names of the error's classes, the most specific one first.
        message: Its message.
    """

    kinds: tuple[str, ...]
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


class AnswerReader:
    """Reads the answers of workers.

    Args:
        results: Dataclasses that results may hold; plain values are always allowed.
        most_bytes: Longest answer.
    """

    def __init__(self, results: Iterable[type], most_bytes: int) -> None:
        self._kinds = {kind.__name__: kind for kind in (*get_args(Answer), *results)}
        self._most_bytes = most_bytes

    async def read(self, stream: StreamReader) -> Answer:
        """Return the next answer from a worker.

        Raises:
            asyncio.IncompleteReadError: The worker has ended.
            OSError: The connection is broken.
            MalformedValueError: It sent something else than an answer.
        """
        (length,) = LENGTH.unpack(await stream.readexactly(LENGTH.size))
        if length > self._most_bytes:
            raise MalformedValueError(f"expected at most {self._most_bytes:,} bytes, got {length:,}")
        answer = values.decode(await stream.readexactly(length), self._kinds)
        if not isinstance(answer, Answer):
            raise MalformedValueError(f"expected an answer, got a {type(answer).__name__}")
        if isinstance(answer, Deadline | Progress) and not all(map(isfinite, _numbers(answer))):
            raise MalformedValueError(f"expected finite numbers, got {answer}")
        return answer


def _numbers(answer: Deadline | Progress) -> tuple[float, ...]:
    return (answer.seconds,) if isinstance(answer, Deadline) else (answer.done, answer.total)


def pack_task(task: Task) -> bytes:
    """Return a task as bytes, without its length.

    Raises:
        TypeError: Its function or an argument cannot be pickled.
    """
    try:
        return pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)
    except (AttributeError, TypeError, pickle.PicklingError) as error:  # which one depends on the Python
        raise TypeError(
            "expected a function at the top level of a module, and arguments that can be pickled, got: "
            f"{error}"
        ) from error


def unpack_task(message: bytearray) -> Task:
    """Return the task in a message.

    Raises:
        Exception: The import of its function failed.
    """
    task: Task = pickle.loads(message)  # noqa: S301 - from the server that has started this process
    return task


def pack(answer: Answer) -> bytes:
    """Return an answer as bytes, without its length.

    Raises:
        TypeError: A result holds something that is neither plain nor a dataclass.
        ValueError: A result is too long.
    """
    return values.encode(answer)


def refusal(error: ScoreError) -> Refused:
    """Return the answer for an error that is meant for the caller."""
    return Refused(tuple(map(class_name, type(error).__mro__)), str(error))


def class_name(kind: type) -> str:
    """Return the full name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def receive_bytes(descriptor: int) -> bytearray | None:
    """Return the next message as bytes, or None when the pool has closed the connection."""
    try:
        (length,) = LENGTH.unpack(_read(descriptor, LENGTH.size))
        return _read(descriptor, length)
    except (EOFError, ConnectionError):
        return None


def send_answer(descriptor: int, message: bytes) -> None:
    """Write a packed answer.

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
