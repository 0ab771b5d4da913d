"""Content of ``sessions.json``: what sessions of a server cost, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from perf_core.results.documents import DocumentKind
from perf_core.results.record import HealthState

LadderName = Literal[
    "control", "refused", "deleted", "abandoned", "dropped", "streams", "refused_open", "request"
]
"""Kinds of units:

- ``control``: requests in one session that stays: what requests and connections cost alone.
- ``refused``: requests that a server must refuse, such as with the id of a session that never was.
- ``deleted``: a session opened and deleted.
- ``abandoned``: a session opened and left, its connection closed. On stdio a process that stays.
- ``dropped``: a session opened whose client held a GET stream for a moment and vanished.
- ``streams``: a session opened that holds a GET stream, as clients do that wait for messages.
- ``refused_open``: ``initialize`` refused by a server that has as many sessions as it allows.
- ``request``: requests on the stateless wire.
"""

CostName = Literal[
    "abandoned", "dropped", "streams", "deleted", "expired", "refused", "refused_open", "request", "child"
]
"""Subjects of costs: units of ladders, and ``expired`` sessions; a ``child`` is a process on stdio."""

LadderEnd = Literal[
    "precise", "sessions", "time", "memory", "refused", "gone", "unanswered", "interrupted", "ended"
]
"""Why a ladder ended: the slope was precise enough, the most sessions or the time were reached, the server
grew by too much, refused further sessions, had dropped earlier ones, did not answer, the user interrupted, or
the server ended."""


@dataclass(frozen=True)
class Answer:
    """An answer of the server, and how often it came.

    Attributes:
        request: What was asked, in words.
        status: HTTP status; 0 if there was no answer.
        excerpt: Beginning of the body, or of the reason for which there was no answer.
        retry_after: The header of this name; empty without one.
    """

    request: str
    status: int
    count: int
    excerpt: str = ""
    retry_after: str = ""


@dataclass(frozen=True)
class Step:
    """The server after a number of units.

    Attributes:
        units: Units so far, such as sessions.
        kb: Its memory in kB; None if it is not visible.
        fds: Open file descriptors; None if they are not visible.
        unit_ms: Mean time that a unit of this step took; None before any.
    """

    units: int
    kb: float | None
    fds: int | None = None
    threads: int | None = None
    unit_ms: float | None = None


@dataclass(frozen=True)
class Ladder:
    """The server while one kind of unit was repeated, step by step.

    Attributes:
        requests_per_unit: HTTP requests of each unit.
        counted_units: Units up to which the steps count: beyond, the server had dropped earlier sessions.
    """

    name: LadderName
    units: int
    requests_per_unit: int
    took_s: float
    end: LadderEnd
    steps: tuple[Step, ...]
    answers: tuple[Answer, ...] = ()
    counted_units: int | None = None


@dataclass(frozen=True)
class Cost:
    """Memory of one unit with its 95 % interval, beyond what the same requests cost without a session.

    Attributes:
        kb: Estimate in kB (10^3 bytes).
        units: Units that were made.
        requests_kb: What the requests and connections of a unit cost alone; it is not part of ``kb``.
        is_upper_bound: Whether the figure is only an upper bound: an allocator may keep what was freed.
    """

    name: CostName
    kb: float
    low_kb: float
    high_kb: float
    units: int
    requests_kb: float = 0.0
    is_upper_bound: bool = False

    @property
    def is_distinguishable(self) -> bool:
        """Whether it is certainly more than nothing."""
        return self.low_kb > 0


@dataclass(frozen=True)
class Cap:
    """The most sessions that the server keeps for the lab, and what happens then.

    Attributes:
        kind: ``refuses`` further sessions; ``replaces`` the oldest by new ones; ``expires`` sessions after a
            time that is shorter than the measurement; ``none`` was reached.
        sessions: Sessions that were open at one time; for ``none`` those that were opened.
        answer: What a client sees then.
        after_s: Time after which sessions were gone; None unless they expire.
    """

    kind: Literal["refuses", "replaces", "expires", "none"]
    sessions: int
    answer: Answer | None = None
    after_s: float | None = None


@dataclass(frozen=True)
class Ending:
    """Fate of sessions that ended in one way.

    Attributes:
        name: ``delete``, ``expiry`` or ``disconnect`` (of held streams).
        sessions: Sessions that ended.
        before_kb: Memory before the sessions were opened; None if it is not visible, or was not read.
        open_kb: Memory with all of them.
        after_kb: Memory afterwards.
        waited_s: Time between the last two.
        answers: Answers to the end itself, and to requests in ended sessions.
    """

    name: Literal["delete", "expiry", "disconnect"]
    sessions: int
    before_kb: float | None
    open_kb: float | None
    after_kb: float | None
    waited_s: float
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class Gauge:
    """A gauge of ``/metrics``, before and with the sessions of a ladder."""

    name: str
    before: float
    after: float
    units: int


@dataclass(frozen=True)
class MeasurementHealth:
    """Whether the figures can be trusted; see :class:`.record.Health` for the states."""

    state: HealthState
    problems: tuple[str, ...] = ()
    others_cores: float | None = None


@dataclass(frozen=True)
class SessionCosts:
    """Result of ``perf-core sessions``.

    Attributes:
        started_at: UTC time, as ISO 8601.
        memory_source: What memory is: ``pss`` (anonymous and shared memory, proportional), ``uss``, ``rss``,
            ``metrics`` (``process_resident_memory_bytes`` of the server's own ``/metrics``), or empty if the
            server's memory is not visible.
        has_sessions: Whether ``initialize`` gave an ``Mcp-Session-Id``.
        holds_streams: Whether a GET stream was accepted; None if it was not tried.
        interrupted: Whether the user stopped the measurement.
        remarks: Sentences on what could not be told, and why.
        left_open: Sessions of the lab that may still be open on a server that goes on running.
    """

    target: str
    wire: str
    transport: str
    started_at: str
    duration_s: float
    memory_source: str
    has_sessions: bool
    holds_streams: bool | None
    costs: tuple[Cost, ...]
    ladders: tuple[Ladder, ...]
    endings: tuple[Ending, ...]
    cap: Cap | None
    gauges: tuple[Gauge, ...]
    health: MeasurementHealth
    interrupted: bool = False
    remarks: tuple[str, ...] = ()
    left_open: int = 0
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def cost(self, name: CostName) -> Cost | None:
        """Return the cost of a name, if it could be told."""
        return next((each for each in self.costs if each.name == name), None)

    def ladder(self, name: LadderName) -> Ladder | None:
        """Return the ladder of a name, if there is one."""
        return next((each for each in self.ladders if each.name == name), None)


SESSION_COSTS = DocumentKind("sessions", 1, SessionCosts)
