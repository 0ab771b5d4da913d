"""Every sonority of a score: where it is, what it is made of, and what it is called in a key."""

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
from music21_server.theory.pitch.names import STEP_CENTS, Key, spelled_from, text_of
from music21_server.theory.pitch.transposition import SpelledPitches
from music21_server.theory.time.positions import Clock, Position


@dataclass(frozen=True, slots=True)
class Sonority:
    """What sounds together until any voice moves.

    Attributes:
        position: Where it begins.
        duration_quarters: How long it lasts, in quarter notes.
        pitches: Names with octaves, the lowest first, each once; ``B-3`` is B flat.
        root: Name of the root; None where there is none.
        quality: ``major``, ``minor``, ``diminished``, ``augmented`` or ``other``, of the triad on the root.
        inversion: 0 root position, 1 first inversion, and so on; -1 where there is no root.
        common_name: Such as ``dominant seventh chord``, of the chord in closed position.
        numeral: Roman numeral with figures in the key, such as ``V65``; empty where there is none.
        interval: True distance of exactly two pitches, such as ``M10`` (major tenth); empty otherwise.
    """

    position: Position
    duration_quarters: float
    pitches: tuple[str, ...]
    root: str | None
    quality: str
    inversion: int
    common_name: str
    numeral: str
    interval: str


@dataclass(frozen=True)
class Tally:
    """How often something occurs.

    Attributes:
        name: What.
        count: How many times.
        quarters: How long together, in quarter notes.
    """

    name: str
    count: int
    quarters: float


@dataclass(frozen=True)
class ChordAnalysis:
    """The sonorities of a score.

    Attributes:
        key: That the numerals are in, such as ``F# minor``.
        sonority_count: Number of sonorities.
        distinct_count: How many different ones, octaves and doublings aside.
        by_quality: Sonorities by quality, the longest-lasting first.
        by_root: Sonorities by root, the longest-lasting first.
        most_common: Numerals with common names, the longest-lasting first, at most 20.
        sonorities: In the order of time.
    """

    key: str
    sonority_count: int
    distinct_count: int
    by_quality: tuple[Tally, ...]
    by_root: tuple[Tally, ...]
    most_common: tuple[Tally, ...]
    sonorities: tuple[Sonority, ...]


_MOST_COMMON = 20


def what_sounds(score: Score, pitches: SpelledPitches) -> Sonorities:
    """Return the sonorities of a score, of which there is at least one.

    Raises:
        ScoreError: There is nothing that sounds.
    """
    found = sonorities(score, pitches)
    if not len(found):
        durations_of(score, pitches)  # says what is missing
        raise ScoreError("Expected a score in which notes sound, this one has none within its bars.")
    return found


def chord_analysis(
    score: Score,
    pitches: SpelledPitches,
    key: Key | None = None,
    *,
    table: NameTable | None = None,
) -> ChordAnalysis:
    """Name every sonority of a score.

    Args:
        score: All parts.
        pitches: Of its rows, sounding or written.
        key: For the numerals; the most likely one if None.
        table: Where names are looked up; that of the process if None.

    Raises:
        ScoreError: There is nothing that sounds.
    """
    found = what_sounds(score, pitches)
    key = key or likely_key(score, pitches)
    shapes = shapes_of(found)
    names = shapes.names(key, shared_names() if table is None else table)
    roots = [None if name.root is None else text_of(spelled_from(key.tonic, name.root)) for name in names]
    tallies = _Tallies(found, shapes, score.notes.ticks_per_quarter)
    return ChordAnalysis(
        key=key.text,
        sonority_count=len(found),
        distinct_count=len(shapes.shapes),
        by_quality=tallies.by(name.quality for name in names),
        by_root=tallies.by(root or "none" for root in roots),
        most_common=tallies.by(_described(name) for name in names)[:_MOST_COMMON],
        sonorities=tuple(_rows(score, found, shapes, names, roots)),
    )


