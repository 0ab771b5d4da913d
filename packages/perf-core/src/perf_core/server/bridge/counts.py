"""Counts of what passed through the bridge; its page ``/counts`` shows them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from perf_core.server.bridge.excerpts import beginning_of

_KEPT_ENDS = 10
_KEPT_CHARACTERS = 300
_LONGEST_CHARACTER_BYTES = 4


@dataclass(frozen=True)
class UnexpectedEnd:
    """A child that ended by itself.

    Attributes:
        how: Such as ``ended with exit code 3``.
        stderr: Last lines of its standard error.
    """

    child: int
    pid: int
    how: str
    stderr: str


@dataclass
class Counts:
    """Counts since the bridge started.

    Attributes:
        requests: Requests that were passed on to children.
        answers: Answers that were passed on to clients.
        late_answers: Answers whose client no longer waited, or that nobody had asked for.
        repeated_answers: Further answers to requests that had one.
        notifications: Notifications of children by method.
        server_requests: Requests of children by method, answered by the bridge.
        skipped_lines: Lines on standard output that are no JSON-RPC messages.
        first_skipped_line: The first of them, shortened.
        overlong_lines: Messages longer than the limit, which were not passed on.
        started: Children that were started.
        running: Children that run now.
        ended: Children that ended by themselves.
        ends: The first of these.
    """

    requests: int = 0
    answers: int = 0
    late_answers: int = 0
    repeated_answers: int = 0
    notifications: Counter[str] = field(default_factory=Counter)
    server_requests: Counter[str] = field(default_factory=Counter)
    skipped_lines: int = 0
    first_skipped_line: str = ""
    overlong_lines: int = 0
    started: int = 0
    running: int = 0
    ended: int = 0
    ends: list[UnexpectedEnd] = field(default_factory=list)

    def skip(self, line: bytes) -> bool:
        """Count a line that is no message; return whether it is the first."""
        self.skipped_lines += 1
        if self.skipped_lines > 1:
            return False
        start = line[: _LONGEST_CHARACTER_BYTES * (_KEPT_CHARACTERS + 1)]
        self.first_skipped_line = beginning_of(start.decode("utf-8", "replace"), _KEPT_CHARACTERS)
        return True

    def end(self, end: UnexpectedEnd) -> None:
        """Count a child that ended by itself."""
        self.ended += 1
        if len(self.ends) < _KEPT_ENDS:
            self.ends.append(end)

    def to_document(self) -> dict[str, Any]:
        """Return the counts as a JSON object."""
        return {
            **{name: value for name, value in vars(self).items() if name != "ends"},
            "ends": [vars(end) for end in self.ends],
        }
