"""Heavy work in worker processes: off the event loop, bounded in time and memory, and killable.

    async with Pool(PoolSettings(worker_processes=2)) as pool:
        roots = await pool.run(find_roots, columns, deadline_s=30)

Calls wait when all workers are busy; clients take turns, and none has all workers at once. A worker that is
killed, crashes, hangs or needs too much memory costs that one call an error that says so; the next call gets
another worker at once, because a spare one is always ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, TypeVar, TypeVarTuple, get_args

from music21_server.workers.deadlines import Deadline
from music21_server.workers.errors import (
    NoWorkersError,
    WorkDeadlineError,
    WorkerCrashError,
    WorkError,
    WorkFailedError,
    WorkMemoryError,
)
from music21_server.workers.fair_queue import EVERYBODY, FairQueue
from music21_server.workers.fork_workers import ForkWorkers
from music21_server.workers.messages import Answer, AnswerReader, Done, OutOfMemory, Task, pack_task
from music21_server.workers.outcomes import crash_error, deadline_error, failed_error, result_of
from music21_server.workers.processes import ProcessEnd, Source, WorkerProcess, WorkerSetup
from music21_server.workers.progress import Listener
from music21_server.workers.spawn_workers import SpawnWorkers
from music21_server.workers.values import MalformedValueError

_logger = logging.getLogger(__name__)

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_SPARE: Final = 1
"""Spare workers, so that one that dies is replaced at once."""

_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 30.0
"""Pauses between attempts to start workers."""

_DEATH_S: Final = 2.0
"""Time to learn the exit code of a worker that has broken its connection."""

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
"""Modules that workers import before their first task."""

Loss = Literal[
    "deadline", "memory", "crash", "malformed answer", "abandoned", "worn", "died idle", "workshop ended"
]
"""Why a worker was dropped: its call took too long, needed too much memory, ended the process, sent something
that is no answer, or lost its caller; it had grown too much; it ended while idle; or the fork server ended.
Label values of a metric."""


@dataclass(frozen=True)
class PoolSettings:
    """Limits of the pool; each has a setting of the same name.

    Attributes:
        worker_processes: Calls served at once.
        max_waiting_calls: Calls that may wait for a worker.
        worker_memory_bytes: Memory that one call may need; an answer has at most half of it.
        confine_workers: Whether workers give up rights that they do not need, where the system can
            (`confinement`).
        score_folders: Folders of files, which confined workers may read.
    """

    worker_processes: int = 2
    max_waiting_calls: int = 64
    worker_memory_bytes: int = 1_000_000_000
    confine_workers: bool = True
    score_folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class PoolFigures:
    """Load of the pool, and failures since it was started.

    Attributes:
        workers: Processes that are ready or busy.
        busy: Processes at work.
        waiting: Waiting calls.
        deadlines: Calls that were stopped because they took too long.
        memory_failures: Calls that needed too much memory.
        crashes: Calls whose process ended.
        failures: Calls that failed because of a bug.
        lost: Workers that were replaced, by reason.
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
    """Runs functions in worker processes.

    Args:
        settings: Limits.
        preload: Modules that workers import before their first task.
        results: Dataclasses that results may hold, beside plain values.
        can_fork: Whether workers are forked from a process that has imported everything; otherwise each
            imports for itself, which takes seconds.
    """

    def __init__(
        self,
        settings: PoolSettings,
        *,
        preload: Sequence[str] = PRELOAD,
        results: Sequence[type] = (),
        can_fork: bool = hasattr(os, "fork"),
    ) -> None:
        self._settings = settings
        folders = tuple(map(str, settings.score_folders)) if settings.confine_workers else None
        self._setup = WorkerSetup(tuple(preload), settings.worker_memory_bytes, folders)
        self._answers = AnswerReader(results, settings.worker_memory_bytes // 2)
        self._source_type: type[ForkWorkers | SpawnWorkers] = ForkWorkers if can_fork else SpawnWorkers
        self._queue = FairQueue(settings.worker_processes, settings.max_waiting_calls)
        self._workers: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        self._is_short = asyncio.Event()
        self._has_changed = asyncio.Event()
        self._failure: str | None = _STOPPED
        self._keeper: asyncio.Task[None] | None = None
        self._failures: dict[type[WorkError], int] = dict.fromkeys(
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
        self._keeper = asyncio.create_task(self._keep_full())

    async def close(self) -> None:
        """Kill all workers and wait until no process is left; pending calls fail."""
        self._fail(_STOPPED)
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        self._fail(_STOPPED)  # a worker may have become ready at the last moment

    async def run(
        self,
        function: Callable[[*Arguments], T],
        *arguments: *Arguments,
        deadline_s: float,
        owner: str = EVERYBODY,
        client: str | None = None,
        on_progress: Listener | None = None,
    ) -> T:
        """Call a function in a worker process and return its result.

        Arguments travel as pickles, the result as `values`. It is decoded in the event loop, so a function
        with a large result should return bytes. Cancelling the awaiting task stops the work.

        Args:
            function: A function at the top level of a module.
            deadline_s: Longest time of the work, which may set itself a shorter one (`deadlines.shorten`);
                waiting for a worker does not count.
            owner: Whose call it is; waiting owners take turns, and none has all workers at once.
            client: The client, who may be several owners (`FairQueue`); the owner itself if None.
            on_progress: Called with what the function passes to `progress.report`.

        Raises:
            ScoreError: The function raised it.
            BusyError: Too many calls are waiting.
            WorkDeadlineError: It took too long.
            WorkMemoryError: It needed too much memory.
            WorkerCrashError: Its process ended.
            WorkFailedError: It raised an error that is not meant for the caller; the log has it.
            NoWorkersError: There are no workers.
            TypeError: The function or an argument cannot be pickled.
        """
        task = pack_task(Task(deadline_s, function, arguments, on_progress is not None))
        async with self._queue.turn(owner, client):
            worker = await self._take()
            try:
                answer = await self._ask(worker, task, deadline_s, on_progress)
                result: T = result_of(answer, self._settings.worker_memory_bytes)
            except WorkError as error:
                if type(error) in self._failures:
                    self._failures[type(error)] += 1
                raise
            return result

    def figures(self) -> PoolFigures:
        """Return the load of the pool, and its failures so far."""
        failures = self._failures
        return PoolFigures(
            workers=len(self._workers),
            busy=len(self._workers) - len(self._idle),
            waiting=self._queue.waiting,
            deadlines=failures[WorkDeadlineError],
            memory_failures=failures[WorkMemoryError],
            crashes=failures[WorkerCrashError],
            failures=failures[WorkFailedError],
            lost=dict(self._lost),
        )

    async def _take(self) -> WorkerProcess:
        """Wait for an idle worker and return it."""
        while True:
            if self._failure is not None:
                raise NoWorkersError(self._failure)
            if self._idle:
                return self._idle.pop()
            self._has_changed.clear()
            await self._has_changed.wait()

    async def _ask(
        self, worker: WorkerProcess, task: bytes, deadline_s: float, on_progress: Listener | None
    ) -> Answer:
        """Give a worker a task and return its answer; keep or drop the worker afterwards."""
        loss: Loss | None = "abandoned"
        deadline = Deadline(deadline_s)
        loop = asyncio.get_running_loop()

        def shorten(shorter: Deadline) -> None:
            nonlocal deadline
            end_s = loop.time() + shorter.seconds
            if end_s < (limit.when() or math.inf):
                limit.reschedule(end_s)
                deadline = shorter

        try:
            async with asyncio.timeout(deadline_s) as limit:
                answer = await worker.ask(task, self._answers, on_progress, shorten)
            loss = _loss_after(answer)
            return answer
        except TimeoutError:
            loss = "deadline"
            raise deadline_error(deadline) from None
        except MalformedValueError as malformed:
            loss = "malformed answer"
            raise failed_error(f"the worker process has sent no valid answer: {malformed}") from None
        except (asyncio.IncompleteReadError, OSError):
            loss = "crash"
            error = await self._crash(worker)
            if isinstance(error, WorkMemoryError):
                loss = "memory"
            raise error from None
        finally:
            if loss is None and worker in self._workers:
                self._idle.append(worker)
                self._has_changed.set()
            else:
                if loss is not None and self._failure is None:
                    self._lost[loss] += 1
                worker.kill()
                self._forget(worker)

    async def _crash(self, worker: WorkerProcess) -> WorkError:
        """Return the error for a worker that broke its connection."""
        if self._failure is not None:
            return NoWorkersError(self._failure)
        await asyncio.wait((worker.ended,), timeout=_DEATH_S)
        end = worker.ended.result() if worker.ended.done() else ProcessEnd()
        return crash_error(end, self._settings.worker_memory_bytes)

    async def _keep_full(self) -> None:
        """Keep the pool at full strength until this task is cancelled."""
        pause_s = _FIRST_PAUSE_S
        while True:
            source: Source = self._source_type(self._setup)
            has_worked = False
            try:
                await source.start()
                source.lost.add_done_callback(lambda _: self._is_short.set())
                while not source.lost.done():
                    self._is_short.clear()
                    while len(self._workers) < self._settings.worker_processes + _SPARE:
                        self._add(worker := await source.worker())
                        if not has_worked:
                            self._log_confinement(worker)
                        has_worked = True
                    await self._is_short.wait()
            except Exception as error:  # calls must not wait for ever, and the cause may pass
                if not (has_worked and source.lost.done()):
                    _logger.exception("worker processes cannot be started; next attempt in %g s", pause_s)
                    self._fail(str(error))
            finally:
                for worker in list(self._workers):
                    self._forget(worker)
                await source.close()
            if has_worked:
                _logger.error("the fork server of the worker processes has ended; starting another one")
                pause_s = _FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _log_confinement(self, worker: WorkerProcess) -> None:
        if self._setup.readable_folders is None:
            _logger.info("worker processes are not confined (setting confine_workers)")
        elif "Landlock" in worker.confinement:
            _logger.info("worker processes are confined: %s", worker.confinement)
        else:
            what = worker.confinement or "nothing"
            _logger.warning("worker processes are confined by %s only: this system has no Landlock", what)

    def _add(self, worker: WorkerProcess) -> None:
        self._workers.add(worker)
        worker.ended.add_done_callback(partial(self._drop_ended, worker))
        self._idle.append(worker)
        self._failure = None
        self._has_changed.set()

    def _drop_ended(self, worker: WorkerProcess, ended: asyncio.Future[ProcessEnd]) -> None:
        """Drop a worker that has ended; `_ask` counts the loss of a busy one."""
        if worker in self._workers:
            if ended.result().code is None:
                self._lost["workshop ended"] += 1
            elif worker in self._idle:
                self._lost["died idle"] += 1
        self._forget(worker)

    def _forget(self, worker: WorkerProcess) -> None:
        """Drop a worker; a busy one may still have sent an answer."""
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
            worker.kill()
        self._is_short.set()

    def _fail(self, reason: str) -> None:
        """Fail all calls that wait for a worker."""
        self._failure = reason
        self._has_changed.set()


def _loss_after(answer: Answer) -> Loss | None:
    """Return why a worker that has answered must be replaced, or None."""
    if isinstance(answer, OutOfMemory):
        return "memory"
    return "worn" if isinstance(answer, Done) and answer.has_outgrown else None


_STOPPED: Final = "The server is stopping or has not started yet: try again when it is running."
