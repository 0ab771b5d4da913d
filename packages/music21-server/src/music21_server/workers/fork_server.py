"""A process that has imported everything heavy and forks workers.

A forked worker takes about 10 ms and a few megabytes; a new interpreter takes 2 s to import music21. The fork
server is a separate process because forking a serving one (event loop, threads, sockets) is unsafe. It is not
the one of `multiprocessing`, which imports the main module into each worker, hides imports that fail, writes
to the server's standard output, outlives its work, and cannot end a hanging worker after the server was
killed.

Server and fork server exchange records of one letter and three numbers over a socket:

    to the fork server    F  fork a worker; the record carries the socket that the worker serves
                          K  kill the worker with this process id, if there is one
    from the fork server  R  everything is imported
                          B  a worker was forked: process id
                          E  a worker has ended: process id, exit code (negative: the signal that killed it),
                             peak resident memory in bytes

When the server is gone, however it ended, the fork server kills all its workers and ends.
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
from collections.abc import Sequence
from typing import Final, NoReturn

from music21_server.workers.worker import serve

RECORD: Final = struct.Struct("!cqqq")
FORK, KILL, READY, BORN, ENDED = b"F", b"K", b"R", b"B", b"E"

_RSS_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024

COMMAND: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1])['path']; "
    "from music21_server.workers.fork_server import main; main()"
)
"""Code that starts the fork server (`python -P -c`); its argument is JSON."""


def main() -> None:
    """Run the fork server."""
    arguments = json.loads(sys.argv[1])
    # Control-C and the stop of a service reach every process; only the server may act on them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Open until the end: when it closes, the server kills this process, which may still write to stderr.
    parent = socket.socket(fileno=arguments["socket"])
    gc.disable()  # imports leave next to no garbage, and to look for it takes a fifth of their time
    for module in arguments["preload"]:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a worker would write to all imported pages, and so copy them
    gc.enable()
    try:
        parent.sendall(RECORD.pack(READY, 0, 0, 0))
    except ConnectionError:
        os._exit(0)  # the server was killed meanwhile
    _ForkServer(parent, arguments["memory_bytes"], arguments["readable_folders"]).run()
    os._exit(0)  # the server waits; tearing music21 down object by object would take 0.1 s


class _ForkServer:
    def __init__(
        self, parent: socket.socket, memory_bytes: int, readable_folders: Sequence[str] | None
    ) -> None:
        self._parent = parent
        self._memory_bytes = memory_bytes
        self._readable_folders = readable_folders
        self._workers: set[int] = set()
        self._child_events, self._wakeup = socket.socketpair()

    def run(self) -> None:
        """Fork and kill workers until the server is gone."""
        for end in (self._child_events, self._wakeup):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing is written to the socket
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._parent, selectors.EVENT_READ)
            selector.register(self._child_events, selectors.EVENT_READ)
            try:
                while self._serve_once(selector):
                    pass
            finally:
                for worker in self._workers:
                    os.kill(worker, signal.SIGKILL)
                for worker in self._workers:
                    os.waitpid(worker, 0)

    def _serve_once(self, selector: selectors.BaseSelector) -> bool:
        """Handle the next events; return whether the server is still there."""
        ready = [key.fileobj for key, _ in selector.select()]
        if self._child_events in ready:
            with contextlib.suppress(BlockingIOError):
                self._child_events.recv(4096)
            self._reap()
        return self._parent not in ready or self._handle_order()

    def _reap(self) -> None:
        while self._workers:
            worker, status, usage = os.wait4(-1, os.WNOHANG)
            if worker == 0:
                return
            self._workers.discard(worker)
            self._send(ENDED, worker, os.waitstatus_to_exitcode(status), usage.ru_maxrss * _RSS_UNIT_BYTES)

    def _handle_order(self) -> bool:
        try:
            record, descriptors, _, _ = socket.recv_fds(self._parent, RECORD.size, 1)
        except ConnectionError:
            return False
        if len(record) < RECORD.size:  # records are written whole, so a short one means the end
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
        self._send(BORN, worker)

    def _work(self, connection: socket.socket) -> NoReturn:
        """Be a worker; nothing of the fork server may keep running in this process."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._parent.close()
            self._child_events.close()
            self._wakeup.close()
            serve(connection.fileno(), connection.fileno(), self._memory_bytes, self._readable_folders)
            code = 0
        except BaseException:  # noqa: BLE001 - the process ends here and reports why
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _send(self, word: bytes, worker: int, code: int = 0, peak_bytes: int = 0) -> None:
        with contextlib.suppress(ConnectionError):  # the server is gone, as the next select reports
            self._parent.sendall(RECORD.pack(word, worker, code, peak_bytes))
