"""The cost ladder of a tool call: what each layer around the tool adds.

Schema history:

* 1 — first version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perf_core.adapter import Wire
from perf_core.results.documents import DocumentKind
from perf_core.results.record import Health


@dataclass(frozen=True)
class Estimate:
    """A figure over several rounds.

    Attributes:
        median: Median of the rounds.
        low: Lower end of its 95 % interval; None with fewer than six rounds, as ``high``.
        rounds: Number of rounds.
    """

    median: float
    low: float | None
    high: float | None
    rounds: int


@dataclass(frozen=True)
class Rung:
    """The cost of one call through one layer, with everything below it.

    Attributes:
        key: Short name, such as ``session``.
        title: Name in words.
        meaning: What a call through it consists of, in a sentence.
        wire: Protocol era; None if the layer has none.
        cpu_us: CPU time in microseconds: of the server if it has a process of its own, else of the measuring
            process.
        wall_us: Time in microseconds, as the caller sees it.
    """

    key: str
    title: str
    meaning: str
    cpu_us: Estimate
    wall_us: Estimate
    wire: Wire | None = None


@dataclass(frozen=True)
class LeftOutRung:
    """A layer that could not be measured."""

    title: str
    reason: str


@dataclass(frozen=True)
class Ladder:
    """All rungs, from the function to the whole call, and the circumstances of the measurement.

    Attributes:
        target: Name of the app.
        tool: Tool that was called.
        arguments: Its arguments, as JSON text.
        started_at: ISO 8601 in UTC.
        rungs: Rungs in order.
        effort: Rounds, calls and seed.
        health: Whether the machine was busy with other work; None where that is not known.
    """

    target: str
    tool: str
    arguments: str
    started_at: str
    rungs: tuple[Rung, ...]
    manifest: Mapping[str, Any]
    effort: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[LeftOutRung, ...] = ()
    health: Health | None = None


LADDERS = DocumentKind("ladder", 1, Ladder)
"""The kind of result, in ``ladder.json``."""
