"""What can go wrong before and around serving, on one screen.

    ServerCoreError
    ├── SettingsError    a setting is malformed or unknown            exit code 2
    ├── TelemetryError   export is configured, its libraries are not  exit code 2
    ├── BindError        the address cannot be listened on            exit code 1
    ├── ReadyFileError   the ready file cannot be written             exit code 1
    └── WorkerError      a worker process does not start              exit code 1

`run.main` prints `problems`, one line each, and returns `exit_code`. What goes wrong inside a request is
answered to the client and is no business of this tree.
"""

from __future__ import annotations

from typing import ClassVar


class ServerCoreError(Exception):
    """The server cannot start or keep going; `problems` says why, one line each."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SettingsError(ServerCoreError):
    """At least one setting is malformed or unknown."""

    exit_code = 2


class TelemetryError(ServerCoreError):
    """An OTLP endpoint is configured but the libraries that export are not installed."""

    exit_code = 2


class BindError(ServerCoreError):
    """The configured host and port cannot be listened on."""


class ReadyFileError(ServerCoreError):
    """The ready file cannot be written."""


class WorkerError(ServerCoreError):
    """A worker process ended before it answered for the first time."""
