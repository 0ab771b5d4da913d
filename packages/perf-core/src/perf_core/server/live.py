"""The measured server, whether the lab starts it or it is already running.

Both kinds report their URL, their handshake, whether they still run, and whether they changed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from perf_core.adapter import Launch, Wire
from perf_core.errors import RequestRefused, TargetError
from perf_core.interruption import Interruption
from perf_core.server import endpoints
from perf_core.server.access import OPEN, Access
from perf_core.server.handshake import Handshake, expect_wire, shake_hands
from perf_core.server.listeners import ListenerWatch, root_listener
from perf_core.server.process import ServerProcess
from perf_core.server.subject import Subject, access_of

_BUSY_STATUSES = frozenset({429, 503})
"""Statuses of a server that answers, but asks to wait."""


class LiveServer(Protocol):
    """A running server that can be loaded.

    Attributes:
        pid: Root of its process tree; None if it is not visible.
        ready_s: Time from start to handshake; None if it was already running.
        access: How clients reach it.
        temporary_folder: Folder for the temporary files of this server only, if known.
    """

    url: str
    handshake: Handshake
    pid: int | None
    ready_s: float | None
    access: Access
    temporary_folder: Path | None

    def ended(self) -> str:
        """Return how it ended, or an empty text while it runs."""
        ...

    def changed(self, killed: Collection[int] = ()) -> str:
        """Return how it differs from the server at the start, or an empty text.

        Args:
            killed: Processes that the lab has killed on purpose.

        Raises:
            TargetError: It runs, but no longer answers a handshake.
        """
        ...


class StartedServer:
    """A server that the lab started."""

    def __init__(self, process: ServerProcess, wire: Wire) -> None:
        self._process = process
        self._wire = wire
        self.url = process.url
        self.handshake = process.handshake
        self.pid: int | None = process.pid
        self.ready_s: float | None = process.ready_s
        self.access = process.access
        self.temporary_folder: Path | None = process.temporary_folder
        self._listeners = ListenerWatch(process.root, process.url)

    def ended(self) -> str:
        """Return how it ended, or an empty text while it runs."""
        code = self._process.exit_code
        if code is None:
            return ""
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        tail = self._process.log_tail()
        return f"the server ended {how} during the run; end of its log: {tail or '(empty)'}"

    def changed(self, killed: Collection[int] = ()) -> str:
        """Return how it differs from the server at the start, or an empty text."""
        return (
            self.ended()
            or self._listeners.replacement(killed)
            or _difference(self.handshake, self._wire, self.access)
        )


class RunningServer:
    """A server that was already running; its process is visible only if it listens on this machine."""

    ready_s: float | None = None
    temporary_folder: Path | None = None

    def __init__(self, url: str, wire: Wire, access: Access = OPEN) -> None:
        self.url = url
        self.access = access
        self._wire = wire
        self.handshake = _first_handshake(url, wire, access)
        self._began = time.monotonic()
        self._uptime_s = endpoints.uptime_s(url)
        self._process = root_listener(url)
        self._listeners = ListenerWatch(self._process, url) if self._process else None
        self.pid: int | None = self._process.pid if self._process else None

    def ended(self) -> str:
        """Return how it ended, or an empty text while it runs or is not visible."""
        if self._process is None or _runs(self._process):
            return ""
        return "the server's process ended during the run"

    def changed(self, killed: Collection[int] = ()) -> str:
        """Return how it differs from the server at the start, or an empty text."""
        return self.ended() or self._restarted(killed) or _difference(self.handshake, self._wire, self.access)

    def _restarted(self, killed: Collection[int]) -> str:
        if self._process is not None and self._listeners is not None:
            if replacement := self._listeners.replacement(killed):
                return replacement
            now = root_listener(self.url)
            if now is not None and now != self._process:
                return f"another process answers now: {now.pid} instead of {self._process.pid}"
        uptime_s = endpoints.uptime_s(self.url)
        elapsed_s = time.monotonic() - self._began
        if self._uptime_s is not None and uptime_s is not None and uptime_s < self._uptime_s + elapsed_s / 2:
            return f"the server was restarted: it reports {uptime_s:.1f} s of uptime"
        return ""


def _first_handshake(url: str, wire: Wire, access: Access) -> Handshake:
    try:
        return shake_hands(url, wire, access=access)
    except TargetError:
        expect_wire(url, wire, access=access)
        raise


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _difference(before: Handshake, wire: Wire, access: Access) -> str:
    try:
        after = shake_hands(before.url, wire, access=access)
    except RequestRefused as error:
        if error.status in _BUSY_STATUSES:
            return ""
        raise TargetError(f"the server did not answer a handshake after the load: {error.message}") from error
    except TargetError as error:
        raise TargetError(f"the server did not answer a handshake after the load: {error.message}") from error
    for what, then, now in (
        ("name", before.server_name, after.server_name),
        ("version", before.server_version, after.server_version),
        ("tools", before.tools, after.tools),
    ):
        if then != now:
            return f"the server's {what} changed during the run: {then} became {now}"
    return ""


@dataclass(frozen=True)
class StartOptions:
    """Options for a server that the lab starts.

    Attributes:
        cpus: CPUs to bind the server to; None is all.
        launch: Launch to use instead of the adapter's own.
    """

    log_path: Path
    cpus: Sequence[int] | None = None
    launch: Launch | None = None


@contextlib.contextmanager
def live_server(
    subject: Subject, wire: Wire, options: StartOptions, interruption: Interruption
) -> Iterator[LiveServer]:
    """Yield the server after a handshake, and end it afterwards if the lab started it.

    Raises:
        TargetError: It does not start or answer, or is not the server that the adapter expects.
    """
    if subject.url is not None:
        running = RunningServer(subject.url, wire, subject.access)
        _expect_name(subject, running.handshake)
        yield running
        return
    launch = options.launch or subject.adapter.launch
    process = ServerProcess(
        launch,
        wire,
        options.log_path,
        access=access_of(launch, subject.access),
        cpus=options.cpus,
        interruption=interruption,
    )
    with process:
        _expect_name(subject, process.handshake)
        yield StartedServer(process, wire)


def _expect_name(subject: Subject, handshake: Handshake) -> None:
    expected = subject.adapter.server_name
    if expected is not None and handshake.server_name != expected:
        raise TargetError(
            f"the adapter {subject.name} expected the server {expected!r} at {handshake.url}, "
            f"got {handshake.server_name!r}",
            "Name the right adapter with --target, or correct --server-url.",
        )
