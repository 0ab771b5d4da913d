"""How much of a score two writers say the same of.

Time is what counts: quarter notes in which something sounds and the analyst has said something. Where there
is no answer to compare with, there is no agreement.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from timeline import Said, Span

MEASURES: Final = ("key", "root", "degree", "figure")
"""Key: tonic and mode. Root: of the chord, whatever the key. Degree: key and degree. Figure: all of it."""

Sounding = Sequence[tuple[int, int]]
"""Where something sounds: ticks from and to, in the order of time, none over another."""


@dataclass(frozen=True)
class Agreement:
    """Time in which two writers agree, in quarter notes.

    Attributes:
        compared: That both could have agreed in.
        agreed: By measure.
        unapplied: As `compared`, without what the analyst calls an applied chord.
        agreed_unapplied: By measure, likewise.
    """

    compared: float
    agreed: Mapping[str, float]
    unapplied: float
    agreed_unapplied: Mapping[str, float]

    def share(self, measure: str) -> float:
        """Return the share of time in which they agree, 0 to 1."""
        return self.agreed[measure] / self.compared if self.compared else 0.0

    def share_unapplied(self, measure: str) -> float:
        """Return the same without applied chords."""
        return self.agreed_unapplied[measure] / self.unapplied if self.unapplied else 0.0


def agreement(
    human: Sequence[Span], answer: Sequence[Span], sounding: Sounding, ticks_per_quarter: int
) -> Agreement:
    """Compare an answer with what an analyst says.

    Args:
        human: In the order of time.
        answer: Likewise.
        sounding: Where something sounds.
        ticks_per_quarter: Ticks of a quarter note.
    """
    compared = unapplied = 0
    agreed, agreed_unapplied = dict.fromkeys(MEASURES, 0), dict.fromkeys(MEASURES, 0)
    for ticks, says, answers in together(human, answer, sounding):
        compared += ticks
        unapplied += 0 if says.label.is_applied else ticks
        for measure in () if answers is None else agreed_on(says, answers):
            agreed[measure] += ticks
            agreed_unapplied[measure] += 0 if says.label.is_applied else ticks
    return Agreement(
        compared / ticks_per_quarter,
        {measure: ticks / ticks_per_quarter for measure, ticks in agreed.items()},
        unapplied / ticks_per_quarter,
        {measure: ticks / ticks_per_quarter for measure, ticks in agreed_unapplied.items()},
    )


def agreed_on(human: Said, answer: Said) -> Iterator[str]:
    """Yield the measures in which two labels agree."""
    ours, theirs = answer.label, human.label
    is_same_key = (ours.tonic, ours.mode) == (theirs.tonic, theirs.mode)
    if is_same_key:
        yield "key"
    if answer.root == human.root:
        yield "root"
    if is_same_key and ours.degree == theirs.degree != "":
        yield "degree"
        if ours.figure == theirs.figure:
            yield "figure"


def together(
    human: Sequence[Span], answer: Sequence[Span], sounding: Sounding
) -> Iterator[tuple[int, Said, Said | None]]:
    """Yield stretches in which nothing changes: their ticks, what the analyst says, what the answer is."""
    edges = sorted(
        {tick for span in (*human, *answer) for tick in (span.start, span.end)}
        | {tick for stretch in sounding for tick in stretch}
    )
    theirs, ours = _Lookup(human), _Lookup(answer)
    begins = [start for start, _ in sounding]
    for start, end in itertools.pairwise(edges):
        at = bisect.bisect_right(begins, start) - 1
        says = theirs.at(start)
        if says is not None and at >= 0 and start < sounding[at][1]:
            yield end - start, says, ours.at(start)


class _Lookup:
    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._starts = [span.start for span in spans]

    def at(self, tick: int) -> Said | None:
        index = bisect.bisect_right(self._starts, tick) - 1
        return self._spans[index].said if index >= 0 and tick < self._spans[index].end else None


@dataclass(frozen=True)
class Shares:
    """Agreement over several works, 0 to 1.

    Attributes:
        works: How many.
        quarters: Time that was compared.
        macro: By measure, the mean over the works.
        micro: By measure, over all time.
        macro_unapplied: As `macro`, without applied chords.
        micro_unapplied: As `micro`, without applied chords.
    """

    works: int
    quarters: float
    macro: Mapping[str, float]
    micro: Mapping[str, float]
    macro_unapplied: Mapping[str, float]
    micro_unapplied: Mapping[str, float]


def shares(each: Iterable[Agreement]) -> Shares:
    """Return the agreement over several works."""
    found = list(each)
    compared, unapplied = sum(a.compared for a in found), sum(a.unapplied for a in found)
    count = max(len(found), 1)
    return Shares(
        works=len(found),
        quarters=compared,
        macro={name: sum(a.share(name) for a in found) / count for name in MEASURES},
        micro={name: _ratio(sum(a.agreed[name] for a in found), compared) for name in MEASURES},
        macro_unapplied={name: sum(a.share_unapplied(name) for a in found) / count for name in MEASURES},
        micro_unapplied={
            name: _ratio(sum(a.agreed_unapplied[name] for a in found), unapplied) for name in MEASURES
        },
    )


def interval(values: Sequence[float], *, seed: int = 1, resamples: int = 4000) -> tuple[float, float]:
    """Return the 95 % interval of a mean, by bootstrap over the values (percentiles)."""
    drawn = np.random.default_rng(seed).choice(np.array(values, dtype=float), (resamples, len(values)))
    low, high = np.percentile(drawn.mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def contained(human: Sequence[Span], notes: Iterable[tuple[int, int, frozenset[int]]]) -> float:
    """Return how much of what sounds belongs to the chords that an analyst names, 0 to 1.

    Low where bars, transposition or score are not those of the analysis.

    Args:
        human: In the order of time.
        notes: Sonorities: ticks from and to, pitch classes.
    """
    theirs = _Lookup(human)
    compared = inside = 0.0
    for start, end, sounds in notes:
        says = theirs.at(start)
        if says is not None and sounds:
            compared += end - start
            inside += (end - start) * len(sounds & says.chord) / len(sounds)
    return _ratio(inside, compared)
