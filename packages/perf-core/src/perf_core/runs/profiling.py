"""py-spy beside a load: it samples the stacks of the server's Python processes from outside.

py-spy reads the memory of the processes, which takes the right to trace them: root, or on Linux the
capability SYS_PTRACE, or a process of the same user if ``kernel.yama.ptrace_scope`` is 0. It is not a
dependency of the lab; the extra ``profile`` installs it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from perf_core.analysis.profiles import merged, of_server, read_stacks, top_functions
from perf_core.errors import UsageError
from perf_core.interruption import APART, INTERRUPT
from perf_core.results.profile import Profile
from perf_core.server.live import LiveServer

RATE_PER_S: Final = 50
"""A stop for a sample takes 0.3 ms, and longer on a busy machine, where py-spy waits for a CPU meanwhile."""

FOLDED_NAME: Final = "profile.folded"
"""File with all stacks, for tools that draw such files."""

_RAW_NAME: Final = "profile.partial"
_LOG_NAME: Final = "profile.log"
_READY: Final = "Sampling process"
_START_S: Final = 15.0
"""Time for py-spy to read the symbols of the interpreter; 0.3 s on an idle machine."""

_POLL_S: Final = 0.05
_END_S: Final = 20.0
_ERRORS: Final = re.compile(r"Errors: (\d+)")
_MISTAKE: Final = re.compile(r"error: |failed to |unsupported", re.IGNORECASE)
_REFUSED: Final = re.compile(r"permission denied|operation not permitted|os error (1|13)\b", re.IGNORECASE)

REFUSED: Final = (
    "the system does not let the profiler read the server's memory: run the lab as root, or on Linux allow "
    "it with sysctl kernel.yama.ptrace_scope=0, in a container with --cap-add SYS_PTRACE"
)


def find_py_spy() -> Path:
    """Return the py-spy installed beside this Python, else the one on PATH.

    Raises:
        UsageError: There is none; the hint has the command that installs it.
    """
    path = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if path is None:
        raise UsageError(
            "--profile: expected py-spy beside this Python or on PATH, got neither",
            "Install the extra: pip install 'mcp-perf-core[profile]'.",
        )
    return Path(path)


class Profiler:
    """Records the stacks of a process tree; use it as a context manager.

    Whatever goes wrong is the ``problem`` of the profile: the run is measured all the same.

    Args:
        pid: Root of the process tree.
        apart: Processes in it that are none of the server's, such as the bridge.
        folder: Folder of the run, which gets the stacks.
    """

    def __init__(self, py_spy: Path, pid: int, folder: Path, *, apart: tuple[int, ...] = ()) -> None:
        self._command = [
            *(str(py_spy), "record", "--pid", str(pid), "--subprocesses"),
            *("--rate", str(RATE_PER_S), "--format", "raw", "--function"),
            *("--output", str(folder / _RAW_NAME)),
        ]
        self._pid = pid
        self._folder = folder
        self._apart = apart
        self._process: subprocess.Popen[bytes] | None = None
        self._meter: psutil.Process | None = None
        self._began = self._ended = 0.0
        self._cpu_s: float | None = None
        self._finished: Profile | None = None
        self._programs: list[str] = []

    def __enter__(self) -> Self:
        log = (self._folder / _LOG_NAME).open("wb")
        with log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "RUST_LOG": "warn"},  # why a process cannot be sampled is a warning
                **APART,
            )
        with contextlib.suppress(psutil.NoSuchProcess):
            self._meter = psutil.Process(self._process.pid)
        deadline = time.monotonic() + _START_S
        while self._process.poll() is None and _READY not in self._log() and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        self._began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        for name in (_RAW_NAME, _LOG_NAME):
            # Both may hold command lines with secrets.
            (self._folder / name).unlink(missing_ok=True)

    def finish(self) -> Profile:
        """End the recording and return the profile."""
        if self._finished is None:
            self._stop()
            self._finished = self._profile()
        return self._finished

    def _stop(self) -> None:
        process = self._process
        if process is None or self._ended:
            return
        if self._meter is not None:
            with contextlib.suppress(psutil.Error):
                self._cpu_s = sum(self._meter.cpu_times()[:2])
        self._ended = time.monotonic()
        self._programs = _names_below(self._pid, self._apart)
        try:
            with contextlib.suppress(OSError):  # it has just ended
                process.send_signal(INTERRUPT)
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _profile(self) -> Profile:
        log = self._log()
        try:
            text = (self._folder / _RAW_NAME).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return Profile(problem=self._problem(log))
        stacks = of_server(read_stacks(text), self._apart)
        if not stacks:
            return Profile(problem=self._problem(log))
        shown = merged(stacks)
        (self._folder / FOLDED_NAME).write_text("\n".join([*shown, ""]), encoding="utf-8", errors="replace")
        errors = _ERRORS.search(log)
        return Profile(
            samples=sum(stack.samples for stack in stacks),
            rate_per_s=RATE_PER_S,
            duration_s=max(0.0, self._ended - self._began),
            processes=len({stack.pid for stack in stacks}),
            errors=int(errors.group(1)) if errors else 0,
            profiler_cpu_s=self._cpu_s,
            functions=top_functions(stacks),
            stacks=shown,
            unread=tuple(name for name in self._programs if not _is_python(name)),
        )

    def _problem(self, log: str) -> str:
        """Return in a sentence why there are no samples."""
        if _REFUSED.search(log) or not _may_be_traced(self._pid):
            return REFUSED
        unread = [name for name in self._programs if not _is_python(name)]
        if unread:
            return f"the profiler reads Python programs only, and the server runs {', '.join(unread)}"
        mistakes = [line.strip() for line in log.splitlines() if _MISTAKE.search(line)]
        if mistakes:
            return f"the profiler gave no samples: {mistakes[-1]}"
        return "the profiler gave no samples: no Python thread of the server ran whenever it looked"

    def _log(self) -> str:
        with contextlib.suppress(OSError):
            return (self._folder / _LOG_NAME).read_text(encoding="utf-8", errors="replace")
        return ""


Profiling = contextlib.AbstractContextManager[Profiler | None]
"""Context of a load, with a profiler beside it or without one."""

NO_PROFILING: Final[Profiling] = contextlib.nullcontext()


def profiling_of(live: LiveServer, py_spy: Path | None, folder: Path) -> Profiling:
    """Return the profiler of a server; the context has none without py-spy or if no process is visible."""
    if py_spy is None or live.pid is None:
        return NO_PROFILING
    return Profiler(py_spy, live.pid, folder, apart=() if live.bridge_pid is None else (live.bridge_pid,))


def _may_be_traced(pid: int) -> bool:
    """Return whether this process may read the memory of another; True where that cannot be told."""
    try:
        with Path(f"/proc/{pid}/mem").open("rb"):
            return True
    except PermissionError:
        return False
    except OSError:
        return True


def _is_python(program: str) -> bool:
    return "python" in program.lower()


def _names_below(pid: int, apart: tuple[int, ...]) -> list[str]:
    """Return the names of the programs in a process tree, each once.

    The name of a process would be that of a script, whatever interpreter runs it.
    """
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return []
    names = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process.pid not in apart:
                names.append(Path(process.exe()).name or process.name())
    return sorted(set(names))
