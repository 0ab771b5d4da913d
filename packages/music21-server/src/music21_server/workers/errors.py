"""Errors of work in worker processes.

ScoreError
└── WorkError
    ├── BusyError            too many calls are waiting
    ├── WorkDeadlineError    it took too long and was stopped
    ├── WorkMemoryError      it needed too much memory and was stopped
    ├── WorkerCrashError     its process ended during the work
    ├── WorkFailedError      a bug; the log has the traceback under a reference
    └── NoWorkersError       no worker process can be started
"""

from __future__ import annotations

from music21_server.errors import ScoreError


class WorkError(ScoreError):
    """Work that was not done; the message says why and what to do."""


class BusyError(WorkError):
    """Too many calls are waiting."""


class WorkDeadlineError(WorkError):
    """The work took too long and was stopped."""


class WorkMemoryError(WorkError):
    """The work needed too much memory and was stopped."""


class WorkerCrashError(WorkError):
    """The worker process ended during the work."""


class WorkFailedError(WorkError):
    """The work failed because of a bug."""


class NoWorkersError(WorkError):
    """No worker process can be started."""
