"""Events of the scripts on k6's console (k6/lib/events.js): sessions, failed calls and the slowest calls."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from perf_core.server.client.sessions import OpenSession

_MOST_EXAMPLES = 3
"""Examples kept per tool and class of error; each virtual user reports as many."""

_MOST_SLOW_CALLS = 20


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
class TimedCall:
    """One of the slowest calls of a virtual user, as k6 reported it.

    Attributes:
        at_s: Its start, in seconds from the start of the load.
        duration_s: The sum of the next three, and what the user waited.
        connect_s: Time until there was a connection, name resolution and TLS included.
        wait_s: Time from there until the first byte of the answer.
        transfer_s: Time until the last byte.
        error_class: Class of its error; empty for a right answer.
        vu: Number of the virtual user, from 1.
        session: Digest of the id of its session; empty without one.
        arguments: Digest of the JSON text of its arguments.
    """

    at_s: float
    duration_s: float
    connect_s: float
    wait_s: float
    transfer_s: float
    tool: str
    stage: str
    error_class: str
    vu: int
    session: str
    arguments: str


@dataclass(frozen=True)
class Events:
    """Events of one run.

    Attributes:
        open_sessions: Sessions that were opened and neither closed nor lost.
        lost_sessions: Number of sessions that the server no longer had when they were used.
        failures: The first failed calls of each tool and class of error, in order of time.
        slow_calls: The slowest calls of all users, the slowest first.
    """

    open_sessions: tuple[OpenSession, ...] = ()
    lost_sessions: int = 0
    failures: tuple[FailedCall, ...] = ()
    slow_calls: tuple[TimedCall, ...] = ()


def read_events(lines: Iterable[str]) -> Events:
    """Return the events in the lines of k6's console; other lines and a cut last line are skipped."""
    # A server may give several clients the same id.
    sessions: dict[str, list[OpenSession]] = {}
    lost = 0
    failures: list[FailedCall] = []
    slow_calls: list[TimedCall] = []
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
            case {"event": "slow_calls"}:
                slow_calls = _slowest([*slow_calls, *_timed_calls(event)])
    left = tuple(session for same_id in sessions.values() for session in same_id)
    return Events(left, lost, tuple(_first_of_each(failures)), tuple(slow_calls))


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


def _timed_calls(event: dict[str, Any]) -> Iterable[TimedCall]:
    for call in event["calls"]:
        yield TimedCall(
            at_s=call["at_ms"] / 1000,
            duration_s=call["duration_ms"] / 1000,
            connect_s=call["connect_ms"] / 1000,
            wait_s=call["wait_ms"] / 1000,
            transfer_s=call["transfer_ms"] / 1000,
            tool=call["tool"],
            stage=call["stage"],
            error_class=call["class"] or "",
            vu=event["vu"],
            session=call["session"],
            arguments=call["arguments"],
        )


def _slowest(calls: Iterable[TimedCall]) -> list[TimedCall]:
    """Return the slowest calls, the slowest first; of those that took as long, the earlier one."""
    return heapq.nsmallest(_MOST_SLOW_CALLS, calls, key=lambda call: (-call.duration_s, call.at_s))


def _first_of_each(failures: list[FailedCall]) -> Iterable[FailedCall]:
    counts: dict[tuple[str, str], int] = {}
    for failure in sorted(failures, key=lambda each: each.at_s):
        key = failure.tool, failure.error_class
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= _MOST_EXAMPLES:
            yield failure
