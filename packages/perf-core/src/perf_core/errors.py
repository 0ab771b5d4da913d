"""Everything perf-core raises on purpose, and every exit code it returns.

Catch :class:`LabError` to catch them all::

    LabError                  the lab itself could not do its work      exit 1
    ├── UsageError            the request makes no sense                exit 2
    ├── GeneratorError        k6 is missing, or failed by itself        exit 1
    ├── TargetError           the server did not start or answer        exit 1
    ├── ResultsError          results could not be written or read      exit 1
    ├── NotComparable         two things cannot be compared             exit 5
    └── Interrupted           the user ended it before the load began   exit 5

Each error carries a ``message`` (what was expected, what came) and a ``hint`` (what to do).
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command ``perf-core``; 99 is k6's own code for missed thresholds."""

    PASS = 0
    LAB_FAILED = 1
    USAGE = 2
    WORSE = 3
    INCONCLUSIVE = 4
    INVALID = 5
    TARGETS_MISSED = 99


# Over several scenarios the most serious outcome decides.
SEVERITY = (ExitCode.LAB_FAILED, ExitCode.INVALID, ExitCode.TARGETS_MISSED, ExitCode.PASS)


def most_serious(codes: list[ExitCode]) -> ExitCode:
    """Return the code that stands for several scenarios: 1 beats 5 beats 99 beats 0."""
    return min(codes, key=SEVERITY.index, default=ExitCode.PASS)


class LabError(Exception):
    """The lab could not do its work.

    Attributes:
        message: What was expected and what came.
        hint: What to do about it; may be empty.
        exit_code: What ``perf-core`` returns.
    """

    exit_code: ExitCode = ExitCode.LAB_FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(LabError):
    """An unknown target, scenario or option, or a malformed file or setting."""

    exit_code = ExitCode.USAGE


class GeneratorError(LabError):
    """k6 is missing, or ended for a reason of its own."""


class TargetError(LabError):
    """The server to be measured did not start, did not answer, or is not what was asked for."""


class ResultsError(LabError):
    """The results folder cannot be written, or a record cannot be read."""


class NotComparable(LabError):  # noqa: N818 - says what the two are, like Interrupted
    """Two targets or two records differ in more than the figures that are to be compared."""

    exit_code = ExitCode.INVALID


class Interrupted(LabError):  # noqa: N818 - it is the user's wish, not an error
    """Ctrl-C or SIGTERM came before there was anything to record."""

    exit_code = ExitCode.INVALID

    def __init__(self) -> None:
        super().__init__("interrupted before the load began; there is nothing to record")
