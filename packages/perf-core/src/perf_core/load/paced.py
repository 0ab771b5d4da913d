"""Stages at arrival rates that a plan states itself, in place of those of its load shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PacedStage:
    """One stage.

    Attributes:
        name: Value of the tag ``stage`` of its calls.
        kind: ``hold`` for the stage whose figures are judged; ``ramp`` leads there evenly, ``pause`` at once.
        rate_per_s: Arrival rate at its end, and in all of it unless it is a ramp.
    """

    name: str
    kind: str
    rate_per_s: float
    length_s: float


def paced(stages: Sequence[PacedStage], *, vus: int, most_vus: int) -> Mapping[str, object]:
    """Return the member ``paced`` of ``plan.json``.

    Args:
        vus: Virtual users that are ready at the start.
        most_vus: Virtual users that may wait for answers at one time; further calls cannot begin.
    """
    return {
        "vus": vus,
        "most_vus": most_vus,
        "stages": [[each.name, each.kind, each.rate_per_s, each.length_s] for each in stages],
    }
