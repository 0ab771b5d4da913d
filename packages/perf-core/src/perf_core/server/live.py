"""The server under measurement, whether the lab started it or it ran already.

Both tell where they answer, who they are, whether they still live, and whether they stayed the same.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import psutil

from perf_core.adapter import Launch, Wire
from perf_core.errors import TargetError
from perf_core.interruption import Interruption
from perf_core.server import endpoints
from perf_core.server.handshake import Handshake, shake_hands
from perf_core.server.local_process import listening_pid
from perf_core.server.process import ServerProcess
from perf_core.server.subject import Subject


class Live(Protocol):
    """A server that can be loaded."""

    @property
    def url(self) -> str:  # noqa: D102 - the MCP endpoint
        ...

    @property
    def handshake(self) -> Handshake:  # noqa: D102 - what it said of itself at first
        ...

    @property
    def pid(self) -> int | None:  # noqa: D102 - root of its process tree, None when it cannot be seen
        ...

    @property
    def ready_s(self) -> float | None:  # noqa: D102 - start to handshake, None when it ran already
        ...

    @property
    def token(self) -> str | None:  # noqa: D102 - the lab's own bearer token, None where none is asked for
        ...

    @property
    def temporary_folder(self) -> Path | None:  # noqa: D102 - where it alone leaves files, if that is known
        ...

    def ended(self) -> str:
        """Return how it ended, or nothing while it lives."""
        ...

    def changed(self) -> str:
        """Return in what it is not the server from the start, or nothing."""
        ...


class StartedServer:
    """A server that the lab started.

    Args:
        process: The server, started.
        wire: Protocol era.
    """

    def __init__(self, process: ServerProcess, wire: Wire) -> None:
        self._process = process
        self._wire = wire
        self.url = process.url
        self.handshake = process.handshake
        self.pid: int | None = process.pid
        self.ready_s: float | None = process.ready_s
        self.token = process.token
        self.temporary_folder: Path | None = process.temporary_folder

    def ended(self) -> str:
        """Return how it ended, or nothing while it lives."""
        code = self._process.exit_code
        if code is None:
            return ""
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        tail = self._process.log_tail()
        return f"the server ended {how} during the run; end of its log: {tail or '(empty)'}"

    def changed(self) -> str:
        """Return in what it is not the server from the start, or nothing."""
        return self.ended() or _different(self.handshake, self._wire, self.token)


class RunningServer:
    """A server that ran before the lab came; it is seen only when it listens on this machine.

    Args:
        url: MCP endpoint.
        wire: Protocol era.
    """

    ready_s: float | None = None
    token: str | None = None
    temporary_folder: Path | None = None

    def __init__(self, url: str, wire: Wire) -> None:
        self.url = url
        self._wire = wire
        self.handshake = shake_hands(url, wire)
        self._began = time.monotonic()
        self._uptime_s = endpoints.uptime_s(url)
        self._process = _local_process(url)
        self.pid: int | None = self._process.pid if self._process else None

    def ended(self) -> str:
        """Return how it ended, or nothing while it lives or cannot be seen."""
        if self._process is None or self._process.is_running():
            return ""
        return "the server's process ended during the run"

    def changed(self) -> str:
        """Return in what it is not the server from the start, or nothing."""
        return self.ended() or self._restarted() or _different(self.handshake, self._wire)

    def _restarted(self) -> str:
        if self._process is not None:
            now = _local_process(self.url)
            if now is not None and now != self._process:
                return f"another process answers now: {now.pid} in place of {self._process.pid}"
        uptime_s = endpoints.uptime_s(self.url)
        elapsed_s = time.monotonic() - self._began
        if self._uptime_s is not None and uptime_s is not None and uptime_s < self._uptime_s + elapsed_s / 2:
            return f"the server was restarted: it reports {uptime_s:.1f} s of uptime"
        return ""


def _local_process(url: str) -> psutil.Process | None:
    parts = urlsplit(url)
    if parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        return None
    pid = listening_pid(parts.port or (443 if parts.scheme == "https" else 80))
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid) if pid is not None else None
    return None


def _different(before: Handshake, wire: Wire, token: str | None = None) -> str:
    try:
        after = shake_hands(before.url, wire, token=token)
    except TargetError as error:
        return f"the server no longer answers a handshake after the run: {error.message}"
    for what, then, now in (
        ("name", before.server_name, after.server_name),
        ("version", before.server_version, after.server_version),
        ("tools", before.tools, after.tools),
    ):
        if then != now:
            return f"the server's {what} changed during the run: {then} became {now}"
    return ""


@dataclass(frozen=True)
class Place:
    """Where a server runs and logs.

    Attributes:
        log_path: File for the output of a started server.
        cpus: CPUs for a started server; None is all.
        launch: How to start it, where that is not as its adapter says.
    """

    log_path: Path
    cpus: Sequence[int] | None = None
    launch: Launch | None = None


@contextlib.contextmanager
def live_server(subject: Subject, wire: Wire, place: Place, interruption: Interruption) -> Iterator[Live]:
    """Yield the server, started and greeted; end it afterwards if the lab started it.

    Raises:
        TargetError: It does not start or answer, or is not the server that the adapter means.
    """
    if subject.url is not None:
        running = RunningServer(subject.url, wire)
        _expect_name(subject, running.handshake)
        yield running
        return
    launch = place.launch or subject.adapter.launch
    process = ServerProcess(launch, wire, place.log_path, cpus=place.cpus, interruption=interruption)
    with process:
        _expect_name(subject, process.handshake)
        yield StartedServer(process, wire)


def _expect_name(subject: Subject, handshake: Handshake) -> None:
    wanted = subject.adapter.server_name
    if wanted is not None and handshake.server_name != wanted:
        raise TargetError(
            f"the adapter {subject.name} measures the server {wanted!r}; "
            f"{handshake.server_name!r} answers at {handshake.url}",
            "Name the adapter that fits with --target, or correct --server-url.",
        )
