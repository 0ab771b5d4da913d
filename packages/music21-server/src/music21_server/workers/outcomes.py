"""What a caller gets for work that has ended, one way or another."""

from __future__ import annotations

import logging
import secrets
import signal
from typing import Any, Final

from music21_server.workers.errors import (
    WorkDeadlineError,
    WorkerCrashError,
    WorkError,
    WorkFailedError,
    WorkMemoryError,
)
from music21_server.workers.messages import Answer, Done, Failed, OutOfMemory, Refused
from music21_server.workers.processes import End

_logger = logging.getLogger(__name__)

_KILL: Final = 9
"""SIGKILL, which Windows does not name."""


def result_of(answer: Answer, memory_bytes: int) -> Any:
    """Return what the function returned.

    Args:
        answer: The worker's.
        memory_bytes: What the work may need.

    Raises:
        ScoreError: The function raised it.
        WorkMemoryError: It needed too much memory.
        WorkFailedError: It raised another error; the log has it, under the reference in the message.
    """
    if isinstance(answer, Done):
        return answer.result
    if isinstance(answer, Refused):
        raise answer.kind(answer.message)
    if isinstance(answer, OutOfMemory):
        raise WorkMemoryError(
            f"The work needed more than {memory_bytes // 1_000_000:,} MB of memory (setting "
            "worker_memory_bytes), and was stopped. Ask for less at once: fewer measures or parts, or a part "
            "of the score."
        )
    trace = answer.trace if isinstance(answer, Failed) else f"an answer was not expected: {answer}"
    reference = secrets.token_hex(4)
    _logger.error("work failed in a worker process, reference %s:\n%s", reference, trace)
    raise WorkFailedError(
        f"The work failed by an error of this program (reference {reference}, under which its log says "
        "more). Nothing stored is lost; other measures, parts or options may work."
    )


def too_long(deadline_s: float) -> WorkDeadlineError:
    """Return the error for work that was stopped because it took too long."""
    return WorkDeadlineError(
        f"The work took longer than {deadline_s:g} s (setting work_timeout_s), and was stopped. Ask for less "
        "at once: fewer measures or parts, or a part of the score."
    )


def crash(end: End, memory_bytes: int) -> WorkError:
    """Return the error for a process that ended in the middle of the work, and log it.

    Args:
        end: How it ended.
        memory_bytes: What the work may need.
    """
    how = "without saying why" if end.code is None else f"with exit code {end.code}"
    if end.code is not None and end.code < 0:
        how = f"by signal {-end.code} ({signal.strsignal(-end.code)})"
    _logger.error("a worker process ended %s in the middle of a call", how)
    if end.peak_bytes > memory_bytes // 2:
        # A library that is refused memory often ends its process; it had at least what was resident.
        used, most = (size // 1_000_000 for size in (end.peak_bytes, memory_bytes))
        return WorkMemoryError(
            f"The process that did the work ended {how} when it used {used:,} MB of memory or more, and it "
            f"may use {most:,} MB (setting worker_memory_bytes): it probably needed more. Ask for less at "
            "once: fewer measures or parts."
        )
    if end.code == -_KILL:
        how += ", perhaps because the machine ran out of memory"
    return WorkerCrashError(
        f"The process that did the work ended {how}. Nothing stored is lost; try again, and if it happens "
        "again, ask for fewer measures or parts at once."
    )
