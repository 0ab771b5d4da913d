"""Results and errors for the caller of finished work."""

from __future__ import annotations

import logging
import secrets
import signal
from collections.abc import Sequence
from typing import Any, Final

from music21_server.errors import ScoreError
from music21_server.workers.deadlines import Deadline
from music21_server.workers.errors import (
    WorkDeadlineError,
    WorkerCrashError,
    WorkError,
    WorkFailedError,
    WorkMemoryError,
)
from music21_server.workers.messages import Answer, Done, Failed, OutOfMemory, Refused, class_name
from music21_server.workers.processes import ProcessEnd

_logger = logging.getLogger(__name__)

_KILL: Final = 9
"""SIGKILL, which Windows does not name."""


def result_of(answer: Answer, memory_bytes: int) -> Any:
    """Return what the function returned.

    Args:
        answer: The worker's answer.
        memory_bytes: Memory limit of the work.

    Raises:
        ScoreError: The function raised it.
        WorkMemoryError: It needed too much memory.
        WorkFailedError: It raised another error, logged under the reference in the message.
    """
    if isinstance(answer, Done):
        return answer.result
    if isinstance(answer, Refused):
        raise _error_class(answer.kinds)(answer.message)
    if isinstance(answer, OutOfMemory):
        raise WorkMemoryError(
            f"The work needed more than {memory_bytes // 1_000_000:,} MB of memory (setting "
            "worker_memory_bytes) and was stopped. Ask for fewer measures or parts."
        )
    trace = answer.trace if isinstance(answer, Failed) else f"unexpected answer: {answer}"
    raise failed_error(trace)


def failed_error(trace: str) -> WorkFailedError:
    """Log what went wrong in a worker under a reference, and return the error for the caller."""
    reference = secrets.token_hex(4)
    _logger.error("work failed in a worker process, reference %s:\n%s", reference, trace)
    return WorkFailedError(
        f"The work failed because of a bug in this server, logged under reference {reference}. Nothing "
        "stored is lost; other measures, parts or options may work."
    )


def _error_class(names: Sequence[str]) -> type[ScoreError]:
    """Return the first of an error's classes that this process knows; it never imports one for a worker."""
    by_name: dict[str, type[ScoreError]] = {}
    waiting = [ScoreError]
    while waiting:
        kind = waiting.pop()
        by_name[class_name(kind)] = kind
        waiting += kind.__subclasses__()
    return next((by_name[name] for name in names if name in by_name), ScoreError)


def deadline_error(deadline: Deadline) -> WorkDeadlineError:
    """Return the error for work that was stopped because it took too long."""
    return WorkDeadlineError(
        f"The work took longer than {deadline.seconds:.3g} s (setting {deadline.setting}) and was stopped. "
        f"{deadline.advice}"
    )


def crash_error(end: ProcessEnd, memory_bytes: int) -> WorkError:
    """Log that a process ended during its work, and return the error for the caller.

    Args:
        end: The end of the process.
        memory_bytes: Memory limit of the work.
    """
    how = "for an unknown reason" if end.code is None else f"with exit code {end.code}"
    if end.code is not None and end.code < 0:
        how = f"by signal {-end.code} ({signal.strsignal(-end.code)})"
    _logger.error("a worker process ended %s during a call", how)
    if end.peak_bytes > memory_bytes // 2:
        # A library that is refused memory often ends its process; it used at least its resident memory.
        used, most = (size // 1_000_000 for size in (end.peak_bytes, memory_bytes))
        return WorkMemoryError(
            f"The worker process ended {how} after using at least {used:,} MB of the {most:,} MB of memory "
            "that it may use (setting worker_memory_bytes); it probably needed more. Ask for fewer measures "
            "or parts."
        )
    if end.code == -_KILL:
        how += ", perhaps because the machine ran out of memory"
    return WorkerCrashError(
        f"The worker process ended {how}. Nothing stored is lost; try again, and if it happens again, ask "
        "for fewer measures or parts."
    )
