"""Schedule of one launch of a comparison: slices of load on each server, cut into short turns.

Disturbances on a machine last from milliseconds to minutes. With turns of about 20 ms that alternate between
the servers in random order, nearly every disturbance affects all alike. The turns of a slice are measured
together; the slices of a pair, one of each server, cover the same second, and ratios are computed pair by
pair.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from perf_core.adapter import Wire

Side = Literal[
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
    "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z",
]  # fmt: skip
"""Letter of a server: ``a``, the baseline, ``b`` and so on, in the order of the command line."""

BASELINE: Side = "a"

SIDES: tuple[Side, ...] = get_args(Side)

MOST_SERVERS = len(SIDES)
"""Largest number of servers of one comparison: there are as many letters."""

GAP_SHARE = 0.4
"""Length of the gap after a turn, as a share of the turn: each user has one call in flight."""

USUAL_VUS = 4

REST_S = 0.1

SHORTEST_SLICE_S = 0.5

_LEAD_S = 0.1
"""Time for k6 to start all its virtual users."""

_MIN_TURN_S = 0.01
_CALLS_PER_TURN = 4

_CALLS_PER_SLICE = 50
"""Two or three calls beyond the p95 of a slice; the average over all pairs is judged."""

_TURNS_PER_SLICE = 5
"""Turns of all servers, in random order, that make the slices of a pair cover the same time."""

_LAUNCH_S = 2.0
"""Usual time in which a server starts and ends."""


def sides_of(count: int) -> tuple[Side, ...]:
    """Return the sides of this number of servers."""
    return SIDES[:count]


@dataclass(frozen=True)
class Turn:
    """A short period of load on one of the servers; times in seconds from the start of the load.

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
        rest_s: Pause between pairs, in which the CPU time of all servers is read.
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
class Room:
    """Time that a comparison may take: launches of pairs, all in ``longest_s``."""

    launches: int
    pairs: int
    longest_s: float
    servers: int = 2

    @property
    def slice_s(self) -> float:
        """Longest slice with which all launches fit."""
        load_s = self.longest_s / self.launches - self.servers * _LAUNCH_S
        return load_s / ((self.pairs + 1) * self.servers * (1 + GAP_SHARE))


def choose_lengths(call_s: float, vus: int, slice_s: float | None, room: Room) -> Lengths:
    """Return the lengths for servers that need ``call_s`` for the call of a single user.

    A slice is long enough for 50 calls that wait for each other and for five turns, unless the comparison
    would take longer than it may; no shorter than half a second.

    Args:
        slice_s: Length of a slice that the user chose; None to choose it from the time of a call.
    """
    # Calls of more users than usual wait for each other.
    crowd = max(1.0, vus / USUAL_VUS)
    turn_s = max(_MIN_TURN_S, _CALLS_PER_TURN * call_s * crowd)
    if slice_s is None:
        wanted_s = max(_CALLS_PER_SLICE * call_s, _TURNS_PER_SLICE * turn_s)
        slice_s = max(SHORTEST_SLICE_S, min(wanted_s, room.slice_s))
    turn_s = round(min(slice_s, turn_s), 4)
    return Lengths(round(slice_s, 3), turn_s, GAP_SHARE * turn_s, REST_S)


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


def draw_schedule(sides: Sequence[Side], pairs: int, lengths: Lengths, seed: int) -> tuple[Turn, ...]:
    """Return the turns of one launch: a warm-up of all servers, then the pairs.

    Turns come in rounds with one of each server, in random order, so that all cover the same time.
    """
    draw = random.Random(seed)  # noqa: S311 - a draw of load, not a secret
    turn_s = lengths.slice_s / lengths.turns
    schedule = []
    start_s = _LEAD_S
    for pair in range(pairs + 1):
        for _ in range(lengths.turns):
            for side in draw.sample(sides, len(sides)):
                name = f"pair_{pair}_{side}" if pair else f"warmup_{side}"
                end_s = start_s + turn_s
                schedule.append(Turn(name, side, pair, round(start_s, 4), round(end_s, 4)))
                start_s = end_s + lengths.gap_s
        start_s += lengths.rest_s - lengths.gap_s
    return tuple(schedule)
