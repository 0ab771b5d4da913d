"""A process that has imported everything heavy, and becomes workers by forking.

A worker costs some 10 ms this way, and a few megabytes, where a new interpreter would import music21 for
2 s. It is a process of its own because forking one that serves (event loop, threads, sockets) is unsafe. It
is not the fork server of `multiprocessing` because that one imports the program's main module into each
worker, hides imports that fail, writes to the program's standard output, stays when its work is over, and
cannot end a worker that hangs when the program has been killed.

The program and the workshop speak through a socket, in records of a letter and three numbers:

    to the workshop     F  make a worker; the record carries the socket that the worker shall serve
                        K  kill the worker of this process id, if it still is one
    from the workshop   R  everything is imported
                        B  a worker is born: process id
                        E  a worker has ended: process id, exit code (negative: the signal that killed it),
                           most bytes of memory that were resident at once

When the program is gone, in whatever way, the workshop kills all its workers and ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import traceback
from typing import Final, NoReturn

from music21_server.workers.worker import serve

RECORD: Final = struct.Struct("!cqqq")
FORK, KILL, READY, BORN, ENDED = b"F", b"K", b"R", b"B", b"E"

_RSS_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024

COMMAND: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1])['path']; "
    "from music21_server.workers.fork_server import main; main()"
)
"""What the program starts the workshop with (`python -P -c`); the arguments are JSON."""


def main() -> None:
    """Be the workshop."""
    arguments = json.loads(sys.argv[1])
    # Control-C and the end of a service reach every process there is; only the program shall act on them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Open to the very end: when it closes, the program kills what is left, and stderr may have more to say.
    program = socket.socket(fileno=arguments["socket"])
    for module in arguments["preload"]:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a worker would write to, and so copy, the pages of all that was imported
    program.sendall(RECORD.pack(READY, 0, 0, 0))
    _Workshop(program, arguments["memory_bytes"]).run()
    os._exit(0)  # the program waits; taking music21 down object by object would cost it 0.1 s


class _Workshop:
    def __init__(self, program: socket.socket, memory_bytes: int) -> None:
        self._program = program
        self._memory_bytes = memory_bytes
        self._workers: set[int] = set()
        self._deaths, self._death = socket.socketpair()

    def run(self) -> None:
        """Make and kill workers until the program is gone."""
        for end in (self._deaths, self._death):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing is written to the socket
        signal.set_wakeup_fd(self._death.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._program, selectors.EVENT_READ)
            selector.register(self._deaths, selectors.EVENT_READ)
            try:
                while self._program_is_there(selector):
                    pass
            finally:
                for worker in self._workers:
                    os.kill(worker, signal.SIGKILL)
                for worker in self._workers:
                    os.waitpid(worker, 0)

    def _program_is_there(self, selector: selectors.BaseSelector) -> bool:
        """Do what has become necessary; return whether to go on."""
        ready = [key.fileobj for key, _ in selector.select()]
        if self._deaths in ready:
            with contextlib.suppress(BlockingIOError):
                self._deaths.recv(4096)
            self._bury()
        return self._program not in ready or self._obey()

    def _bury(self) -> None:
        while self._workers:
            worker, status, usage = os.wait4(-1, os.WNOHANG)
            if worker == 0:
                return
            self._workers.discard(worker)
            self._say(ENDED, worker, os.waitstatus_to_exitcode(status), usage.ru_maxrss * _RSS_UNIT_BYTES)

    def _obey(self) -> bool:
        try:
            record, descriptors, _, _ = socket.recv_fds(self._program, RECORD.size, 1)
        except ConnectionError:
            return False
        if (
            len(record) < RECORD.size
        ):  # records are written at once, so that there is only a whole one or the end
            return False
        order, worker, _, _ = RECORD.unpack(record)
        if order == FORK:
            with socket.socket(fileno=descriptors[0]) as connection:
                self._fork(connection)
        elif order == KILL and worker in self._workers:
            os.kill(worker, signal.SIGKILL)
        return True

    def _fork(self, connection: socket.socket) -> None:
        worker = os.fork()
        if worker == 0:
            self._work(connection)
        self._workers.add(worker)
        self._say(BORN, worker)

    def _work(self, connection: socket.socket) -> NoReturn:
        """Be a worker; nothing of the workshop may run on in this process."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._program.close()
            self._deaths.close()
            self._death.close()
            serve(connection.fileno(), connection.fileno(), self._memory_bytes)
            code = 0
        except BaseException:  # noqa: BLE001 - it ends here, and says why
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _say(self, word: bytes, worker: int, code: int = 0, peak_bytes: int = 0) -> None:
        with contextlib.suppress(ConnectionError):  # the program is gone: the next select says so
            self._program.sendall(RECORD.pack(word, worker, code, peak_bytes))
