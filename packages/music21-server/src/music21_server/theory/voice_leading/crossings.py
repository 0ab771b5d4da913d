"""Voice crossings and overlaps.

The upper of two voices is the one that is above for more of the time in which both sound, so the order of
instruments in a score does not matter. The voices cross while the other one is above. They overlap when one
voice moves, without crossing, beyond the note that the other one leaves at that moment (Kostka & Payne,
*Tonal Harmony*; Aldwell, Schachter & Cadwallader, *Harmony and Voice Leading*).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.score.table import Integers
from music21_server.theory.melody.lines import Lines
from music21_server.theory.voice_leading.motions import Moves
from music21_server.theory.voice_leading.occurrences import NO_NOTE, HitCollector, Hits, Kind

MOST_FOR_ALL_PAIRS: Final = 12
"""Most voices of which all pairs are compared; beyond it only neighbours are."""

REACH: Final = 3
"""Greatest distance between neighbours in the score."""

_KINDS: Final[tuple[Kind, Kind]] = ("voice crossing", "voice overlap")


def crossing_pairs(lines: int) -> list[tuple[int, int]]:
    """Return the pairs of lines to compare, given the number of lines.

    In a choir or quartet these are all pairs. In an orchestra a horn above the violins is not a fault, but
    one above its neighbours may be.
    """
    reach = lines if lines <= MOST_FOR_ALL_PAIRS else REACH
    return [(one, other) for one in range(lines) for other in range(one + 1, min(lines, one + reach + 1))]


def crossings(lines: Lines, moves: Moves, most: int) -> list[Hits]:
    """Return crossings, each at its beginning, and overlaps.

    Args:
        moves: Moves of these lines.
        most: Most of each kind to keep; all are counted.
    """
    crossing, overlap = (HitCollector(kind, most) for kind in _KINDS)
    first_move = np.searchsorted(moves.line, np.arange(len(lines.names) + 1))
    for one, other in crossing_pairs(len(lines.names)):
        together = _simultaneous(lines, one, other)
        if together is None:
            continue
        crossing.add(_crossings(lines, together))
        moved = [moves.note[first_move[line] : first_move[line + 1]] for line in (one, other)]
        upper, lower = moved if together.is_first_above else reversed(moved)
        overlap.add(_overlaps(lines, upper, lower))
    return [crossing.hits(), overlap.hits()]


@dataclass(frozen=True)
class _Simultaneous:
    """Stretches of time in which two voices sound and neither changes its note.

    Attributes:
        upper: Note of the upper voice.
        lower: Note of the lower voice.
        time: Beginning of each stretch.
        ticks: Duration of each stretch.
        is_first_above: Whether the first voice is the upper one.
    """

    upper: Integers
    lower: Integers
    time: Integers
    ticks: Integers
    is_first_above: bool


def _simultaneous(lines: Lines, one: int, other: int) -> _Simultaneous | None:
    """Return the stretches in which two lines sound together; None if there are none."""
    parts = [slice(int(lines.first[line]), int(lines.first[line + 1])) for line in (one, other)]
    edges = np.unique(np.concatenate([times[part] for times in (lines.start, lines.end) for part in parts]))
    notes = []
    sounds = np.ones(len(edges), dtype=np.bool_)
    sounds[-1:] = False
    for part in parts:
        index = np.searchsorted(lines.start[part], edges, side="right") - 1 + part.start
        sounds &= index >= part.start
        sounds &= lines.end[index] > edges
        notes.append(index)
    if not sounds.any():
        return None
    ticks = np.diff(edges, append=edges[-1:])[sounds]
    first, second = notes[0][sounds], notes[1][sounds]
    order = np.sign(lines.cents[first] - lines.cents[second])
    is_first_above = bool((order * ticks).sum() >= 0)
    upper, lower = (first, second) if is_first_above else (second, first)
    return _Simultaneous(upper, lower, edges[sounds], ticks, is_first_above)


def _crossings(lines: Lines, together: _Simultaneous) -> tuple[Integers, ...]:
    """Return columns of `Hits`; adjacent stretches of crossing are one."""
    crossed = lines.cents[together.upper] < lines.cents[together.lower]
    begins = crossed.copy()
    begins[1:] &= ~crossed[:-1]
    at = np.flatnonzero(begins)
    before = np.maximum(at - 1, 0)
    episode = np.cumsum(begins)[crossed] - 1
    lasts = np.bincount(episode, weights=together.ticks[crossed], minlength=len(at)).astype(np.int64)
    follows = (at > 0) & (together.time[before] + together.ticks[before] == together.time[at])
    upper_from, lower_from = (
        np.where(follows & (note[before] != note[at]), note[before], NO_NOTE)
        for note in (together.upper, together.lower)
    )
    return together.time[at], upper_from, together.upper[at], lower_from, together.lower[at], lasts


def _overlaps(lines: Lines, upper: Integers, lower: Integers) -> tuple[Integers, ...]:
    """Return columns of `Hits`."""
    _, one, other = np.intersect1d(
        lines.start[upper], lines.start[lower], assume_unique=True, return_indices=True
    )
    upper, lower = upper[one], lower[other]
    cents = lines.cents
    beyond = (cents[upper] < cents[lower - 1]) | (cents[lower] > cents[upper - 1])
    chosen = beyond & (cents[upper] >= cents[lower]) & (cents[upper - 1] >= cents[lower - 1])
    upper, lower = upper[chosen], lower[chosen]
    return lines.start[upper], upper - 1, upper, lower - 1, lower, np.zeros(len(upper), dtype=np.int64)
