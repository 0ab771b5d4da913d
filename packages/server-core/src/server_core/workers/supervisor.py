"""The supervisor of the worker processes: starts them, replaces those that die, and drains them together."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from typing import Any

from fastmcp import FastMCP

from server_core.errors import WorkerError
from server_core.http.listeners import bind_for_each_worker, served_url
from server_core.http.ready_file import ReadyFile
from server_core.layers.forwarding import WorkerPlace
from server_core.settings import ServerSettings
from server_core.workers.accepting_workers import AcceptingWorkers
from server_core.workers.http_parts import NO_PARTS, HttpParts
from server_core.workers.worker import EXIT_S, WorkerMessage, work

_logger = logging.getLogger(__name__)

_FIRST_RESTART_PAUSE_S = 0.5
_MAX_RESTART_PAUSE_S = 30.0
"""Pause between two starts of a worker that dies before it is ready."""


def supervise(
    create_server: Callable[[], FastMCP[Any]],
    settings: ServerSettings,
    name: str,
    parts: HttpParts = NO_PARTS,
) -> None:
    """Serve with `settings.workers` processes until a signal arrives.

    A first SIGTERM or SIGINT drains all workers; a second one does not wait for requests. `create_server`
    must be picklable, as a module's function is; `name` is the server's name in the log.

    Raises:
        BindError: The address cannot be listened on.
        ReadyFileError: The ready file cannot be written.
        WorkerError: A worker ended before it was ready for the first time, or cannot get the `parts`.
    """
    parts.check()
    with (
        bind_for_each_worker(settings) as listeners,
        ReadyFile(settings.ready_file) as ready_file,
        tempfile.TemporaryDirectory(prefix="mcp-") as folder,
        _signals() as signals,
    ):
        url = served_url(listeners[0], settings.path)

        def on_ready() -> None:
            ready_file.write(url)
            _logger.info("%s is ready at %s (%d workers)", name, url, settings.workers)

        _Supervisor(
            create_server,
            settings,
            listeners,
            parts=parts,
            folder=Path(folder),
            signals=signals,
            on_ready=on_ready,
        ).run()
    _logger.info("%s has stopped", name)


@dataclass
class _Worker:
    """A worker process, and what it has reported."""

    number: int
    process: BaseProcess
    pipe: Connection
    is_ready: bool = False
    is_drained: bool = False


class _Supervisor:
    def __init__(
        self,
        create_server: Callable[[], FastMCP[Any]],
        settings: ServerSettings,
        listeners: list[socket.socket],
        *,
        parts: HttpParts,
        folder: Path,
        signals: socket.socket,
        on_ready: Callable[[], None],
    ) -> None:
        self._create_server = create_server
        self._settings = settings
        self._listeners = listeners
        self._parts = parts
        self._folder = folder
        self._signals = signals
        self._on_ready = on_ready
        self._key = os.urandom(32)
        self._context = multiprocessing.get_context("spawn")
        self._workers: dict[int, _Worker] = {}
        self._starts_at_s = dict.fromkeys(range(settings.workers), monotonic())
        self._failures = dict.fromkeys(range(settings.workers), 0)
        self._acceptors = AcceptingWorkers(settings.workers if len(set(listeners)) > 1 else 0)
        self._has_been_ready = False
        self._kill_at_s: float | None = None
        self._failure: WorkerError | None = None

    def run(self) -> None:
        """Supervise until all workers have ended."""
        try:
            while self._workers or self._kill_at_s is None:
                self._start_due_workers()
                self._wait()
                for worker in list(self._workers.values()):
                    self._check(worker)
                self._advance()
        finally:
            for worker in self._workers.values():
                worker.process.kill()
                worker.process.join()
        if self._failure is not None:
            raise self._failure

    def _start_due_workers(self) -> None:
        for number, at_s in list(self._starts_at_s.items()):
            if at_s <= monotonic():
                del self._starts_at_s[number]
                self._start(number)

    def _start(self, number: int) -> None:
        settings = self._settings
        place = WorkerPlace(number, settings.workers, self._folder, self._key)
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=work,
            args=(self._create_server, settings, place, self._listeners, theirs),
            kwargs={"parts": self._parts},
            name=f"worker-{number}",
        )
        # Control-C reaches every process of the terminal, but only the supervisor may act on it: the workers
        # inherit this mask.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        self._workers[number] = _Worker(number, process, ours)

    def _wait(self) -> None:
        """Wait for a signal, a message, the end of a worker, or the next start or kill."""
        due_s = [*self._starts_at_s.values(), *([] if self._kill_at_s is None else [self._kill_at_s])]
        timeout_s = max(0.0, min(due_s) - monotonic()) if due_s else None
        workers = self._workers.values()
        wait(
            [
                self._signals,
                *(worker.process.sentinel for worker in workers),
                *(worker.pipe for worker in workers if not worker.pipe.closed),
            ],
            timeout_s,
        )
        with contextlib.suppress(BlockingIOError):
            for _ in self._signals.recv(64):
                self._stop()

    def _stop(self) -> None:
        """Drain all workers; on a second call they stop without waiting for requests."""
        if self._kill_at_s is None:
            self._kill_at_s = monotonic() + 2 * self._settings.drain_timeout_s + EXIT_S
        self._starts_at_s.clear()
        for worker in self._workers.values():
            worker.process.terminate()

    def _check(self, worker: _Worker) -> None:
        try:
            while not worker.pipe.closed and worker.pipe.poll():
                message = worker.pipe.recv()
                worker.is_ready = worker.is_ready or message is WorkerMessage.READY
                worker.is_drained = worker.is_drained or message is WorkerMessage.DRAINED
        except (EOFError, OSError):
            worker.pipe.close()  # the worker is ending
        if worker.process.is_alive():
            return
        worker.process.join()
        worker.pipe.close()
        del self._workers[worker.number]
        if self._kill_at_s is None:
            self._replace(worker)

    def _replace(self, worker: _Worker) -> None:
        code = worker.process.exitcode
        if not worker.is_ready and not self._has_been_ready:
            self._failure = WorkerError(
                f"worker {worker.number} ended with exit code {code} before it was ready: see its log above"
            )
            self._stop()
            return
        failures = 0 if worker.is_ready else self._failures[worker.number] + 1
        self._failures[worker.number] = failures
        pause_s = min(_MAX_RESTART_PAUSE_S, _FIRST_RESTART_PAUSE_S * 2**failures) if failures else 0.0
        _logger.error(
            "worker %d ended with exit code %s, and its sessions with it: another starts%s",
            worker.number,
            code,
            f" in {pause_s:g} s" if pause_s else "",
        )
        self._starts_at_s[worker.number] = monotonic() + pause_s

    def _advance(self) -> None:
        """Report readiness, pass on connections, end drained workers, and kill those that are late."""
        workers = list(self._workers.values())
        if not self._has_been_ready and len(workers) == self._settings.workers:
            self._has_been_ready = all(worker.is_ready for worker in workers)
            if self._has_been_ready:
                self._on_ready()
        if self._kill_at_s is None:
            self._pass_on_connections()
            return
        if all(worker.is_drained for worker in workers):
            for worker in workers:
                with contextlib.suppress(OSError):
                    worker.pipe.send(WorkerMessage.END)
        if monotonic() > self._kill_at_s:
            for worker in workers:
                _logger.error("worker %d did not end in time: killed", worker.number)
                worker.process.kill()

    def _pass_on_connections(self) -> None:
        """Let other workers accept the connections of those that have died, until these are replaced."""
        ready = [number for number, worker in self._workers.items() if worker.is_ready]
        for number, order in self._acceptors.orders(ready):
            worker = self._workers.get(number)
            if worker is not None:
                with contextlib.suppress(OSError):  # it is ending
                    worker.pipe.send(order)


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """Yield a socket that receives a byte for each SIGTERM and SIGINT."""
    receiving, sending = socket.socketpair()
    with receiving, sending:
        receiving.setblocking(False)
        sending.setblocking(False)
        before = {
            number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)
        }
        previous = signal.set_wakeup_fd(sending.fileno())
        try:
            yield receiving
        finally:
            signal.set_wakeup_fd(previous)
            for number, handler in before.items():
                signal.signal(number, handler)
