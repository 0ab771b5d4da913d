"""A score beat by beat: what sounds in each beat, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from music21_server.notes import NOTE, Integers, Score
from music21_server.theory.names import FIFTHS_OF_STEPS
from music21_server.theory.positions import Clock
from music21_server.theory.sounding import SpelledPitches

Numbers = npt.NDArray[np.float64]

_MOST_BEATS = 20_000
"""Of a score; where bars are absurdly long, several beats are taken together."""


@dataclass(frozen=True)
class Beats:
    """The beats of a score, each cut short where its bar ends.

    Attributes:
        edges: Ticks since the beginning of the score where each begins, and where the last one ends.
        durations: In each beat, how long each pitch class sounds, in quarter notes; beats by twelve.
        fifths: In each beat, places on the line of fifths times quarter notes, summed over the notes.
    """

    edges: Integers
    durations: Numbers
    fifths: Numbers

    def __len__(self) -> int:
        return len(self.durations)

    def mean_fifths(self, first: int, end: int) -> float:
        """Return where the notes of some beats lie on the line of fifths on average."""
        total = float(self.durations[first:end].sum())
        return float(self.fifths[first:end].sum()) / total if total > 0 else 0.0


def beats_of(score: Score, pitches: SpelledPitches, clock: Clock) -> Beats:
    """Return the beats of a score with what sounds in them."""
    edges = _edges(score, clock)
    table = score.notes
    rows = np.flatnonzero((table.kind == NOTE) & (table.duration > 0))
    start = score.measure_starts[table.measure[rows]] + table.onset[rows]
    end = start + table.duration[rows]
    unit = table.ticks_per_quarter
    times = (start / unit, end / unit, edges / unit)
    pitch_class = pitches.cents[rows] // 100 % 12
    ones = np.ones(len(rows))
    durations = np.zeros((len(edges) - 1, 12))
    for each in range(12):
        own = pitch_class == each
        durations[:, each] = _overlaps(times[0][own], times[1][own], ones[own], times[2])
    fifths = FIFTHS_OF_STEPS[pitches.step[rows]] + 7 * (pitches.alter_cents[rows] // 100)
    return Beats(edges, durations, _overlaps(times[0], times[1], fifths.astype(np.float64), times[2]))


def _edges(score: Score, clock: Clock) -> Integers:
    bars = score.measure_starts
    lengths = np.array(clock.beat_ticks, dtype=np.int64)
    counts = -(-score.measure_ticks // lengths)
    total = int(counts.sum())
    if total > _MOST_BEATS:
        lengths = lengths * -(-total // _MOST_BEATS)
        counts = -(-score.measure_ticks // lengths)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.append(np.repeat(bars[:-1], counts) + within * np.repeat(lengths, counts), bars[-1])


def _overlaps(starts: Numbers, ends: Numbers, weights: Numbers, edges: Numbers) -> Numbers:
    """Return between each two edges how long the spans overlap it, each times its weight, in all."""
    return np.diff(_elapsed(starts, weights, edges) - _elapsed(ends, weights, edges))


def _elapsed(times: Numbers, weights: Numbers, edges: Numbers) -> Numbers:
    """Return at each edge the time since each of the times that has passed, times its weight, in all."""
    order = np.argsort(times)
    passed = np.searchsorted(times[order], edges, side="right")
    weight = np.concatenate([[0.0], np.cumsum(weights[order])])
    moment = np.concatenate([[0.0], np.cumsum((weights * times)[order])])
    return np.asarray(edges * weight[passed] - moment[passed], dtype=np.float64)
