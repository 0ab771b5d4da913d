"""The schedule of one launch of a comparison: short slices, in pairs of random order.

Noise on a machine comes in seconds and minutes: a slice of one server right beside a slice of the other
shares it, and the order within a pair is drawn so that neither is always the one that comes second.
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
class Slice:
    """A stretch of load on one of two servers.

    Attributes:
        name: Tag of its figures.
        side: The server.
        pair: Number of its pair, from 1; 0 is warm-up, which counts for nothing.
        start_s: Since the start of the load.
        end_s: Since the start of the load.
    """

    name: str
    side: Side
    pair: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class SlicePlan:
    """What k6 needs beside the journeys.

    Attributes:
        schedule: The slices in order of time.
        wires: Protocol era of either server.
    """

    schedule: tuple[Slice, ...]
    wires: dict[Side, Wire]

    @property
    def end_s(self) -> float:
        """End of the last slice, since the start of the load."""
        return self.schedule[-1].end_s

    def to_document(self) -> dict[str, object]:
        """Return it as a part of ``plan.json``."""
        rows = [[each.name, each.side, each.start_s, each.end_s] for each in self.schedule]
        return {"wires": dict(self.wires), "schedule": rows}


def draw_schedule(
    pairs: int, *, slice_s: float, gap_s: float, warmup_s: float, seed: int
) -> tuple[Slice, ...]:
    """Return the slices of one launch: a warm-up of each server, then the pairs.

    Args:
        pairs: Number of pairs.
        slice_s: Length of a slice.
        gap_s: Rest between slices, in which what each server has used is read.
        warmup_s: Length of a warm-up.
        seed: Seed of the orders.
    """
    draw = random.Random(seed)  # noqa: S311 - a draw of load, no secret
    schedule = []
    start_s = _LEAD_S
    for pair in range(pairs + 1):
        for side in draw.sample(SIDES, 2):
            name = f"pair_{pair}_{side}" if pair else f"warmup_{side}"
            end_s = round(start_s + (slice_s if pair else warmup_s), 3)
            schedule.append(Slice(name, side, pair, start_s, end_s))
            start_s = round(end_s + gap_s, 3)
    return tuple(schedule)
