"""What can go wrong with work in a worker process.

ScoreError
└── WorkError
    ├── BusyError            too many calls wait already
    ├── WorkDeadlineError    it took longer than it may; it was stopped
    ├── WorkMemoryError      it needed more memory than it may have; it was stopped
    ├── WorkerCrashError     its process ended in the middle of it
    ├── WorkFailedError      an error of the program; the log has more under a reference
    └── NoWorkersError       no worker process can be started
"""

from __future__ import annotations

from music21_server.errors import ScoreError


class WorkError(ScoreError):
    """Work was not done; the message says why, and what to do."""


class BusyError(WorkError):
    """Too many calls wait already."""


class WorkDeadlineError(WorkError):
    """The work took longer than it may, and was stopped."""


class WorkMemoryError(WorkError):
    """The work needed more memory than it may have, and was stopped."""


class WorkerCrashError(WorkError):
    """The process that did the work ended in the middle of it."""


class WorkFailedError(WorkError):
    """The work failed by an error of the program."""


class NoWorkersError(WorkError):
    """No worker process can be started."""
