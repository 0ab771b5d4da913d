"""Schedule of one launch of a comparison: slices of load on each server, cut into short turns.

Disturbances on a machine last from milliseconds to minutes. With turns of about 20 ms that alternate between
the servers in random order, nearly every disturbance affects both alike. The turns of a slice are measured
together; the two slices of a pair cover the same second, and ratios are computed pair by pair.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from perf_core.adapter import Wire

Side = Literal["a", "b"]

SIDES: tuple[Side, Side] = ("a", "b")

_LEAD_S = 0.1
"""Time for k6 to start all its virtual users."""


@dataclass(frozen=True)
class Turn:
    """A short period of load on one of two servers; times in seconds from the start of the load.

    Attributes:
        slice: Name of the slice that it belongs to; k6 tags the metrics with it.
        pair: Number of the slice's pair, from 1; 0 is the warm-up, which does not count.
    """

    slice: str
    side: Side
    pair: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Lengths:
    """Lengths of the parts of a schedule, in seconds.

    Attributes:
        slice_s: Load on one server in one pair, summed over its turns; also the warm-up of each server.
        gap_s: Pause between turns, in which calls in flight end.
        rest_s: Pause between pairs, in which the CPU time of both servers is read.
    """

    slice_s: float
    turn_s: float
    gap_s: float
    rest_s: float

    @property
    def turns(self) -> int:
        """Number of turns of a slice."""
        return max(1, round(self.slice_s / self.turn_s))


@dataclass(frozen=True)
class SlicePlan:
    """Turns of one launch in order of time, and the wires by side, as k6 needs them."""

    schedule: tuple[Turn, ...]
    wires: dict[Side, Wire]

    @property
    def end_s(self) -> float:
        """End of the last turn, in seconds from the start of the load."""
        return self.schedule[-1].end_s

    def to_document(self) -> dict[str, object]:
        """Return the member ``slices`` of ``plan.json``."""
        rows = [[each.slice, each.side, each.start_s, each.end_s] for each in self.schedule]
        return {"wires": dict(self.wires), "schedule": rows}


def draw_schedule(pairs: int, lengths: Lengths, seed: int) -> tuple[Turn, ...]:
    """Return the turns of one launch: a warm-up of both servers, then the pairs."""
    draw = random.Random(seed)  # noqa: S311 - a draw of load, not a secret
    turn_s = lengths.slice_s / lengths.turns
    schedule = []
    start_s = _LEAD_S
    for pair in range(pairs + 1):
        for _ in range(lengths.turns):
            for side in draw.sample(SIDES, 2):
                name = f"pair_{pair}_{side}" if pair else f"warmup_{side}"
                end_s = start_s + turn_s
                schedule.append(Turn(name, side, pair, round(start_s, 4), round(end_s, 4)))
                start_s = end_s + lengths.gap_s
        start_s += lengths.rest_s - lengths.gap_s
    return tuple(schedule)
