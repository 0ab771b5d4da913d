"""Workers started one by one, on systems that cannot fork."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys

from music21_server.workers import spawn_entry
from music21_server.workers.errors import NoWorkersError
from music21_server.workers.processes import (
    BUFFER_BYTES,
    ONE_THREAD,
    ProcessEnd,
    WorkerProcess,
    WorkerSetup,
    start_failure,
)


class SpawnWorkers:
    """Workers started one by one, on systems that cannot fork.

    Args:
        setup: What each worker imports and may do.
    """

    def __init__(self, setup: WorkerSetup) -> None:
        self._arguments = json.dumps(setup.arguments())
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._workers: set[WorkerProcess] = set()

    async def start(self) -> None:
        """Do nothing: there is nothing to prepare."""

    async def worker(self) -> WorkerProcess:
        """Start an interpreter and wait until it has imported everything."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-c", spawn_entry.COMMAND, self._arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**ONE_THREAD, **os.environ},
                limit=BUFFER_BYTES,
            )
        except OSError as error:
            raise NoWorkersError(start_failure(str(error))) from error
        assert process.stdout is not None and process.stdin is not None  # noqa: S101, PT018 - they are pipes

        def kill() -> None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

        async def end() -> ProcessEnd:
            return ProcessEnd(await process.wait())

        ended = asyncio.create_task(end())
        worker = WorkerProcess(process.stdout, process.stdin, ended, kill)
        self._workers.add(worker)
        ended.add_done_callback(lambda _: self._workers.discard(worker))
        await worker.ready()
        return worker

    async def close(self) -> None:
        """Kill all workers."""
        workers = list(self._workers)
        for worker in workers:
            worker.kill()
        await asyncio.gather(*(worker.ended for worker in workers))
