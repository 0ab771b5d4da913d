"""Observations of the probe: calls with the times of their events, held streams, and a slow reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StreamEnd = Literal["open", "refused", "closed", "dropped", "unanswered"]


@dataclass(frozen=True)
class ProbedCall:
    """One call of the probe; times within it are seconds from its start.

    Attributes:
        at_s: Its start, in seconds since the epoch.
        events_s: Arrival of each message before the answer: notifications and requests of the server.
        progress: Number of progress notifications among them.
        server_methods: Methods of the requests that the server sent during the call.
        total_s: Time until the answer was complete; None without an answer.
        size_bytes: Size of the answer and the messages before it.
        problem: Reason for which there is no right answer; empty if there is one.
        sent_s: Time until the request was being sent.
        head_s: Time until the head of the answer had arrived; None without one.
        server_timing: Header in which the server tells its own time; empty without one, and for a stream,
            whose head precedes the work.
    """

    tool: str
    at_s: float
    events_s: tuple[float, ...] = ()
    progress: int = 0
    server_methods: tuple[str, ...] = ()
    total_s: float | None = None
    size_bytes: int = 0
    problem: str = ""
    sent_s: float = 0.0
    head_s: float | None = None
    server_timing: str = ""

    @property
    def tells_times(self) -> bool:
        """Whether the server told its own time."""
        return bool(self.server_timing)

    @property
    def is_streamed(self) -> bool:
        """Whether the server sent something before its answer."""
        return bool(self.events_s)


@dataclass(frozen=True)
class HeldStream:
    """One GET stream, on which a server sends messages that belong to no call.

    Attributes:
        opened_at_s: Time of the request, in seconds since the epoch.
        held_s: Time from the request until the end.
        end: ``open`` until the probe ended it, ``refused`` with another status than 200, ``closed`` by the
            server in order, ``dropped`` within a message or with an error of the connection, or
            ``unanswered``, without a status until the probe ended it.
        status: HTTP status; 0 without one.
        events: Messages that arrived.
    """

    opened_at_s: float
    held_s: float
    end: StreamEnd
    status: int = 0
    events: int = 0


@dataclass(frozen=True)
class SlowRead:
    """One long answer that the probe read slowly, and calls to the server before and meanwhile.

    Attributes:
        at_s: Start of the call, in seconds since the epoch.
        read_s: Time until the answer was read, or until the server or the probe ended it.
        size_bytes: Bytes that were read.
        is_whole: Whether the answer was read to its end.
        before_s: Duration of a call before; None without an answer.
        meanwhile_s: Duration of a call that began while the answer was being read; None without an answer.
        held_up: Whether that call waited for the slow reader.
    """

    tool: str
    at_s: float
    read_s: float
    size_bytes: int
    is_whole: bool
    before_s: float | None
    meanwhile_s: float | None
    held_up: bool


@dataclass(frozen=True)
class Observations:
    """Everything that the probe observed.

    Attributes:
        idle_calls: Calls before the load, one of each kind.
        begun_at_s: Start of every call during the load, answered or not, in seconds since the epoch.
        calls: Calls during the load that ended.
        problem: Reason for which the probe saw less than planned; empty if it did not.
    """

    idle_calls: tuple[ProbedCall, ...] = ()
    begun_at_s: tuple[float, ...] = ()
    calls: tuple[ProbedCall, ...] = ()
    held: tuple[HeldStream, ...] = ()
    slow_read: SlowRead | None = None
    problem: str = ""
