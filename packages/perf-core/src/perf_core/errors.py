"""Every exception that perf-core raises deliberately, and every exit code it returns.

Catch :class:`LabError` to catch them all::

    LabError                  the lab could not do its work             exit 1
    ├── UsageError            the request is invalid                    exit 2
    ├── GeneratorError        k6 is missing or failed                   exit 1
    ├── TargetError           the server did not start or answer        exit 1
    │   ├── NoAnswer          the connection failed                     exit 1
    │   ├── LegacyTransport   it speaks HTTP+SSE of 2024-11-05          exit 1
    │   ├── RequestRefused    it answers, but not with a result         exit 1
    │   └── NotAskable        the server lacks what a scenario needs    exit 5
    │       ├── NothingToCall   no call could be drawn for it           exit 5
    │       └── WireNotOffered  it answers on the other wire only       exit 5
    ├── ResultsError          results could not be written or read      exit 1
    ├── NotComparable         two servers or runs cannot be compared    exit 5
    └── Interrupted           the user stopped it before any figures    exit 5

Each error has a ``message`` (expected X, got Y) and a ``hint`` (what to do).
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


SEVERITY = (ExitCode.LAB_FAILED, ExitCode.INVALID, ExitCode.TARGETS_MISSED, ExitCode.PASS)


def most_serious(codes: list[ExitCode]) -> ExitCode:
    """Return the exit code for several scenarios: 1 beats 5 beats 99 beats 0."""
    return min(codes, key=SEVERITY.index, default=ExitCode.PASS)


class LabError(Exception):
    """The lab could not do its work.

    Attributes:
        message: The problem: expected X, got Y.
        hint: Advice to the user; may be empty.
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
    """k6 is missing, or failed for a reason that is not the server's."""


class TargetError(LabError):
    """The measured server did not start, did not answer, or is not the expected one.

    Attributes:
        is_temporary: Whether a server that is still starting may answer like that.
    """

    is_temporary = False


class NoAnswer(TargetError):  # noqa: N818 - a state, like NotAskable
    """A server did not answer a request.

    Attributes:
        timed_out: Whether the connection was there and the answer did not come in time.
    """

    def __init__(
        self, message: str, hint: str = "", *, is_temporary: bool = False, timed_out: bool = False
    ) -> None:
        super().__init__(message, hint)
        self.is_temporary = is_temporary
        self.timed_out = timed_out


class LegacyTransport(TargetError):  # noqa: N818 - a state, like NotAskable
    """A server speaks the transport HTTP+SSE of revision 2024-11-05, which needs the bridge."""


_UNKNOWN_REQUEST_STATUSES = frozenset({400, 404, 405, 406, 415, 501})
_STARTING_STATUSES = frozenset({502, 503})
"""Statuses of a proxy or a server that is not ready yet."""

_INTERNAL_ERROR = -32603
_OK = 200


class RequestRefused(TargetError):  # noqa: N818 - a state, like NotAskable
    """A server answered a request, but not with a result.

    Attributes:
        status: HTTP status.
        code: Code of the JSON-RPC error; None without one.
        data: Data of the JSON-RPC error; None without any.
        reason: Message of the JSON-RPC error; empty without one.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        status: int = 0,
        code: object = None,
        data: object = None,
        reason: str = "",
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code
        self.data = data
        self.reason = reason
        self.is_temporary = status in _STARTING_STATUSES

    @property
    def is_unknown_request(self) -> bool:
        """Whether the server does not know the request, rather than having failed in it or asking to wait."""
        if self.status == _OK:
            return isinstance(self.code, int) and self.code != _INTERNAL_ERROR
        return self.status in _UNKNOWN_REQUEST_STATUSES


class NotAskable(TargetError):  # noqa: N818 - a state, like NotComparable
    """The server answers, but lacks what a scenario needs, so that nothing can be measured."""

    exit_code = ExitCode.INVALID


class NothingToCall(NotAskable):
    """No call of the server's tools could be drawn that it answers without an error.

    Attributes:
        discovery: The :class:`perf_core.server.checks.Discovery`, with each tool and why it is left out.
    """

    def __init__(self, message: str, hint: str = "", discovery: object = None) -> None:
        super().__init__(message, hint)
        self.discovery = discovery


class WireNotOffered(NotAskable):
    """The server answers on the other wire only."""


class ResultsError(LabError):
    """The results folder cannot be written, or a record cannot be read."""


class NotComparable(LabError):  # noqa: N818 - a state, like Interrupted
    """Two servers or two records differ in more than the figures to be compared."""

    exit_code = ExitCode.INVALID


class Interrupted(LabError):  # noqa: N818 - the user's request, not an error
    """Ctrl-C or SIGTERM arrived before there was anything to record."""

    exit_code = ExitCode.INVALID

    def __init__(self, message: str = "interrupted before the load began; nothing was recorded") -> None:
        super().__init__(message)
