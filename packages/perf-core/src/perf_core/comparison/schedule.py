"""The schedule of one launch of a comparison: slices of either server, taken in short turns.

Noise on a machine comes on every scale, from milliseconds to minutes. Turns of some twenty milliseconds, the
two servers by turns and in random order, share nearly all of it. The turns of a slice are counted together;
the two slices of a pair cover the same second, and pairs are what ratios are taken from.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from perf_core.adapter import Wire

Side = Literal["a", "b"]

SIDES: tuple[Side, Side] = ("a", "b")

_LEAD_S = 0.1
"""k6 needs a moment until all its virtual users are there."""


@dataclass(frozen=True)
class Turn:
    """A stretch of load on one of two servers.

    Attributes:
        slice: Name of the slice that it belongs to; its figures carry it as their tag.
        side: The server.
        pair: Number of the slice's pair, from 1; 0 is warm-up, which counts for nothing.
        start_s: Since the start of the load.
        end_s: Since the start of the load.
    """

    slice: str
    side: Side
    pair: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Lengths:
    """How long everything takes, in seconds.

    Attributes:
        slice_s: Load on one server in one pair, all turns together; the warm-up of each server too.
        turn_s: One turn.
        gap_s: Between turns, for calls that are still under way.
        rest_s: Between pairs, in which what each server has used is read.
    """

    slice_s: float
    turn_s: float
    gap_s: float
    rest_s: float

    @property
    def turns(self) -> int:
        """Turns of a slice."""
        return max(1, round(self.slice_s / self.turn_s))


@dataclass(frozen=True)
class SlicePlan:
    """What k6 needs beside the journeys.

    Attributes:
        schedule: The turns in order of time.
        wires: Protocol era of either server.
    """

    schedule: tuple[Turn, ...]
    wires: dict[Side, Wire]

    @property
    def end_s(self) -> float:
        """End of the last turn, since the start of the load."""
        return self.schedule[-1].end_s

    def to_document(self) -> dict[str, object]:
        """Return it as a part of ``plan.json``."""
        rows = [[each.slice, each.side, each.start_s, each.end_s] for each in self.schedule]
        return {"wires": dict(self.wires), "schedule": rows}


def draw_schedule(pairs: int, lengths: Lengths, seed: int) -> tuple[Turn, ...]:
    """Return the turns of one launch: a warm-up of both servers, then the pairs.

    Args:
        pairs: Number of pairs.
        lengths: How long everything takes.
        seed: Seed of the orders.
    """
    draw = random.Random(seed)  # noqa: S311 - a draw of load, no secret
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
