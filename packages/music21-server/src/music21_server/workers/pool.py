"""Heavy work in worker processes: never in the event loop's way, never longer than it may, and killable.

    async with Pool(PoolSettings(worker_processes=2)) as pool:
        roots = await pool.run(find_roots, columns, deadline_s=30)

Calls beyond the workers wait, owner by owner in turn. A worker that is killed, crashes, hangs or needs too
much memory costs that one call an error, which says so; the next call has another worker at once, for one
more than needed is always ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Final, Literal, Self, TypeVar, TypeVarTuple, get_args

from music21_server.workers.errors import (
    NoWorkersError,
    WorkDeadlineError,
    WorkerCrashError,
    WorkError,
    WorkFailedError,
    WorkMemoryError,
)
from music21_server.workers.fair_queue import Turns
from music21_server.workers.fork_workers import ForkedWorkers
from music21_server.workers.messages import Answer, Done, OutOfMemory, Task, packed
from music21_server.workers.outcomes import crash, result_of, too_long
from music21_server.workers.processes import End, Source, WorkerProcess
from music21_server.workers.progress import Listener
from music21_server.workers.spawn_workers import SpawnedWorkers

_logger = logging.getLogger(__name__)

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_SPARE: Final = 1
"""Workers beyond those that can be busy: one that dies is replaced at once."""

_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 30.0
"""Between two attempts to start workers."""

_DEATH_S: Final = 2.0
"""Until the exit code of a worker that has broken its connection is known."""

PRELOAD: Final = (
    "music21",
    "verovio",
    "resvg_py",
    "music21_server.engine.jobs",
    "music21_server.editing.extraction",
    "music21_server.editing.transposition",
    "music21_server.composition.counterpoint.generation",
    "music21_server.composition.harmonization.harmonize",
    "music21_server.composition.imitation.generation",
)
"""Modules that workers have imported before they get work."""

Loss = Literal["deadline", "memory", "crash", "abandoned", "worn", "died idle", "workshop ended"]
"""Why a worker is not used any more: its call took too long, needed too much memory, ended the process, or
had nobody waiting for it any more; it had grown too much; it ended without work; or what forks workers
ended."""


@dataclass(frozen=True)
class PoolSettings:
    """Bounds of the pool; each has a setting of the same name.

    Attributes:
        worker_processes: Calls that are worked on at once.
        max_waiting_calls: Calls that may wait for a worker.
        worker_memory_bytes: What the work of one call may need.
    """

    worker_processes: int = 2
    max_waiting_calls: int = 64
    worker_memory_bytes: int = 1_000_000_000


@dataclass(frozen=True)
class PoolFigures:
    """What the pool does, and what went wrong since it was started.

    Attributes:
        workers: Processes that are ready or busy.
        busy: Processes that work.
        waiting: Calls that wait.
        deadlines: Calls that were stopped because they took too long.
        memory_failures: Calls that needed too much memory.
        crashes: Calls whose process ended.
        failures: Calls that failed by an error of the program.
        lost: Workers that others have replaced, by reason.
    """

    workers: int
    busy: int
    waiting: int
    deadlines: int
    memory_failures: int
    crashes: int
    failures: int
    lost: Mapping[Loss, int]


class Pool:
    """Does work in worker processes.

    Args:
        settings: Bounds.
        preload: Modules that workers have imported before they get work.
        can_fork: Whether workers are forked from a process that has imported everything; else each imports by
            itself, which takes seconds.
    """

    def __init__(
        self,
        settings: PoolSettings,
        *,
        preload: Sequence[str] = PRELOAD,
        can_fork: bool = hasattr(os, "fork"),
    ) -> None:
        self._settings = settings
        self._preload = tuple(preload)
        self._source_type: type[ForkedWorkers | SpawnedWorkers] = (
            ForkedWorkers if can_fork else SpawnedWorkers
        )
        self._turns = Turns(settings.worker_processes, settings.max_waiting_calls)
        self._workers: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        self._is_short = asyncio.Event()
        self._has_news = asyncio.Event()
        self._failure: str | None = _STOPPED
        self._keeper: asyncio.Task[None] | None = None
        self._went_wrong: dict[type[WorkError], int] = dict.fromkeys(
            (WorkDeadlineError, WorkMemoryError, WorkerCrashError, WorkFailedError), 0
        )
        self._lost: dict[Loss, int] = dict.fromkeys(get_args(Loss), 0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Start workers in the background; calls wait for the first one."""
        self._failure = None
        self._keeper = asyncio.create_task(self._keep_staffed())

    async def close(self) -> None:
        """Kill all workers, and wait until no process is left; calls that are still there fail."""
        self._fail(_STOPPED)
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        self._fail(_STOPPED)  # should a worker have been ready in the last moment

    async def run(
        self,
        function: Callable[[*Arguments], T],
        *arguments: *Arguments,
        deadline_s: float,
        owner: str = "",
        on_progress: Listener | None = None,
    ) -> T:
        """Call a function in a worker process, and return what it returns.

        Arguments and result travel as pickles. A result is unpickled in the event loop: return bytes where it
        would be many objects. When the awaiting task is cancelled, the work is stopped.

        Args:
            function: Of a module.
            arguments: Its arguments.
            deadline_s: How long the work may take; waiting for a worker does not count.
            owner: For whom; owners take turns.
            on_progress: Hears what the function says by `progress.report`.

        Raises:
            ScoreError: The function raised it.
            BusyError: Too many calls wait already.
            WorkDeadlineError: It took too long.
            WorkMemoryError: It needed too much memory.
            WorkerCrashError: Its process ended.
            WorkFailedError: It raised an error that is not meant for the caller; the log says which.
            NoWorkersError: There are no workers.
        """
        task = packed(Task(deadline_s, function, arguments, on_progress is not None))
        async with self._turns.turn(owner):
            worker = await self._take()
            try:
                answer = await self._ask(worker, task, deadline_s, on_progress)
                result: T = result_of(answer, self._settings.worker_memory_bytes)
            except WorkError as error:
                if type(error) in self._went_wrong:
                    self._went_wrong[type(error)] += 1
                raise
            return result

    def figures(self) -> PoolFigures:
        """Return what the pool does, and what went wrong."""
        wrong = self._went_wrong
        return PoolFigures(
            workers=len(self._workers),
            busy=len(self._workers) - len(self._idle),
            waiting=self._turns.waiting,
            deadlines=wrong[WorkDeadlineError],
            memory_failures=wrong[WorkMemoryError],
            crashes=wrong[WorkerCrashError],
            failures=wrong[WorkFailedError],
            lost=dict(self._lost),
        )

    async def _take(self) -> WorkerProcess:
        """Return a worker that is ready; wait for one."""
        while True:
            if self._failure is not None:
                raise NoWorkersError(self._failure)
            if self._idle:
                return self._idle.pop()
            self._has_news.clear()
            await self._has_news.wait()

    async def _ask(
        self, worker: WorkerProcess, task: bytes, deadline_s: float, on_progress: Listener | None
    ) -> Answer:
        """Let a worker do a task; what happens to the worker afterwards is done here."""
        loss: Loss | None = "abandoned"
        try:
            async with asyncio.timeout(deadline_s):
                answer = await worker.ask(task, on_progress)
            loss = _loss_after(answer)
            return answer
        except TimeoutError:
            loss = "deadline"
            raise too_long(deadline_s) from None
        except (asyncio.IncompleteReadError, OSError):
            loss = "crash"
            error = await self._crash(worker)
            if isinstance(error, WorkMemoryError):
                loss = "memory"
            raise error from None
        finally:
            if loss is None and worker in self._workers:
                self._idle.append(worker)
                self._has_news.set()
            else:
                if loss is not None and self._failure is None:
                    self._lost[loss] += 1
                worker.kill()
                self._forget(worker)

    async def _crash(self, worker: WorkerProcess) -> WorkError:
        """Return the error for a worker that has broken its connection."""
        if self._failure is not None:
            return NoWorkersError(self._failure)
        await asyncio.wait((worker.ended,), timeout=_DEATH_S)
        end = worker.ended.result() if worker.ended.done() else End()
        return crash(end, self._settings.worker_memory_bytes)

    async def _keep_staffed(self) -> None:
        """See to it that there are enough workers, until this task is cancelled."""
        pause_s = _FIRST_PAUSE_S
        while True:
            source: Source = self._source_type(self._preload, self._settings.worker_memory_bytes)
            has_worked = False
            try:
                await source.start()
                source.lost.add_done_callback(lambda _: self._is_short.set())
                while not source.lost.done():
                    self._is_short.clear()
                    while len(self._workers) < self._settings.worker_processes + _SPARE:
                        self._add(await source.worker())
                        has_worked = True
                    await self._is_short.wait()
            except Exception as error:  # whatever it is, calls must not wait for ever, and it may pass
                if not (has_worked and source.lost.done()):
                    _logger.exception(
                        "worker processes cannot be started; the next attempt is in %g s", pause_s
                    )
                    self._fail(str(error))
            finally:
                for worker in list(self._workers):
                    self._forget(worker)
                await source.close()
            if has_worked:
                _logger.error("the workshop of the worker processes has ended; another is opened")
                pause_s = _FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _add(self, worker: WorkerProcess) -> None:
        self._workers.add(worker)
        worker.ended.add_done_callback(partial(self._bury, worker))
        self._idle.append(worker)
        self._failure = None
        self._has_news.set()

    def _bury(self, worker: WorkerProcess, ended: asyncio.Future[End]) -> None:
        """Do without a worker that has ended; what became of one that was busy is its caller's to say."""
        if worker in self._workers:
            if ended.result().code is None:
                self._lost["workshop ended"] += 1
            elif worker in self._idle:
                self._lost["died idle"] += 1
        self._forget(worker)

    def _forget(self, worker: WorkerProcess) -> None:
        """Do without a worker from now on; one that is busy may still have sent an answer."""
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
            worker.kill()
        self._is_short.set()

    def _fail(self, reason: str) -> None:
        """Let all calls that wait for a worker fail."""
        self._failure = reason
        self._has_news.set()


def _loss_after(answer: Answer) -> Loss | None:
    """Return why a worker that has answered cannot go on; None when it can."""
    if isinstance(answer, OutOfMemory):
        return "memory"
    return "worn" if isinstance(answer, Done) and answer.is_worn else None


_STOPPED: Final = "The server is stopping, or has not started yet: try again when it is there again."
