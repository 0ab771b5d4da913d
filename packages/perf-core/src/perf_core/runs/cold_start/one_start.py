"""One start of a server: its process is started, asked for its first answers, metered and ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from perf_core.adapter import Launch, Step, Wire
from perf_core.analysis.cold_start import Cache, Start
from perf_core.errors import TargetError
from perf_core.interruption import Interruption
from perf_core.runs.cold_start.first_answers import POLL_S, FirstAnswers, Marks
from perf_core.runs.cold_start.stdio_process import StdioProcess
from perf_core.sampling.machine import MachineMeter, MachineReading
from perf_core.sampling.sampler import Reading, TreeMeter
from perf_core.server.client.handshake import Handshake
from perf_core.server.credentials.access import Access
from perf_core.server.process import ServerProcess

_MB = 1e6


@dataclass(frozen=True)
class Starter:
    """Values that all starts of one server share.

    Attributes:
        step: First call; None if nothing can be called.
        log_path: Output of the server; each start overwrites that of the one before.
    """

    launch: Launch
    wire: Wire
    access: Access
    step: Step | None
    log_path: Path
    interruption: Interruption

    def with_variables(self, variables: Mapping[str, str]) -> Starter:
        """Return the same with further environment variables for the server."""
        return replace(self, launch=replace(self.launch, env={**self.launch.env, **variables}))

    def start(
        self, cache: Cache, number: int, look: Callable[[int], None] | None = None
    ) -> tuple[Start, Handshake]:
        """Start the server, ask it for its first answers, end it, and return the times.

        Args:
            number: Number of the round that it belongs to.
            look: Gets the server's process number after the last answer, while it runs.

        Raises:
            TargetError: It did not start, or answered otherwise than expected.
            Interrupted: The user interrupted.
        """
        usage = _Usage(look)
        on_stdio = self.launch.transport != "http"
        marks, spawned_s, handshake = (self._on_stdio if on_stdio else self._over_http)(usage)
        if marks.initialize_s is None or marks.tools_list_s is None:
            raise TargetError("expected the answers of a handshake and of tools/list, got none")
        return (
            Start(
                cache,
                number,
                _since(spawned_s, marks.listening_s),
                marks.initialize_s - spawned_s,
                marks.tools_list_s - spawned_s,
                _since(spawned_s, marks.first_call_s),
                **usage.figures(),
            ),
            handshake,
        )

    def _over_http(self, usage: _Usage) -> tuple[Marks, float, Handshake]:
        answers = FirstAnswers(self.step, lambda: usage.read(process.pid))
        process = ServerProcess(
            self.launch,
            self.wire,
            self.log_path,
            access=self.access,
            interruption=self.interruption,
            greet=answers,
            poll_s=POLL_S,
        )
        with process:
            return answers.marks, process.spawned_s, process.handshake

    def _on_stdio(self, usage: _Usage) -> tuple[Marks, float, Handshake]:
        process = StdioProcess(
            self.launch, self.wire, self.log_path, access=self.access, interruption=self.interruption
        )
        with process:
            handshake = process.first_answers(self.step)
            usage.read(process.pid)
            return process.marks, process.spawned_s, handshake


def _since(spawned_s: float, at_s: float | None) -> float | None:
    return None if at_s is None else at_s - spawned_s


@dataclass
class _Usage:
    """Resources that a server has used until its last answer, and others meanwhile."""

    look: Callable[[int], None] | None
    _machine: MachineMeter = field(default_factory=MachineMeter)
    _before: MachineReading | None = None
    _after: MachineReading | None = None
    _began_s: float = 0.0
    _took_s: float = 0.0
    _server: Reading | None = None
    _read_mb: float | None = None

    def __post_init__(self) -> None:
        self._began_s = time.monotonic()
        self._before = self._machine.read()

    def read(self, pid: int) -> None:
        """Read the counters of a process tree and of the machine."""
        self._after = self._machine.read()
        self._took_s = time.monotonic() - self._began_s
        server = TreeMeter(pid).read()
        self._server = server if server.processes else None
        self._read_mb = _read_mb(pid)
        if self.look is not None:
            self.look(pid)

    def figures(self) -> dict[str, Any]:
        """Return the fields of :class:`.cold_start.Start` about use."""
        server = self._server
        if server is None:
            return {}
        wait_share = None
        if server.wait_s is not None:
            wanted_s = server.wait_s + server.cpu_s
            wait_share = server.wait_s / wanted_s if wanted_s > 0 else 0.0
        return {
            "cpu_s": server.cpu_s,
            "rss_mb": server.rss_mb,
            "processes": server.processes,
            "read_mb": self._read_mb,
            "wait_share": wait_share,
            "others_share": self._others_share(server.cpu_s),
        }

    def _others_share(self, server_s: float) -> float | None:
        before, after = self._before, self._after
        if before is None or after is None:
            return None
        own_s = server_s + after.lab_cpu_s - before.lab_cpu_s
        others_s = max(0.0, after.busy_s - before.busy_s - own_s) + after.steal_s - before.steal_s
        return others_s / (max(self._took_s, 1e-3) * after.cpus)


def _read_mb(pid: int) -> float | None:
    """Return the megabytes that a process tree has read from disk; None where the system does not tell.

    Ended children count through the process that waited for them.
    """
    read_bytes = 0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                read_bytes += process.io_counters().read_bytes
    except (psutil.Error, AttributeError, NotImplementedError, OSError):
        return None  # macOS has no such counters, and some containers hide them
    return read_bytes / _MB
