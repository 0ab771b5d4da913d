"""Errors that keep a server from starting or running, on one screen.

    ServerCoreError
    ├── SettingsError    a setting is malformed or unknown            exit code 2
    ├── TelemetryError   export is configured, its libraries are not  exit code 2
    ├── BindError        the address cannot be listened on            exit code 1
    ├── ReadyFileError   the ready file cannot be written             exit code 1
    └── WorkerError      a worker process does not start              exit code 1

`run.main` prints `problems`, one line each, and returns `exit_code`. Errors within a request are answered to
the client and are not part of this tree.
"""

from __future__ import annotations

from typing import ClassVar


class ServerCoreError(Exception):
    """The server cannot start or keep running; `problems` says why, one line each."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SettingsError(ServerCoreError):
    """At least one setting is malformed or unknown."""

    exit_code = 2


class TelemetryError(ServerCoreError):
    """An OTLP endpoint is configured but the export libraries are not installed."""

    exit_code = 2


class BindError(ServerCoreError):
    """The configured host and port cannot be listened on."""


class ReadyFileError(ServerCoreError):
    """The ready file cannot be written."""


class WorkerError(ServerCoreError):
    """A worker process ended before it was ready for the first time."""