def _described(name: SonorityName) -> str:
    return f"{name.numeral}: {name.common_name}" if name.numeral else name.common_name


class _Tallies:
    """Counts sonorities by what their shapes are called."""

    def __init__(self, found: Sonorities, shapes: Shapes, ticks_per_quarter: int) -> None:
        self._counts = np.bincount(shapes.index, minlength=len(shapes.shapes)).tolist()
        ticks = np.bincount(shapes.index, weights=found.duration, minlength=len(shapes.shapes))
        self._quarters = (ticks / ticks_per_quarter).tolist()

    def by(self, words: Iterable[str]) -> tuple[Tally, ...]:
        """Return tallies of words, one word for each shape."""
        counts: Counter[str] = Counter()
        quarters: dict[str, float] = {}
        for word, count, length in zip(words, self._counts, self._quarters, strict=True):
            counts[word] += count
            quarters[word] = quarters.get(word, 0.0) + length
        tallies = (Tally(word, count, round(quarters[word], 4)) for word, count in counts.items())
        return tuple(sorted(tallies, key=lambda tally: (-tally.quarters, -tally.count, tally.name)))


def _rows(
    score: Score,
    found: Sonorities,
    shapes: Shapes,
    names: list[SonorityName],
    roots: list[str | None],
) -> Iterable[Sonority]:
    at = _positions(score, found)
    texts = _Texts(found)
    unit = score.notes.ticks_per_quarter
    durations = np.round(found.duration / unit, 4).tolist()
    index = shapes.index.tolist()
    for which in range(len(found)):
        name = names[index[which]]
        words, interval = texts.of(which)
        yield Sonority(
            at(which),
            durations[which],
            words,
            roots[index[which]],
            name.quality,
            name.inversion,
            name.common_name,
            name.numeral,
            interval,
        )


def _positions(score: Score, found: Sonorities) -> Callable[[int], Position]:
    clock = Clock(score)
    measures: list[int] = found.measure.tolist()
    onsets: list[int] = (found.start - score.measure_starts[found.measure]).tolist()
    return lambda which: clock.at(measures[which], onsets[which])


class _Texts:
    """Names with octaves of the pitches of sonorities, and of the interval between two."""

    def __init__(self, found: Sonorities) -> None:
        self._first: list[int] = found.first.tolist()
        spelled = np.stack([found.step, found.alter_cents, found.octave], axis=1).astype(np.int64)
        distinct, self._index = _distinct(spelled)
        self._pitches: list[tuple[int, int, int]] = [tuple(row) for row in distinct.tolist()]
        self._words = [f"{text_of((step, cents))}{octave}" for step, cents, octave in self._pitches]

    def of(self, which: int) -> tuple[tuple[str, ...], str]:
        """Return the texts of one sonority."""
        index = self._index[self._first[which] : self._first[which + 1]]
        words = self._words
        if len(index) != 2:
            return tuple([words[each] for each in index]), ""
        low, high = sorted(index, key=lambda each: _line(self._pitches[each]))
        steps = _line(self._pitches[high])[0] - _line(self._pitches[low])[0]
        cents = _line(self._pitches[high])[1] - _line(self._pitches[low])[1]
        return (words[index[0]], words[index[1]]), interval_name(steps, cents)


def _distinct(spelled: Integers) -> tuple[Integers, list[int]]:
    """Return the distinct rows, and which of them each row is."""
    low = spelled.min(axis=0)
    width = spelled.max(axis=0) - low + 1
    codes = ((spelled[:, 0] - low[0]) * width[1] + spelled[:, 1] - low[1]) * width[2] + spelled[:, 2] - low[2]
    _, firsts, inverse = np.unique(codes, return_index=True, return_inverse=True)
    return spelled[firsts], inverse.tolist()


def _line(pitch: tuple[int, int, int]) -> tuple[int, int]:
    step, cents, octave = pitch
    return octave * 7 + step, octave * 1200 + STEP_CENTS[step] + cents
