"""Workers forked by a process that has imported everything; see `fork_server`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections import deque
from typing import Final

from music21_server.workers import fork_server
from music21_server.workers.errors import NoWorkersError
from music21_server.workers.fork_server import BORN, ENDED, FORK, KILL, READY, RECORD
from music21_server.workers.processes import (
    BUFFER_BYTES,
    ONE_THREAD,
    START_S,
    ProcessEnd,
    WorkerProcess,
    WorkerSetup,
    start_failure,
)

_END_S: Final = 5.0
"""Time for an idle fork server to end."""


_Birth = asyncio.Future[tuple[int, asyncio.Future[ProcessEnd]]]
"""Process id, and a future that is done when the process has ended."""


class ForkWorkers:
    """Workers from a fork server.

    Args:
        setup: What it imports, and what the workers may do.
    """

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._ready: asyncio.Future[None] = loop.create_future()
        self._births: deque[_Birth] = deque()
        self._ended: dict[int, asyncio.Future[ProcessEnd]] = {}
        self._received = b""
        self._control, self._theirs = socket.socketpair()
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start the fork server, and wait until it has imported everything."""
        try:
            self._process = self._start_process()
        except OSError as error:
            raise NoWorkersError(start_failure(str(error))) from error
        self._control.setblocking(False)
        asyncio.get_running_loop().add_reader(self._control.fileno(), self._receive)
        try:
            async with asyncio.timeout(START_S):
                await asyncio.wait((self._ready, self.lost), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError as error:
            raise NoWorkersError(start_failure(f"the imports took longer than {START_S:g} s")) from error
        if not self._ready.done():
            raise NoWorkersError(start_failure("their fork server ended"))

    async def worker(self) -> WorkerProcess:
        """Ask the fork server for a worker."""
        ours, theirs = socket.socketpair()
        try:
            birth: _Birth = asyncio.get_running_loop().create_future()
            with theirs:
                socket.send_fds(self._control, [RECORD.pack(FORK, 0, 0, 0)], [theirs.fileno()])
            self._births.append(birth)
            await asyncio.wait((birth, self.lost), return_when=asyncio.FIRST_COMPLETED)
            if not birth.done():
                raise NoWorkersError(start_failure("their fork server ended"))
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=BUFFER_BYTES)
        except BaseException as error:
            ours.close()
            if isinstance(error, OSError):
                raise NoWorkersError(start_failure(str(error))) from error
            raise
        pid, ended = birth.result()
        worker = WorkerProcess(reader, writer, ended, lambda: self._kill(pid))
        await worker.ready()
        return worker

    async def close(self) -> None:
        """Let the fork server kill its workers and end."""
        if self._process is None:
            self._theirs.close()
            self._control.close()
            return
        if self._ready.done() and not self.lost.done():
            with contextlib.suppress(OSError):
                self._control.shutdown(socket.SHUT_WR)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END_S):
                    await asyncio.wait((self.lost,))
        self._mark_lost()
        self._process.kill()  # if it has no workers yet, or hangs; otherwise it has ended
        self._process.wait()

    def _start_process(self) -> subprocess.Popen[bytes]:
        arguments = {"socket": self._theirs.fileno(), **self._setup.arguments()}
        with self._theirs:
            return subprocess.Popen(
                [sys.executable, "-P", "-c", fork_server.COMMAND, json.dumps(arguments)],
                stdin=subprocess.DEVNULL,
                stdout=2,  # the server's standard output may be a client's
                pass_fds=[self._theirs.fileno()],
                env={**ONE_THREAD, **os.environ},
                start_new_session=True,
            )

    def _kill(self, pid: int) -> None:
        # The fork server knows whether the process is still its child: ids are reused.
        with contextlib.suppress(OSError):
            self._control.send(RECORD.pack(KILL, pid, 0, 0))

    def _receive(self) -> None:
        try:
            data = self._control.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._mark_lost()
            return
        self._received += data
        while len(self._received) >= RECORD.size:
            word, pid, code, peak_bytes = RECORD.unpack_from(self._received)
            self._received = self._received[RECORD.size :]
            self._handle(word, pid, ProcessEnd(code, peak_bytes))

    def _handle(self, word: bytes, pid: int, end: ProcessEnd) -> None:
        if word == READY:
            self._ready.set_result(None)
        elif word == BORN:
            self._ended[pid] = asyncio.get_running_loop().create_future()
            self._births.popleft().set_result((pid, self._ended[pid]))
        elif word == ENDED:
            self._ended.pop(pid).set_result(end)

    def _mark_lost(self) -> None:
        if self.lost.done():
            return
        asyncio.get_running_loop().remove_reader(self._control.fileno())
        self._control.close()
        self.lost.set_result(None)
        while self._ended:
            self._ended.popitem()[1].set_result(ProcessEnd())
