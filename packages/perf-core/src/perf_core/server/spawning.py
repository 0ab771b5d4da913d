"""Parts of a server's start: placeholders, a free port, the process itself, and its ready file."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from perf_core.errors import TargetError
from perf_core.interruption import APART
from perf_core.server.credentials.masking import cut

_LOG_TAIL_LINES = 20
_LOG_TAIL_BYTES = 64 * 1024
"""Most that is read of a log, which may have gigabytes."""


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its placeholders, such as ``{port}``, replaced."""
    # Not str.format: an argument may contain JSON, whose braces are no placeholders.
    for braced, value in values.items():
        text = text.replace(braced, value)
    return text


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def spawn(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: Path | None,
    log_path: Path,
    *,
    has_stdin: bool,
    has_stdout: bool = False,
) -> psutil.Popen:
    """Start a process whose output goes to a log.

    Args:
        env: Its whole environment.
        has_stdin: Whether its standard input is a pipe that the caller closes; else it is empty.
        has_stdout: Whether its standard output is a pipe that the caller reads; else it goes to the log.

    Raises:
        TargetError: It cannot be started.
    """
    with log_path.open("wb") as log:
        try:
            return psutil.Popen(
                argv,
                stdin=subprocess.PIPE if has_stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE if has_stdout else log,
                stderr=log,
                env=dict(env),
                cwd=cwd,
                **APART,
            )
        except OSError as error:
            if cwd is not None and error.filename == cwd:
                raise TargetError(
                    f"expected the folder {cwd} to start the server in, got: {error.strerror}",
                    "Correct cwd, or create the folder.",
                ) from error
            raise TargetError(
                f"cannot start {argv[0]}: {error.strerror}", "Check the command of the target."
            ) from error


def read_ready_file(path: Path) -> str:
    """Return the URL in a ready file.

    Raises:
        FileNotFoundError: It has not been written.
        TargetError: It has no URL.
    """
    text = path.read_text(encoding="utf-8")
    try:
        return str(json.loads(text)["url"])
    except (ValueError, KeyError, TypeError) as error:
        raise TargetError(
            f'expected {{"url": …}} in the ready file, got {cut(text, 200)!r}',
            "Write the file under another name and rename it, so that it is never half-written.",
        ) from error


def last_lines(log_path: Path) -> str:
    """Return the last lines of a log; empty if there is none."""
    try:
        with log_path.open("rb") as log:
            begin = max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES)
            log.seek(begin)
            text = log.read(_LOG_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    if begin:
        # The first line may be cut within a secret, which would not be masked then.
        text = text.partition("\n")[2] or f"(a line of more than {_LOG_TAIL_BYTES // 1024} KiB)"
    return "\n".join(text.splitlines()[-_LOG_TAIL_LINES:])
