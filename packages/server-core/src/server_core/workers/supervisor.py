"""Several processes that serve one port: started, replaced when they die, drained together."""

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
from server_core.layers.forwarding import Place
from server_core.settings import ServerSettings
from server_core.workers.worker import Word, work

_logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
"""Between two starts of a worker that dies before it answers."""

_PATIENCE_S = 10.0
"""For what a worker does after its drains; then it is killed."""


def supervise(create_server: Callable[[], FastMCP[Any]], settings: ServerSettings, name: str) -> None:
    """Serve with `settings.workers` processes until a signal comes.

    A first SIGTERM or SIGINT drains all workers; a second one does not wait for requests.

    Args:
        create_server: Makes the app, in each worker; a function of a module.
        settings: The server's.
        name: For the log.

    Raises:
        BindError: The address cannot be listened on.
        ReadyFileError: The ready file cannot be written.
        WorkerError: A worker ended before it answered for the first time.
    """
    with (
        bind_for_each_worker(settings) as listeners,
        ReadyFile(settings.ready_file) as ready_file,
        tempfile.TemporaryDirectory(prefix="mcp-") as folder,
        _signals() as signals,
    ):
        url = served_url(listeners[0], settings.path)

        def tell_ready() -> None:
            ready_file.write(url)
            _logger.info("%s is ready at %s (%d workers)", name, url, settings.workers)

        _Supervisor(
            create_server, settings, listeners, folder=Path(folder), signals=signals, tell_ready=tell_ready
        ).run()
    _logger.info("%s has stopped", name)


@dataclass
class _Worker:
    """A process.

    Attributes:
        number: Its place.
        process: The process.
        pipe: To it.
        answers: Whether it has said that it is ready.
        is_drained: Whether it has said that it is drained.
    """

    number: int
    process: BaseProcess
    pipe: Connection
    answers: bool = False
    is_drained: bool = False


class _Supervisor:
    def __init__(
        self,
        create_server: Callable[[], FastMCP[Any]],
        settings: ServerSettings,
        listeners: list[socket.socket],
        *,
        folder: Path,
        signals: socket.socket,
        tell_ready: Callable[[], None],
    ) -> None:
        self._create_server = create_server
        self._settings = settings
        self._listeners = listeners
        self._folder = folder
        self._signals = signals
        self._tell_ready = tell_ready
        self._key = os.urandom(32)
        self._context = multiprocessing.get_context("spawn")
        self._workers: dict[int, _Worker] = {}
        self._starts_at = dict.fromkeys(range(settings.workers), monotonic())
        self._failures = dict.fromkeys(range(settings.workers), 0)
        self._has_answered = False
        self._killed_at: float | None = None
        self._failure: WorkerError | None = None

    def run(self) -> None:
        """Supervise until all workers have ended."""
        try:
            while self._workers or self._killed_at is None:
                self._start_what_is_due()
                self._wait()
                for worker in list(self._workers.values()):
                    self._look_at(worker)
                self._go_on()
        finally:
            for worker in self._workers.values():
                worker.process.kill()
                worker.process.join()
        if self._failure is not None:
            raise self._failure

    def _start_what_is_due(self) -> None:
        for number, at in list(self._starts_at.items()):
            if at <= monotonic():
                del self._starts_at[number]
                self._start(number)

    def _start(self, number: int) -> None:
        settings = self._settings
        place = Place(number, settings.workers, self._folder, self._key)
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=work,
            args=(self._create_server, settings, place, self._listeners[number], theirs),
            name=f"worker-{number}",
        )
        # Control-C reaches every process of the terminal; only this one shall act on it. Masks are inherited.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        self._workers[number] = _Worker(number, process, ours)

    def _wait(self) -> None:
        """Wait until a signal, a word or a death, or until something is due."""
        due_s = [*self._starts_at.values(), *([] if self._killed_at is None else [self._killed_at])]
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
        """Let all workers drain, and not for long: a second time they leave at once."""
        if self._killed_at is None:
            self._killed_at = monotonic() + 2 * self._settings.drain_timeout_s + _PATIENCE_S
        self._starts_at.clear()
        for worker in self._workers.values():
            worker.process.terminate()

    def _look_at(self, worker: _Worker) -> None:
        try:
            while not worker.pipe.closed and worker.pipe.poll():
                word = worker.pipe.recv()
                worker.answers = worker.answers or word is Word.READY
                worker.is_drained = worker.is_drained or word is Word.DRAINED
        except (EOFError, OSError):
            worker.pipe.close()  # it has nothing to say any more, and ends soon
        if worker.process.is_alive():
            return
        worker.process.join()
        worker.pipe.close()
        del self._workers[worker.number]
        if self._killed_at is None:
            self._replace(worker)

    def _replace(self, worker: _Worker) -> None:
        code = worker.process.exitcode
        if not worker.answers and not self._has_answered:
            self._failure = WorkerError(
                f"worker {worker.number} ended with {code} before it answered: see its lines above"
            )
            self._stop()
            return
        failures = 0 if worker.answers else self._failures[worker.number] + 1
        self._failures[worker.number] = failures
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**failures) if failures else 0.0
        _logger.error(
            "worker %d ended with %s, and its sessions with it: another starts%s",
            worker.number,
            code,
            f" in {pause_s:g} s" if pause_s else "",
        )
        self._starts_at[worker.number] = monotonic() + pause_s

    def _go_on(self) -> None:
        """Tell what follows from all workers' words."""
        workers = list(self._workers.values())
        if not self._has_answered and len(workers) == self._settings.workers:
            self._has_answered = all(worker.answers for worker in workers)
            if self._has_answered:
                self._tell_ready()
        if self._killed_at is None:
            return
        if all(worker.is_drained for worker in workers):
            for worker in workers:
                with contextlib.suppress(OSError):
                    worker.pipe.send(Word.END)
        if monotonic() > self._killed_at:
            for worker in workers:
                _logger.error("worker %d did not end: killed", worker.number)
                worker.process.kill()


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """Yield a socket with a byte for each SIGTERM and SIGINT that came."""
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
