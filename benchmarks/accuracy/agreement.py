"""Agreement of two annotations of a score.

Agreement is measured in time: quarter notes in which something sounds and the analyst has an annotation.
Where the answer has none, there is no agreement.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from timeline import Annotation, Span

MEASURES: Final = ("key", "root", "degree", "figure")
"""Key: tonic and mode. Root: root of the chord in any key. Degree: key and degree. Figure: everything."""

Sounding = Sequence[tuple[int, int]]
"""Stretches in which something sounds: ticks from and to, in order of time, without overlaps."""


@dataclass(frozen=True)
class Agreement:
    """Time in which two writers agree, in quarter notes.

    Attributes:
        compared: Time in which both could agree.
        agreed: Time in which they agree, by measure.
        unapplied: Like `compared`, without the analyst's applied chords.
        agreed_unapplied: Like `agreed`, without the analyst's applied chords.
    """

    compared: float
    agreed: Mapping[str, float]
    unapplied: float
    agreed_unapplied: Mapping[str, float]

    def share(self, measure: str) -> float:
        """Return the share of time in which they agree, 0 to 1."""
        return self.agreed[measure] / self.compared if self.compared else 0.0

    def share_unapplied(self, measure: str) -> float:
        """Return the share without applied chords, 0 to 1."""
        return self.agreed_unapplied[measure] / self.unapplied if self.unapplied else 0.0


def agreement(
    human: Sequence[Span], answer: Sequence[Span], sounding: Sounding, ticks_per_quarter: int
) -> Agreement:
    """Compare an answer with an analysis.

    Args:
        human: The analyst's annotations in order of time.
        answer: The answer's annotations in order of time.
        sounding: Stretches in which something sounds.
        ticks_per_quarter: Ticks of a quarter note.
    """
    compared = unapplied = 0
    agreed, agreed_unapplied = dict.fromkeys(MEASURES, 0), dict.fromkeys(MEASURES, 0)
    for ticks, theirs, ours in aligned(human, answer, sounding):
        compared += ticks
        unapplied += 0 if theirs.label.is_applied else ticks
        for measure in () if ours is None else matching_measures(theirs, ours):
            agreed[measure] += ticks
            agreed_unapplied[measure] += 0 if theirs.label.is_applied else ticks
    return Agreement(
        compared / ticks_per_quarter,
        {measure: ticks / ticks_per_quarter for measure, ticks in agreed.items()},
        unapplied / ticks_per_quarter,
        {measure: ticks / ticks_per_quarter for measure, ticks in agreed_unapplied.items()},
    )


def matching_measures(human: Annotation, answer: Annotation) -> Iterator[str]:
    """Yield the measures in which two annotations agree."""
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


def aligned(
    human: Sequence[Span], answer: Sequence[Span], sounding: Sounding
) -> Iterator[tuple[int, Annotation, Annotation | None]]:
    """Yield stretches in which nothing changes: their ticks, the analyst's annotation and the answer's."""
    edges = sorted(
        {tick for span in (*human, *answer) for tick in (span.start, span.end)}
        | {tick for stretch in sounding for tick in stretch}
    )
    theirs, ours = _Lookup(human), _Lookup(answer)
    begins = [start for start, _ in sounding]
    for start, end in itertools.pairwise(edges):
        at = bisect.bisect_right(begins, start) - 1
        annotation = theirs.at(start)
        if annotation is not None and at >= 0 and start < sounding[at][1]:
            yield end - start, annotation, ours.at(start)


class _Lookup:
    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._starts = [span.start for span in spans]

    def at(self, tick: int) -> Annotation | None:
        index = bisect.bisect_right(self._starts, tick) - 1
        return self._spans[index].annotation if index >= 0 and tick < self._spans[index].end else None


@dataclass(frozen=True)
class Shares:
    """Agreement over several works, 0 to 1.

    Attributes:
        works: Number of works.
        quarters: Time compared.
        macro: Mean over the works, by measure.
        micro: Share of all time, by measure.
        macro_unapplied: Like `macro`, without applied chords.
        micro_unapplied: Like `micro`, without applied chords.
    """

    works: int
    quarters: float
    macro: Mapping[str, float]
    micro: Mapping[str, float]
    macro_unapplied: Mapping[str, float]
    micro_unapplied: Mapping[str, float]


def shares(each: Iterable[Agreement]) -> Shares:
    """Return the agreement over several works."""
    agreements = list(each)
    compared, unapplied = sum(a.compared for a in agreements), sum(a.unapplied for a in agreements)
    count = max(len(agreements), 1)
    return Shares(
        works=len(agreements),
        quarters=compared,
        macro={name: sum(a.share(name) for a in agreements) / count for name in MEASURES},
        micro={name: _ratio(sum(a.agreed[name] for a in agreements), compared) for name in MEASURES},
        macro_unapplied={name: sum(a.share_unapplied(name) for a in agreements) / count for name in MEASURES},
        micro_unapplied={
            name: _ratio(sum(a.agreed_unapplied[name] for a in agreements), unapplied) for name in MEASURES
        },
    )


def interval(values: Sequence[float], *, seed: int = 1, resamples: int = 4000) -> tuple[float, float]:
    """Return the 95 % interval of a mean, by bootstrap over the values (percentiles)."""
    samples = np.random.default_rng(seed).choice(np.array(values, dtype=float), (resamples, len(values)))
    low, high = np.percentile(samples.mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def contained(human: Sequence[Span], notes: Iterable[tuple[int, int, frozenset[int]]]) -> float:
    """Return the share of sounding notes that belong to the analyst's chords, 0 to 1.

    A low share means that bars, transposition or score are not those of the analysis.

    Args:
        human: The analyst's annotations in order of time.
        notes: Sonorities: ticks from and to, and pitch classes.
    """
    theirs = _Lookup(human)
    compared = inside = 0.0
    for start, end, sounding in notes:
        annotation = theirs.at(start)
        if annotation is not None and sounding:
            compared += end - start
            inside += (end - start) * len(sounding & annotation.chord) / len(sounding)
    return _ratio(inside, compared)
