"""The measured server, whether the lab starts it or it is already running.

Both kinds report their URL, their handshake, whether they still run, and whether they changed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from perf_core.adapter import Launch, Wire
from perf_core.errors import LegacyTransport, TargetError
from perf_core.interruption import Interruption, OnProgress, waiting
from perf_core.server.bridged import RemoteTransport, bridged_server
from perf_core.server.client import endpoints
from perf_core.server.client.handshake import Handshake, agreed_access, difference, first_handshake
from perf_core.server.credentials.access import OPEN, Access
from perf_core.server.credentials.masking import masked_errors, masked_url
from perf_core.server.interruptible import interruptible
from perf_core.server.listeners import ListenerWatch, has_ended, root_listener
from perf_core.server.process import ServerProcess
from perf_core.server.subject import Subject


class LiveServer(Protocol):
    """A running server that can be loaded.

    Attributes:
        transport: ``http``, ``stdio``, ``stdio-shared``, or ``http+sse`` for that of revision 2024-11-05.
        pid: Root of its process tree; None if it is not visible.
        ready_s: Time from start to handshake; None if it was already running.
        access: How clients reach it.
        temporary_folder: Folder for the temporary files of this server only, if known.
        bridge_pid: Process of the bridge that ``url`` leads to; equal to ``pid`` if the server is below it in
            the process tree. None for a server that is reached without one.
    """

    url: str
    transport: str
    handshake: Handshake
    pid: int | None
    ready_s: float | None
    access: Access
    temporary_folder: Path | None
    bridge_pid: int | None

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


_AFTER_LOAD_S = 10.0
"""Longest time until a server answers a handshake after the load."""


class StartedServer:
    """A server that the lab started."""

    def __init__(self, process: ServerProcess, transport: str = "http") -> None:
        self._process = process
        self.transport = transport
        self.url = process.url
        self.handshake = process.handshake
        self.pid: int | None = process.pid
        self.ready_s: float | None = process.ready_s
        self.access = agreed_access(process.access, process.handshake)
        self.temporary_folder: Path | None = process.temporary_folder
        self.bridge_pid = process.pid if process.is_bridge else None
        self._listeners = ListenerWatch(process.root, process.url)
        # On stdio a session begins with the start of a process.
        self._patience_s = max(_AFTER_LOAD_S, process.ready_timeout_s if process.is_bridge else 0.0)

    def ended(self) -> str:
        """Return how it ended, or an empty text while it runs."""
        how = self._process.how_ended()
        if not how:
            return ""
        tail = self._process.log_tail()
        ended = "the bridge to the server" if self._process.is_bridge else "the server"
        return f"{ended} ended {how} during the run; end of its log: {tail or '(empty)'}"

    def changed(self, killed: Collection[int] = ()) -> str:
        """Return how it differs from the server at the start, or an empty text."""
        different = self.ended() or self._listeners.replacement(killed)
        return different or difference(self.handshake, self.access, timeout_s=self._patience_s)


class RunningServer:
    """A server that was already running; its process is visible only if it listens on this machine."""

    transport = "http"
    ready_s: float | None = None
    temporary_folder: Path | None = None
    bridge_pid: int | None = None

    def __init__(self, url: str, wire: Wire, access: Access = OPEN) -> None:
        self.access = access.at(url)
        with masked_errors(self.access.secrets):
            self.handshake = first_handshake(url, wire, access=self.access)
        self.url = self.handshake.url
        self.access = agreed_access(self.access, self.handshake)
        self._began = time.monotonic()
        self._uptime_s = endpoints.uptime_s(self.url, access=self.access)
        self._process = root_listener(self.url)
        self._listeners = ListenerWatch(self._process, self.url) if self._process else None
        self.pid: int | None = self._process.pid if self._process else None

    def ended(self) -> str:
        """Return how it ended, or an empty text while it runs or is not visible."""
        if self._process is None or not has_ended(self._process):
            return ""
        return "the server's process ended during the run"

    def changed(self, killed: Collection[int] = ()) -> str:
        """Return how it differs from the server at the start, or an empty text."""
        return self.ended() or self._restarted(killed) or difference(self.handshake, self.access)

    def _restarted(self, killed: Collection[int]) -> str:
        if self._process is not None and self._listeners is not None:
            if replacement := self._listeners.replacement(killed):
                return replacement
            now = root_listener(self.url)
            if now is not None and now != self._process:
                return f"another process answers now: {now.pid} instead of {self._process.pid}"
        uptime_s = endpoints.uptime_s(self.url, access=self.access)
        elapsed_s = time.monotonic() - self._began
        if self._uptime_s is not None and uptime_s is not None and uptime_s < self._uptime_s + elapsed_s / 2:
            return f"the server was restarted: it reports {uptime_s:.1f} s of uptime"
        return ""


@dataclass(frozen=True)
class StartOptions:
    """Options for a server that the lab starts.

    Attributes:
        cpus: CPUs to bind the server to; None is all.
        launch: Launch to use instead of the adapter's own.
        on_progress: Gets now and then how long the start takes.
    """

    log_path: Path
    cpus: Sequence[int] | None = None
    launch: Launch | None = None
    on_progress: OnProgress | None = None


@contextlib.contextmanager
def live_server(
    subject: Subject, wire: Wire, options: StartOptions, interruption: Interruption
) -> Iterator[LiveServer]:
    """Yield the server after a handshake, and end it afterwards if the lab started it.

    Raises:
        TargetError: It does not start or answer, or is not the server that the adapter expects.
    """
    live: LiveServer
    with contextlib.ExitStack() as stack:
        if subject.url is None:
            launch = options.launch or subject.adapter.launch
            process = ServerProcess(
                launch,
                wire,
                options.log_path,
                access=subject.access,
                cpus=options.cpus,
                interruption=interruption,
                accepts_legacy=True,
            )
            with contextlib.ExitStack() as starting:
                if options.on_progress is not None:
                    starting.enter_context(waiting(options.on_progress, f"starting {subject.name}"))
                stack.enter_context(process)
            behind: RemoteTransport | None = None
            if process.is_legacy:
                behind = "http+sse"
            elif launch.transport == "http" and _asks(process.access, wire):
                behind = "http"
            if behind is not None:
                live = stack.enter_context(
                    bridged_server(
                        process.url,
                        wire,
                        process.access,
                        log_path=options.log_path.with_suffix(".bridge.log"),
                        interruption=interruption,
                        started=process,
                        transport=behind,
                    )
                )
            else:
                live = StartedServer(process, launch.transport)
        else:
            try:
                # A server may take long for its first answers.
                running = partial(RunningServer, subject.url, wire, subject.access)
                live = interruptible(running, interruption)
            except LegacyTransport:
                live = stack.enter_context(
                    bridged_server(
                        subject.url,
                        wire,
                        subject.access,
                        log_path=options.log_path,
                        interruption=interruption,
                    )
                )
            else:
                if _asks(subject.access, wire):
                    live = stack.enter_context(
                        bridged_server(
                            live.url,
                            wire,
                            subject.access,
                            log_path=options.log_path,
                            interruption=interruption,
                            transport="http",
                        )
                    )
        _expect_name(subject, live.handshake)
        yield live


def _asks(access: Access, wire: Wire) -> bool:
    """Return whether a server may ask its clients for something that only a bridge can answer under load.

    On the stateless wire a client answers by repeating its call, which the bridge does not do.
    """
    return wire == "session" and bool(access.answers.capabilities)


def _expect_name(subject: Subject, handshake: Handshake) -> None:
    expected = subject.adapter.server_name
    if expected is not None and handshake.server_name != expected:
        raise TargetError(
            f"the adapter {subject.name} expected the server {expected!r} at {masked_url(handshake.url)}, "
            f"got {handshake.server_name!r}",
            "Name the right adapter with --target, or correct --server-url.",
        )
