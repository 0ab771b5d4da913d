"""Worker processes as the program sees them, however they came to be."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from music21_server.workers.errors import NoWorkersError
from music21_server.workers.messages import LENGTH, Answer, Ready, receive
from music21_server.workers.progress import Listener, Progress

START_S: Final = 60.0
"""For all imports, on a slow machine; they take 2 s."""

BUFFER_BYTES: Final = 1 << 20
"""Of what a worker has sent and nobody has read; with asyncio's 64 KB, 8 MB would stop and go often."""

ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Environment of workers. Threads of numpy's libraries would not survive a fork, and take address space."""


@dataclass(frozen=True)
class End:
    """How a process has ended.

    Attributes:
        code: Exit code (negative: the signal that killed it); None when nobody knows.
        peak_bytes: Most bytes of memory that were resident at once; 0 when nobody knows.
    """

    code: int | None = None
    peak_bytes: int = 0


class WorkerProcess:
    """A process that does one task after the other.

    Attributes:
        ended: Is done when it has ended.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ended: asyncio.Future[End],
        kill: Callable[[], None],
    ) -> None:
        self.ended = ended
        self._reader = reader
        self._writer = writer
        self._kill = kill

    async def ready(self) -> None:
        """Wait until it can do a task.

        Raises:
            NoWorkersError: It ended, or was not ready in time.
        """
        answer: Answer | None = None
        try:
            async with asyncio.timeout(START_S):
                answer = await receive(self._reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise NoWorkersError(not_started("a worker process ended or was not ready in time")) from error
        finally:
            if not isinstance(answer, Ready):
                self.kill()

    async def ask(self, task: bytes, on_progress: Listener | None) -> Answer:
        """Let it do a task, packed, and return the answer.

        Raises:
            asyncio.IncompleteReadError: It ended.
            OSError: It ended.
        """
        self._writer.writelines((LENGTH.pack(len(task)), task))  # in one: the worker is woken once
        await self._writer.drain()
        while isinstance(answer := await receive(self._reader), Progress):
            if on_progress is not None:
                on_progress(answer)
        return answer

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self._kill()
        if not self._writer.transport.is_closing():
            self._writer.transport.abort()


class Source(Protocol):
    """Where workers come from.

    Attributes:
        lost: Is done when no more can come.
    """

    lost: asyncio.Future[None]

    async def start(self) -> None:
        """Prepare.

        Raises:
            NoWorkersError: It does not work.
        """

    async def worker(self) -> WorkerProcess:
        """Return a new worker that is ready.

        Raises:
            NoWorkersError: It does not work.
        """

    async def close(self) -> None:
        """End everything that was started."""


def worker_arguments(preload: Sequence[str], memory_bytes: int) -> dict[str, Any]:
    """Return what a new interpreter is told, JSON-able."""
    # As it is here: a folder that is not searched here must not be searched there.
    return {"path": sys.path, "preload": list(preload), "memory_bytes": memory_bytes}


def not_started(reason: str) -> str:
    """Return the message for callers."""
    return (
        f"No worker process can be started: {reason}. The server goes on trying, and its log says more; try "
        "again in some seconds."
    )
