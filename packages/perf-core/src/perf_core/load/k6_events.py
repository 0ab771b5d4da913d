"""Events of the scripts on k6's console (k6/lib/events.js): sessions and examples of failed calls."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from perf_core.server.client.sessions import OpenSession

_MOST_EXAMPLES = 3
"""Examples kept per tool and class of error; each virtual user reports as many."""


@dataclass(frozen=True)
class FailedCall:
    """One failed call, as k6 reported it.

    Attributes:
        at_s: Its start, in seconds from the start of the load.
        duration_s: Time until the answer, or until k6 stopped waiting.
        arguments: JSON text, shortened.
        kind: Kind of the expectation; see :class:`perf_core.adapter.Expectation`.
        expected: Expected JSON text, shortened.
        status: HTTP status; 0 without an answer.
        body: Body of the answer, shortened.
        error: Message of k6; empty when the exchange was complete.
    """

    tool: str
    error_class: str
    stage: str
    at_s: float
    duration_s: float
    arguments: str
    kind: str
    expected: str
    status: int
    body: str
    error: str


@dataclass(frozen=True)
class Events:
    """Events of one run.

    Attributes:
        open_sessions: Sessions that were opened and neither closed nor lost.
        lost_sessions: Number of sessions that the server no longer had when they were used.
        failures: The first failed calls of each tool and class of error, in order of time.
    """

    open_sessions: tuple[OpenSession, ...] = ()
    lost_sessions: int = 0
    failures: tuple[FailedCall, ...] = ()


def read_events(lines: Iterable[str]) -> Events:
    """Return the events in the lines of k6's console; other lines and a cut last line are skipped."""
    # A server may give several clients the same id.
    sessions: dict[str, list[OpenSession]] = {}
    lost = 0
    failures: list[FailedCall] = []
    for line in lines:
        try:
            event: Any = json.loads(line)
        except ValueError:
            continue
        match event:
            case {"event": "session_opened", "id": str(session_id)}:
                session = OpenSession(
                    session_id, event["url"], event["version"], event["identity"], event["cookies"]
                )
                sessions.setdefault(session_id, []).append(session)
            case {"event": "session_closed" | "session_lost" as name, "id": str(session_id)}:
                if session_id in sessions:
                    sessions[session_id].pop()
                    lost += name == "session_lost"
                    # A server that loses them has opened hundreds of thousands.
                    if not sessions[session_id]:
                        del sessions[session_id]
            case {"event": "failure"}:
                failures.append(_failed_call(event))
    left = tuple(session for same_id in sessions.values() for session in same_id)
    return Events(left, lost, tuple(_first_of_each(failures)))


def _failed_call(event: dict[str, Any]) -> FailedCall:
    return FailedCall(
        tool=event["tool"],
        error_class=event["class"],
        stage=event["stage"],
        at_s=event["at_ms"] / 1000,
        duration_s=event["duration_ms"] / 1000,
        arguments=event["arguments"],
        kind=event["kind"],
        expected=event["expected"],
        status=event["status"],
        body=event["body"],
        error=event["error"],
    )


def _first_of_each(failures: list[FailedCall]) -> Iterable[FailedCall]:
    counts: dict[tuple[str, str], int] = {}
    for failure in sorted(failures, key=lambda each: each.at_s):
        key = failure.tool, failure.error_class
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= _MOST_EXAMPLES:
            yield failure
