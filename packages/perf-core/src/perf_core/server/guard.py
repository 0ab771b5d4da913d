"""The guard of a started server: it ends the server if the lab is killed and can do nothing any more."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from perf_core.errors import TargetError
from perf_core.interruption import APART
from perf_core.server import guard_process

_SETTLED_S = 1.0
_LOOK_S = 0.004
_CALM_LOOKS = 5

_END_S = 5.0
"""Time for a guard to end; it takes milliseconds."""


class Guard:
    """A process that waits for the end of the lab.

    Args:
        mark: Folder for temporary files that only this server is given (see `daemon`).
        folders: Folders to delete after the server's end, besides that one.
        grace_s: Time for the server to end in order.
        ends_with_input: Whether the server ends with its standard input, so that it needs no SIGTERM.

    Raises:
        TargetError: It cannot be started.
    """

    def __init__(self, mark: Path, folders: Sequence[Path], *, grace_s: float, ends_with_input: bool) -> None:
        try:
            self._process = subprocess.Popen(
                guard_process.ARGV,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                **APART,
            )
        except OSError as error:
            raise TargetError(
                f"cannot start the process that guards the server: {error.strerror}", "Free some processes."
            ) from error
        self._send(
            {
                "path": sys.path,
                "mark": str(mark),
                "folders": [str(folder) for folder in (mark, *folders)],
                "grace_s": grace_s,
                "ends_with_input": ends_with_input,
            }
        )

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def settle(self) -> None:
        """Wait until it waits for its input: its own start would slow down that of a server that is timed."""
        calm = 0
        until_s = time.monotonic() + _SETTLED_S
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            while calm < _CALM_LOOKS and time.monotonic() < until_s:
                calm = calm + 1 if process.status() == psutil.STATUS_SLEEPING else 0
                time.sleep(_LOOK_S)

    def watch(self, process: psutil.Process) -> None:
        """Take note of the server's process."""
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended at once
            self._send({"pid": process.pid, "created_s": process.create_time()})

    def close(self) -> None:
        """End the guard: the server has been ended."""
        self._send("end")
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, message: object) -> None:
        if self._process.stdin is not None:
            # A guard that was killed is missed only if the lab is, too.
            with contextlib.suppress(OSError):
                self._process.stdin.write(json.dumps(message).encode() + b"\n")
                self._process.stdin.flush()
