"""Processes beside the lab: the servers that are measured by their URL, and stand-ins for services."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

READY_S = 60.0
_STOP_S = 10.0


class NotReadyError(Exception):
    """A server does not listen; the message ends with what it printed."""


def free_port() -> int:
    """Return a port on which nothing listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path, port: int
) -> Iterator[None]:
    """Start a server, wait until something listens on its port, and end its process group afterwards.

    Raises:
        NotReadyError: It ended, or does not listen within a minute.
    """
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise NotReadyError(f"{command[0]}: expected a program, got: {error.strerror}") from error
        try:
            _wait_until_listening(process, port, command[0], log)
            yield
        finally:
            _end(process)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, name: str, log: Path) -> None:
    deadline_s = time.monotonic() + READY_S
    while time.monotonic() < deadline_s and process.poll() is None:
        # Servers listen on 127.0.0.1, on ::1, or on both.
        for host in ("127.0.0.1", "::1"):
            with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
                return
        time.sleep(0.05)
    outcome = "silence" if process.poll() is None else f"exit code {process.returncode}"
    printed = log.read_text(encoding="utf-8", errors="replace").strip()[-1500:]
    raise NotReadyError(f"{name}: expected it to listen on port {port}, got {outcome}: {printed}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_S)
            # Children that it did not end are in its group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return
