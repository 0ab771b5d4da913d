"""The server's log: standard error of the children, each line with the child's number, and remarks."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque

_FLUSH_S = 0.1
"""Lines are written together this often: some SDKs log a line for each call."""

_TAIL_LINES = 20
_MAX_LINE_BYTES = 64 * 1024


class ServerLog:
    """Writes lines to a file descriptor.

    Args:
        descriptor: File descriptor; the lab makes standard error the server's log.
    """

    def __init__(self, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def note(self, text: str) -> None:
        """Write a line of the bridge."""
        self.lines([b"[bridge] " + text.encode("utf-8", "replace")])

    def lines(self, lines: list[bytes]) -> None:
        """Write lines soon."""
        self._lines += lines
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_S, self.flush)

    def flush(self) -> None:
        """Write everything now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            data = memoryview(b"\n".join([*self._lines, b""]))
            self._lines.clear()
            # A full disk or a closed pipe must not end the measurement.
            with contextlib.suppress(OSError):
                while data:
                    data = data[os.write(self._descriptor, data) :]


class StderrLines:
    """Standard error of one child, on its way into the log.

    Args:
        name: Put in brackets before each line.
    """

    def __init__(self, log: ServerLog, name: str) -> None:
        self._log = log
        self._prefix = f"[{name}] ".encode()
        self._rest = b""
        self._last: deque[bytes] = deque(maxlen=_TAIL_LINES)

    def feed(self, chunk: bytes) -> None:
        """Take what the child wrote."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _MAX_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        if lines:
            self._last.extend(lines)
            self._log.lines([self._prefix + line.rstrip(b"\r") for line in lines])

    def close(self) -> None:
        """Write the line that has not ended."""
        if self._rest:
            self.feed(b"\n")

    def tail(self) -> str:
        """Return the last lines."""
        return b"\n".join(self._last).decode("utf-8", "replace").strip()
