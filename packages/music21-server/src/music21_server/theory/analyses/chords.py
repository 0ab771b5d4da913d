"""Chord analysis: every sonority of a score with its position, pitches and name in a key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from music21_server.errors import ScoreError
from music21_server.score.table import Integers, Score
from music21_server.theory.chords.closed_shapes import Shapes, shapes_of
from music21_server.theory.chords.name_table import NameTable, shared_names
from music21_server.theory.chords.names import SonorityName
from music21_server.theory.chords.sonorities import Sonorities, sonorities
from music21_server.theory.keys.estimate import durations_of, likely_key
from music21_server.theory.pitch.intervals import interval_name
from music21_server.theory.pitch.names import STEP_CENTS, Key, absolute_name, text_of
from music21_server.theory.pitch.transposition import SpelledPitches
from music21_server.theory.time.positions import Clock, Position


@dataclass(frozen=True, slots=True)
class Sonority:
    """The pitches that sound together until any voice moves."""

    position: Position
    """Beginning of the sonority."""
    duration_quarters: float
    """Duration in quarter notes."""
    pitches: tuple[str, ...]
    """Names with octaves, from the lowest, each once; `B-3` is B flat."""
    root: str | None
    """Name of the root; null without one."""
    quality: str
    """Quality of the triad on the root: `major`, `minor`, `diminished`, `augmented` or `other`."""
    inversion: int
    """0 root position, 1 first inversion, and so on; -1 without a root."""
    common_name: str
    """Common name of the chord in closed position, such as `dominant seventh chord`."""
    numeral: str
    """Roman numeral with figures in the key, such as `V65`; empty if there is none."""
    interval: str
    """Interval between exactly two pitches, with octaves, such as `M10` (major tenth); otherwise empty."""


@dataclass(frozen=True)
class Tally:
    """Number and total duration of occurrences."""

    name: str
    """Name of the thing counted."""
    count: int
    """Number of occurrences."""
    quarters: float
    """Total duration in quarter notes."""


@dataclass(frozen=True)
class ChordAnalysis:
    """The sonorities of a score."""

    key: str
    """Key of the numerals, such as `F# minor`."""
    sonority_count: int
    """Number of sonorities."""
    distinct_count: int
    """Number of distinct sonorities, octaves and doublings aside."""
    by_quality: tuple[Tally, ...]
    """Sonorities by quality, in order of total duration."""
    by_root: tuple[Tally, ...]
    """Sonorities by root, in order of total duration."""
    most_common: tuple[Tally, ...]
    """Numerals with common names, in order of total duration, at most 20."""
    sonorities: tuple[Sonority, ...]
    """Sonorities in order of time."""


_MOST_COMMON = 20


def nonempty_sonorities(score: Score, pitches: SpelledPitches) -> Sonorities:
    """Return the sonorities of a score, at least one.

    Raises:
        ScoreError: Nothing sounds.
    """
    result = sonorities(score, pitches)
    if not len(result):
        durations_of(score, pitches)  # its error says what is missing
        raise ScoreError("Expected a score with sounding notes, got one without any within its bars.")
    return result


def chord_analysis(
    score: Score,
    pitches: SpelledPitches,
    key: Key | None = None,
    *,
    table: NameTable | None = None,
) -> ChordAnalysis:
    """Name every sonority of a score.

    Args:
        pitches: Pitches of its rows, sounding or written.
        key: Key of the numerals; the most likely one if None.
        table: Table of names; that of the process if None.

    Raises:
        ScoreError: Nothing sounds.
    """
    sounding = nonempty_sonorities(score, pitches)
    key = key or likely_key(score, pitches)
    shapes = shapes_of(sounding)
    names = shapes.names(key, shared_names() if table is None else table)
    roots = [None if name.root is None else text_of(absolute_name(key.tonic, name.root)) for name in names]
    tallies = _Tallies(sounding, shapes, score.notes.ticks_per_quarter)
    return ChordAnalysis(
        key=key.text,
        sonority_count=len(sounding),
        distinct_count=len(shapes.shapes),
        by_quality=tallies.by(name.quality for name in names),
        by_root=tallies.by(root or "none" for root in roots),
        most_common=tallies.by(_numeral_and_name(name) for name in names)[:_MOST_COMMON],
        sonorities=tuple(_rows(score, sounding, shapes, names, roots)),
    )


def _numeral_and_name(name: SonorityName) -> str:
    return f"{name.numeral}: {name.common_name}" if name.numeral else name.common_name


class _Tallies:
    """Counts sonorities by names of their shapes."""

    def __init__(self, sounding: Sonorities, shapes: Shapes, ticks_per_quarter: int) -> None:
        self._counts = np.bincount(shapes.index, minlength=len(shapes.shapes)).tolist()
        ticks = np.bincount(shapes.index, weights=sounding.duration, minlength=len(shapes.shapes))
        self._quarters = (ticks / ticks_per_quarter).tolist()

    def by(self, names: Iterable[str]) -> tuple[Tally, ...]:
        """Return the tallies of names, given one name for each shape."""
        counts: Counter[str] = Counter()
        quarters: dict[str, float] = {}
        for name, count, length in zip(names, self._counts, self._quarters, strict=True):
            counts[name] += count
            quarters[name] = quarters.get(name, 0.0) + length
        tallies = (Tally(name, count, round(quarters[name], 4)) for name, count in counts.items())
        return tuple(sorted(tallies, key=lambda tally: (-tally.quarters, -tally.count, tally.name)))


def _rows(
    score: Score,
    sounding: Sonorities,
    shapes: Shapes,
    names: list[SonorityName],
    roots: list[str | None],
) -> Iterable[Sonority]:
    at = _positions(score, sounding)
    pitch_texts = _PitchTexts(sounding)
    unit = score.notes.ticks_per_quarter
    durations = np.round(sounding.duration / unit, 4).tolist()
    index = shapes.index.tolist()
    for which in range(len(sounding)):
        name = names[index[which]]
        pitches, interval = pitch_texts.at(which)
        yield Sonority(
            at(which),
            durations[which],
            pitches,
            roots[index[which]],
            name.quality,
            name.inversion,
            name.common_name,
            name.numeral,
            interval,
        )


def _positions(score: Score, sounding: Sonorities) -> Callable[[int], Position]:
    clock = Clock(score)
    measures: list[int] = sounding.measure.tolist()
    onsets: list[int] = (sounding.start - score.measure_starts[sounding.measure]).tolist()
    return lambda which: clock.at(measures[which], onsets[which])


class _PitchTexts:
    """Pitch names of sonorities, and the name of the interval between two pitches."""

    def __init__(self, sounding: Sonorities) -> None:
        self._first: list[int] = sounding.first.tolist()
        spelled = np.stack([sounding.step, sounding.alter_cents, sounding.octave], axis=1).astype(np.int64)
        distinct, self._index = _distinct(spelled)
        self._pitches: list[tuple[int, int, int]] = [tuple(row) for row in distinct.tolist()]
        self._names = [f"{text_of((step, cents))}{octave}" for step, cents, octave in self._pitches]

    def at(self, which: int) -> tuple[tuple[str, ...], str]:
        """Return the pitch names of one sonority, and its interval if it has two pitches."""
        index = self._index[self._first[which] : self._first[which + 1]]
        names = self._names
        if len(index) != 2:
            return tuple([names[each] for each in index]), ""
        low, high = sorted(index, key=lambda each: _place_and_cents(self._pitches[each]))
        steps = _place_and_cents(self._pitches[high])[0] - _place_and_cents(self._pitches[low])[0]
        cents = _place_and_cents(self._pitches[high])[1] - _place_and_cents(self._pitches[low])[1]
        return (names[index[0]], names[index[1]]), interval_name(steps, cents)


def _distinct(spelled: Integers) -> tuple[Integers, list[int]]:
    """Return the distinct rows, and the index of each row among them."""
    low = spelled.min(axis=0)
    width = spelled.max(axis=0) - low + 1
    codes = ((spelled[:, 0] - low[0]) * width[1] + spelled[:, 1] - low[1]) * width[2] + spelled[:, 2] - low[2]
    _, firsts, inverse = np.unique(codes, return_index=True, return_inverse=True)
    return spelled[firsts], inverse.tolist()


def _place_and_cents(pitch: tuple[int, int, int]) -> tuple[int, int]:
    step, cents, octave = pitch
    return octave * 7 + step, octave * 1200 + STEP_CENTS[step] + cents
