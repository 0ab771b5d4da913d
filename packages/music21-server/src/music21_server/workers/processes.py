"""Worker processes as the server sees them, forked or spawned."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from music21_server.workers.deadlines import Deadline, Shortener
from music21_server.workers.errors import NoWorkersError
from music21_server.workers.messages import LENGTH, Answer, AnswerReader, Ready
from music21_server.workers.progress import Listener, Progress
from music21_server.workers.values import MalformedValueError

START_S: Final = 60.0
"""Time for all imports on a slow machine; normally they take 2 s."""

BUFFER_BYTES: Final = 1 << 20
"""Read buffer for a worker's answer; with asyncio's 64 KB, reading of 8 MB would pause often."""

ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Environment of workers. Threads of numpy's libraries would not survive a fork, and take address space."""


@dataclass(frozen=True)
class ProcessEnd:
    """The end of a process.

    Attributes:
        code: Exit code (negative: the signal that killed it); None when unknown.
        peak_bytes: Peak resident memory; 0 when unknown.
    """

    code: int | None = None
    peak_bytes: int = 0


class WorkerProcess:
    """A process that does one task after another.

    Attributes:
        ended: Done when the process has ended.
        confinement: How it is confined, once it is ready; see `confinement.confine`.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ended: asyncio.Future[ProcessEnd],
        kill: Callable[[], None],
    ) -> None:
        self.ended = ended
        self._reader = reader
        self._writer = writer
        self._kill = kill
        self.confinement = ""

    async def ready(self) -> None:
        """Wait until it can take a task.

        Raises:
            NoWorkersError: It ended, or was not ready in time.
        """
        answer: Answer | None = None
        try:
            async with asyncio.timeout(START_S):
                answer = await _FIRST_ANSWER.read(self._reader)
        except (OSError, asyncio.IncompleteReadError, MalformedValueError) as error:
            raise NoWorkersError(start_failure("a worker process ended or was not ready in time")) from error
        finally:
            if isinstance(answer, Ready):
                self.confinement = answer.confinement
            else:
                self.kill()

    async def ask(
        self, task: bytes, answers: AnswerReader, on_progress: Listener | None, on_deadline: Shortener
    ) -> Answer:
        """Send a packed task and return the answer.

        Args:
            task: The task.
            answers: Reads the answers.
            on_progress: Receives its progress.
            on_deadline: Receives the deadlines that it sets itself.

        Raises:
            asyncio.IncompleteReadError: It ended.
            OSError: It ended.
            MalformedValueError: It sent something else than an answer.
        """
        self._writer.writelines((LENGTH.pack(len(task)), task))  # in one write, so that the worker wakes once
        await self._writer.drain()
        while isinstance(answer := await answers.read(self._reader), Progress | Deadline):
            if isinstance(answer, Deadline):
                on_deadline(answer)
            elif on_progress is not None:
                on_progress(answer)
            await asyncio.sleep(0)  # a flood of reports would hold up all others until the buffer is empty
        return answer

    def kill(self) -> None:
        """End it at once."""
        self._kill()
        if not self._writer.transport.is_closing():
            self._writer.transport.abort()


class Source(Protocol):
    """A way to start workers.

    Attributes:
        lost: Done when it can start no more.
    """

    lost: asyncio.Future[None]

    async def start(self) -> None:
        """Prepare.

        Raises:
            NoWorkersError: None can be started.
        """

    async def worker(self) -> WorkerProcess:
        """Return a new worker that is ready.

        Raises:
            NoWorkersError: None can be started.
        """

    async def close(self) -> None:
        """End everything that was started."""


@dataclass(frozen=True)
class WorkerSetup:
    """The settings of a worker process.

    Attributes:
        preload: Modules that it imports before its first task.
        memory_bytes: Memory by which it may grow.
        readable_folders: Folders of scores that a confined worker may read; None to leave it unconfined.
    """

    preload: tuple[str, ...]
    memory_bytes: int
    readable_folders: tuple[str, ...] | None

    def arguments(self) -> dict[str, Any]:
        """Return the JSON-able arguments of a new interpreter."""
        # The same search path: a folder that is not searched here must not be searched there.
        return {"path": sys.path, **asdict(self)}


def start_failure(reason: str) -> str:
    """Return the message for callers when no worker starts."""
    return (
        f"No worker process can be started: {reason}. The server keeps trying, and its log says more; try "
        "again in a few seconds."
    )


_FIRST_ANSWER: Final = AnswerReader((), most_bytes=10_000)
