"""The process of the measured server, from its start to its end.

A server runs in its own process group, so that Ctrl-C in the terminal reaches only the lab. The lab ends the
server in order: SIGTERM, time to drain, then SIGKILL for what remains of its process tree. If the lab itself
is killed, a guard does it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import psutil

from perf_core.adapter import Launch, Wire
from perf_core.errors import LegacyTransport, RequestRefused, TargetError
from perf_core.interruption import Interruption
from perf_core.server import daemon
from perf_core.server.bridge.child import EOF_GRACE_S
from perf_core.server.bridge.launching import bridged, is_bridge
from perf_core.server.client.handshake import Handshake, first_handshake
from perf_core.server.credentials.access import OPEN, Access
from perf_core.server.credentials.masking import mask_file, masked, masked_command, masked_errors
from perf_core.server.guard import Guard
from perf_core.server.interruptible import interruptible
from perf_core.server.listeners import expect_own_listener, has_ended
from perf_core.server.spawning import filled, free_port, last_lines, read_ready_file, spawn
from perf_core.server.subject import access_of

_POLL_S = 0.02
_SERVER_ERRORS = 500
_BRIDGE_READY_S = 30.0
"""Time until a bridge listens; on an idle machine it takes 0.2 s."""

_BRIDGE_GRACE_S = 5.0
"""Time that the bridge needs for its own end, besides that for its children."""


class Greet(Protocol):
    """The first requests to a server; :func:`.first_handshake` unless somebody wants more of it."""

    def __call__(self, url: str, wire: Wire, timeout_s: float, *, access: Access) -> Handshake:
        """Return the handshake of the server at ``url``; called again after a temporary error."""


class ServerProcess:
    """A server that the lab started; use it as a context manager.

    Args:
        greet: Makes the first requests, as soon as the URL is known, and times them.
        poll_s: Time between two looks at the ready file, and between two greetings.

    Attributes:
        url: MCP endpoint on the port that the server bound.
        ready_s: Time from the start of the process to the end of the handshake; behind a bridge that of the
            server's own process.
        access: How clients reach it: with the tokens of its launch, if it has some.
        is_legacy: Whether it speaks the transport HTTP+SSE, and there is no ``handshake``; an error unless
            that is accepted.
        is_bridge: Whether the root of the process tree is a bridge, and the server is below it.
        ready_timeout_s: Longest time until the server answers its first handshake.
        spawned_s: Time just before its process was started, on the monotonic clock; behind a bridge that of
            the bridge.
    """

    url: str
    handshake: Handshake
    ready_s: float
    spawned_s: float

    def __init__(
        self,
        launch: Launch,
        wire: Wire,
        log_path: Path,
        *,
        access: Access = OPEN,
        cpus: Sequence[int] | None = None,
        interruption: Interruption | None = None,
        accepts_legacy: bool = False,
        greet: Greet | None = None,
        poll_s: float = _POLL_S,
    ) -> None:
        self._interruption = interruption or Interruption()
        self._launch = launch
        self._wire = wire
        self._log_path = log_path
        self._cpus = cpus
        self.access = access_of(launch, access)
        self.is_bridge = launch.transport != "http" or is_bridge(launch)
        self.ready_timeout_s = launch.ready_timeout_s
        self._accepts_legacy = accepts_legacy
        self._is_timed = greet is not None
        self._greet = greet or first_handshake
        self._poll_s = poll_s
        self.is_legacy = False
        self._process: psutil.Popen | None = None
        self._daemon: psutil.Process | None = None
        self._descendants: dict[int, psutil.Process] = {}
        self._last_error = ""
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._guard: Guard | None = None

    def __enter__(self) -> ServerProcess:
        with masked_errors(self._secrets):
            return self._entered()

    def _secrets(self) -> Sequence[str]:
        return self.access.secrets()

    def _entered(self) -> ServerProcess:
        try:
            self._start(time.monotonic())
        except BaseException:
            self.stop()
            raise
        try:
            # Another process may hold a fixed port, or have taken a free one before the server bound it.
            expect_own_listener(self.url, self.root, str(self.temporary_folder))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def root(self) -> psutil.Process:
        """Root of the server's process tree, which may have ended; for a daemon not the started process."""
        return self._daemon or self._started

    @property
    def pid(self) -> int:
        """Process number of the server's root process."""
        return self.root.pid

    @property
    def temporary_folder(self) -> Path | None:
        """Folder for the temporary files of this server only; None once it is deleted."""
        return Path(self._temporary.name) if self._temporary else None

    @property
    def exit_code(self) -> int | None:
        """Exit code, or None while it runs; a negative code is the signal that ended it.

        Nobody sees the code of a daemon: it is that of the process that started it, zero.
        """
        code: int | None = self._started.poll()
        if self._daemon is not None:
            return code or 0 if has_ended(self._daemon) else None
        return code

    def how_ended(self) -> str:
        """Return how it ended, such as "with exit code 3", or an empty text while it runs."""
        code = self.exit_code
        if code is None:
            return ""
        if self._daemon is not None:
            return "after it had left the process that the lab started, so that its exit code is not known"
        return f"by signal {-code}" if code < 0 else f"with exit code {code}"

    def log_tail(self) -> str:
        """Return the last lines of the server's output."""
        return masked(last_lines(self._log_path), self.access.secrets())

    def stop(self) -> int | None:
        """End the server and all its descendants.

        Return its exit code; None if it never ran, or if it belongs to another user by now and goes on.
        """
        process = self._process
        if process is None:
            return None
        self._collect_descendants()
        if self._daemon is not None:
            daemon.end([self._daemon], self._launch.stop_timeout_s)
        if process.stdin is not None:
            # A bridge ends with its input; a signal as well could meet it when it no longer handles any.
            with contextlib.suppress(OSError):
                process.stdin.close()
        elif process.poll() is None:
            with contextlib.suppress(*daemon.BEYOND_REACH):
                process.terminate()
        if process.poll() is None:
            try:
                process.wait(self._longest_stop_s)
            except psutil.TimeoutExpired:
                daemon.kill([process])
        daemon.kill([*self._descendants.values(), *self._marked()])
        code: int | None = None
        with contextlib.suppress(psutil.TimeoutExpired):
            code = process.wait(5)
        mask_file(self._log_path, self._secrets())
        self._remove_temporary_files()
        return code

    @property
    def _longest_stop_s(self) -> float:
        # The bridge gives its children as long as a server has, after the end of their input.
        further_s = EOF_GRACE_S + _BRIDGE_GRACE_S if self.is_bridge else 0.0
        return self._launch.stop_timeout_s + further_s

    def _remove_temporary_files(self) -> None:
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            temporary.cleanup()
        if self._guard is not None:
            self._guard.close()
            self._guard = None

    @property
    def _started(self) -> psutil.Popen:
        if self._process is None:
            raise RuntimeError("the server has not been started; enter the context manager first")
        return self._process

    def _collect_descendants(self) -> None:
        with contextlib.suppress(*daemon.BEYOND_REACH):
            for member in self.root.children(recursive=True):
                self._descendants.setdefault(member.pid, member)

    def _marked(self) -> tuple[psutil.Process, ...]:
        """Return what the server has left running outside its process tree."""
        return daemon.marked_processes(self._temporary.name) if self._temporary else ()

    def _find_root(self) -> None:
        """Take note of the process that serves, if it has left the one that was started."""
        if self._temporary is not None and not self.is_bridge:
            root = daemon.daemon_of(self._temporary.name, self.url)
            self._daemon = self._daemon if root is None or root == self._started else root

    def _has_daemon(self) -> bool:
        """Return whether the process that was started has ended and left the server running."""
        if self._started.poll() == 0 and self._temporary is not None and not self.is_bridge:
            self._daemon = daemon.wait_for_daemon(self._temporary.name) or self._daemon
        return self.exit_code is None

    def _start(self, began: float) -> None:
        launch = bridged(self._launch, self.access.answers)
        deadline = began + (_BRIDGE_READY_S if self.is_bridge else launch.ready_timeout_s)
        with tempfile.TemporaryDirectory(prefix="perf-core-") as folder:
            ready_file = Path(folder) / "ready.json"
            port = free_port() if launch.url else 0
            values = {"{ready_file}": str(ready_file), "{port}": str(port)}
            argv = [filled(part, values) for part in launch.argv]
            env = {name: filled(value, values) for name, value in launch.env.items()}
            self._spawn(argv, env, ready_folder=Path(folder))
            if launch.url:
                self.url = filled(launch.url, values)
            else:
                self.url = self._wait_for_url(ready_file, deadline)
        if self.is_bridge:
            began = time.monotonic()  # the bridge starts the server with the handshake
            deadline = began + launch.ready_timeout_s
        self.access = self.access.at(self.url)
        try:
            self.handshake = self._wait_for_handshake(deadline)
            self.url = self.handshake.url
        except LegacyTransport:
            if not self._accepts_legacy:
                raise
            self.is_legacy = True
        self.ready_s = time.monotonic() - began
        self._find_root()
        self._collect_descendants()

    def _spawn(self, argv: list[str], env: Mapping[str, str], *, ready_folder: Path) -> None:
        # A short path: sockets may be created there, and their paths are limited to about 100 characters.
        self._temporary = tempfile.TemporaryDirectory(prefix="pc-", ignore_cleanup_errors=True)
        temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._temporary.name)
        try:
            self._guard = Guard(
                Path(self._temporary.name),
                [ready_folder],
                grace_s=self._longest_stop_s,
                ends_with_input=self.is_bridge,
            )
            if self._is_timed:
                self._guard.settle()
            self.spawned_s = time.monotonic()
            self._process = spawn(
                argv,
                {**os.environ, **temporary, **env},
                self._launch.cwd,
                self._log_path,
                # A bridge ends with its input, so that it does not outlive a lab that was killed.
                has_stdin=self.is_bridge,
            )
            self._guard.watch(self._process)
        except TargetError:
            self._remove_temporary_files()
            raise
        if self._cpus is not None:
            self._process.cpu_affinity(list(self._cpus))

    def _wait_for_url(self, ready_file: Path, deadline: float) -> str:
        for _ in self._until(deadline, "write its ready file"):
            with contextlib.suppress(FileNotFoundError):
                return read_ready_file(ready_file)
        raise AssertionError("unreachable: _until raises")

    def _wait_for_handshake(self, deadline: float) -> Handshake:
        for left_s in self._until(deadline, "answer an MCP handshake"):
            shake_hands = partial(self._greet, self.url, self._wire, left_s, access=self.access)
            try:
                # A server may take until the deadline for one handshake.
                return interruptible(shake_hands, self._interruption)
            except TargetError as error:
                if not error.is_temporary:
                    if isinstance(error, RequestRefused) and error.status >= _SERVER_ERRORS:
                        self._explain(error)
                    raise
                if self._launch.transport == "http":  # else it is about the bridge
                    self._last_error = f" ({error.message})"
        raise AssertionError("unreachable: _until raises")

    def _explain(self, error: RequestRefused) -> None:
        """Add the log to the refusal of a server that was started, and say what it means for one on stdio."""
        if self._launch.transport != "http":
            # The URL and the status are those of the bridge.
            got = error.reason or error.message
            error.message = f"expected an MCP server on its standard input and output, got none: {got}"
            error.hint = self._by_hand
        error.message += f"\nEnd of its log:\n{self.log_tail() or '(empty)'}"

    @property
    def _by_hand(self) -> str:
        return f"Start it by hand to see more: {' '.join(masked_command(self._launch.argv))}"

    def _until(self, deadline: float, what: str) -> Iterator[float]:
        """Yield the seconds left every few milliseconds; raise when the time is up or the server ends."""
        while (left_s := deadline - time.monotonic()) > 0:
            self._interruption.check()
            code = self.exit_code
            if code is not None and not self._has_daemon():
                left = "" if code else " and left no process running"
                raise self._not_ready(f"it exited with code {code}{left} before it could {what}")
            yield left_s
            time.sleep(self._poll_s)
        limit = f"within {self._launch.ready_timeout_s:g} s"
        raise self._not_ready(f"it did not {what} {limit}{self._last_error}")

    def _not_ready(self, problem: str) -> TargetError:
        tail = self.log_tail() or "(the log is empty)"
        return TargetError(
            f"the server never became ready: {problem}.\nEnd of its log:\n{tail}",
            self._by_hand,
        )
