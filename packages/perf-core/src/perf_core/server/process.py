"""The process of the measured server, from its start to its end.

A server runs in its own process group, so that Ctrl-C in the terminal reaches only the lab. The lab ends the
server in order: SIGTERM, time to drain, then SIGKILL for what remains of its process tree.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from perf_core.adapter import Launch, Wire
from perf_core.errors import TargetError
from perf_core.interruption import APART, Interruption
from perf_core.server.access import OPEN, Access
from perf_core.server.handshake import Handshake, expect_wire, shake_hands
from perf_core.server.listeners import foreign_listener

_POLL_S = 0.02
_LOG_TAIL_LINES = 20


class ServerProcess:
    """A server that the lab started; use it as a context manager.

    Attributes:
        url: MCP endpoint on the port that the server bound.
        ready_s: Time from the start of the process to the end of the handshake.
        access: How clients reach it.
    """

    url: str
    handshake: Handshake
    ready_s: float

    def __init__(
        self,
        launch: Launch,
        wire: Wire,
        log_path: Path,
        *,
        access: Access = OPEN,
        cpus: Sequence[int] | None = None,
        interruption: Interruption | None = None,
    ) -> None:
        self._interruption = interruption or Interruption()
        self._launch = launch
        self._wire = wire
        self._log_path = log_path
        self._cpus = cpus
        self.access = access
        self._process: psutil.Popen | None = None
        self._descendants: dict[int, psutil.Process] = {}
        self._last_error = ""
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> ServerProcess:
        began = time.monotonic()
        try:
            self._start(began)
        except BaseException:
            self.stop()
            raise
        self.ready_s = time.monotonic() - began
        try:
            self._expect_own_listener()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def root(self) -> psutil.Process:
        """Root of the server's process tree; it may have ended."""
        return self._started

    @property
    def pid(self) -> int:
        """Process number of the server's root process."""
        return self._started.pid

    @property
    def temporary_folder(self) -> Path | None:
        """Folder for the temporary files of this server only; None once it is deleted."""
        return Path(self._temporary.name) if self._temporary else None

    @property
    def exit_code(self) -> int | None:
        """Exit code, or None while it runs; a negative code is the signal that ended it."""
        code: int | None = self._started.poll()
        return code

    def log_tail(self) -> str:
        """Return the last lines of the server's output."""
        try:
            lines = self._log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-_LOG_TAIL_LINES:])

    def stop(self) -> int | None:
        """End the server and all its descendants; return its exit code, or None if it never ran."""
        process = self._process
        if process is None:
            return None
        self._collect_descendants()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(self._launch.stop_timeout_s)
            except psutil.TimeoutExpired:
                process.kill()
        for member in self._descendants.values():
            # psutil compares creation times, so a reused process number is never killed.
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(list(self._descendants.values()), timeout=5)
        code: int | None = process.wait(5)
        self._remove_temporary_files()
        return code

    def _remove_temporary_files(self) -> None:
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            temporary.cleanup()

    @property
    def _started(self) -> psutil.Popen:
        if self._process is None:
            raise RuntimeError("the server has not been started; enter the context manager first")
        return self._process

    def _collect_descendants(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for member in self._started.children(recursive=True):
                self._descendants.setdefault(member.pid, member)

    def _start(self, began: float) -> None:
        deadline = began + self._launch.ready_timeout_s
        with tempfile.TemporaryDirectory(prefix="perf-core-") as folder:
            ready_file = Path(folder) / "ready.json"
            port = _free_port() if self._launch.url else 0
            values = {"{ready_file}": str(ready_file), "{port}": str(port)}
            argv = [_filled(part, values) for part in self._launch.argv]
            self._spawn(argv)
            if self._launch.url:
                self.url = _filled(self._launch.url, values)
            else:
                self.url = self._wait_for_url(ready_file, deadline)
        self.handshake = self._wait_for_handshake(deadline)
        self._collect_descendants()

    def _spawn(self, argv: list[str]) -> None:
        # A short path: sockets may be created there, and their paths are limited to about 100 characters.
        self._temporary = tempfile.TemporaryDirectory(prefix="pc-", ignore_cleanup_errors=True)
        temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._temporary.name)
        with self._log_path.open("wb") as log:
            try:
                self._process = psutil.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **temporary, **self._launch.env},
                    cwd=self._launch.cwd,
                    **APART,
                )
            except OSError as error:
                self._remove_temporary_files()
                raise TargetError(
                    f"cannot start {argv[0]}: {error.strerror}", "Check the command of the target."
                ) from error
        if self._cpus is not None:
            self._process.cpu_affinity(list(self._cpus))

    def _wait_for_url(self, ready_file: Path, deadline: float) -> str:
        for _ in self._until(deadline, "write its ready file"):
            with contextlib.suppress(FileNotFoundError):
                return _read_ready_file(ready_file)
        raise AssertionError("unreachable: _until raises")

    def _wait_for_handshake(self, deadline: float) -> Handshake:
        for left_s in self._until(deadline, "answer an MCP handshake"):
            try:
                return shake_hands(self.url, self._wire, timeout_s=left_s, access=self.access)
            except TargetError as error:
                self._last_error = f" ({error.message})"
                remaining_s = deadline - time.monotonic()
                if remaining_s > 0:
                    expect_wire(self.url, self._wire, remaining_s, access=self.access)
        raise AssertionError("unreachable: _until raises")

    def _expect_own_listener(self) -> None:
        # Another process may hold a fixed port, or have taken a free one before the server bound it.
        stranger = foreign_listener(self.url, self.root, str(self.temporary_folder))
        if stranger is not None:
            raise TargetError(
                f"expected the started server to answer at {self.url}, got process {stranger.pid}, which the "
                "lab did not start",
                "End that process, or use another port; to measure it, name its URL with --server-url.",
            )

    def _until(self, deadline: float, what: str) -> Iterator[float]:
        """Yield the seconds left every few milliseconds; raise when the time is up or the server ends."""
        while (left_s := deadline - time.monotonic()) > 0:
            self._interruption.check()
            code = self.exit_code
            if code is not None:
                raise self._not_ready(f"it exited with code {code} before it could {what}")
            yield left_s
            time.sleep(_POLL_S)
        limit = f"within {self._launch.ready_timeout_s:g} s"
        raise self._not_ready(f"it did not {what} {limit}{self._last_error}")

    def _not_ready(self, problem: str) -> TargetError:
        tail = self.log_tail() or "(the log is empty)"
        return TargetError(
            f"the server never became ready: {problem}.\nEnd of its log:\n{tail}",
            f"Start it by hand to see more: {' '.join(self._launch.argv)}",
        )


def _filled(text: str, values: Mapping[str, str]) -> str:
    # Not str.format: an argument may contain JSON, whose braces are no placeholders.
    for braced, value in values.items():
        text = text.replace(braced, value)
    return text


def _read_ready_file(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    try:
        return str(json.loads(text)["url"])
    except (ValueError, KeyError, TypeError) as error:
        raise TargetError(
            f'expected {{"url": …}} in the ready file, got {text[:200]!r}',
            "Write the file under another name and rename it, so that it is never half-written.",
        ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
