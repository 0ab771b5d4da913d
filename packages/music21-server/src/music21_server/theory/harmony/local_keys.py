"""Which key each stretch of a score is in, and where it modulates.

Every key explains each chord of the score (`chord_path`) twofold: by how probable it is there after the one
before it (`chord_odds`), and by the notes that sound with it, passing ones included, as the key's profile
says (log-likelihood of their shares). Time counts in chords of mean length, so that it does not matter
whether a piece is written in long or short values. A change of key costs, the more the farther the keys'
signatures are apart, so that passing chromaticism is not taken for a modulation; the path that explains most
at the least cost is found by Viterbi's algorithm.

Profiles with a cost of change are Temperley's idea (*Music and Probability*, 2007, chapter 6); the profiles
are those of Albrecht and Shanahan, "The Use of Large Corpora to Train a New Type of Key-Finding Algorithm",
*Music Perception* 31 (2013). Keys as hidden states behind chords: Raphael and Stoddard, "Functional Harmonic
Analysis Using Probabilistic Models", *Computer Music Journal* 28 (2004).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from music21_server.score.table import Integers, Score
from music21_server.theory.algorithms.viterbi import Scores, cheapest_path
from music21_server.theory.chords.assignment import lengths, pitch_classes
from music21_server.theory.chords.sonorities import Sonorities
from music21_server.theory.harmony.chord_probabilities import MODES, chord_odds, relative
from music21_server.theory.pitch.mode import Mode
from music21_server.theory.pitch.names import FIFTHS_OF_STEPS, Key, seen_from, spelled_key
from music21_server.theory.time.positions import Clock, Position

_PROFILES: Final[dict[Mode, tuple[float, ...]]] = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}

_PROFILE_WEIGHT: Final = 1.75
"""Of what the notes say, beside the costs, for a chord of mean length."""

_CHORD_WEIGHT: Final = 0.5
"""Of what a chord's odds say, likewise."""

_CHORD_POWER: Final = 0.5
"""What a chord's odds say grows with this power of its length: a long chord is still one choice."""

_CHANGE_COST: Final = 2.0
"""Of a change of key. These were chosen on the even-numbered works of those that `chord_odds` names."""

_COST_PER_FIFTH: Final = 1.0
"""Added for each accidental between the signatures of the keys."""

_MOST_FIFTHS: Final = 5
"""Farther keys cost no more."""


@dataclass(frozen=True)
class KeySegment:
    """A stretch in one key.

    Attributes:
        key: Such as ``F# minor``; ``B-`` is B flat.
        start: Where it begins.
        end: Where it ends: the beginning of the next, or the end of the score.
        duration_quarters: In quarter notes.
        confidence: Probability of the key beside the other 23, judged by three average chords, 0 to 1.
    """

    key: str
    start: Position
    end: Position
    duration_quarters: float
    confidence: float


@dataclass(frozen=True)
class Modulation:
    """A change of key.

    Attributes:
        position: Where the new key begins.
        from_key: Before.
        to_key: After.
        degree: The new key as a degree of the one before: ``V`` is the dominant, ``vi`` the relative minor.
    """

    position: Position
    from_key: str
    to_key: str
    degree: str


@dataclass(frozen=True)
class LocalKeys:
    """The keys of a score, stretch by stretch.

    Attributes:
        starts: Ticks since the beginning of the score where each begins; the first is 0. Empty where nothing
            sounds.
        keys: Of each stretch.
        confidences: Of each, 0 to 1.
        end: Ticks where the last one ends.
    """

    starts: tuple[int, ...]
    keys: tuple[Key, ...]
    confidences: tuple[float, ...]
    end: int

    def index_at(self, ticks: Integers) -> Integers:
        """Return which stretch each of these times is in."""
        return np.searchsorted(np.array(self.starts), ticks, side="right") - 1

    def segments(self, clock: Clock, ticks_per_quarter: int) -> tuple[KeySegment, ...]:
        """Return the stretches with their positions."""
        ends = (*self.starts, self.end)[1:]
        return tuple(
            KeySegment(
                key.text, clock.at_tick(start), clock.at_tick(end), round((end - start) / ticks_per_quarter,
                4), confidence,
            )
            for key, start, end, confidence in zip(
                self.keys, self.starts, ends, self.confidences, strict=True
            )
        )  # fmt: skip

    def modulations(self, clock: Clock) -> tuple[Modulation, ...]:
        """Return the changes."""
        return tuple(
            Modulation(clock.at_tick(start), before.text, after.text, degree_of(after, before))
            for before, after, start in zip(self.keys, self.keys[1:], self.starts[1:], strict=False)
        )


def local_keys(score: Score, found: Sonorities, path: Integers, clock: Clock) -> LocalKeys:
    """Return the keys of the stretches of a score.

    Args:
        score: All parts.
        found: Its sonorities.
        path: Chord of each, from `chord_path`.
        clock: Of the score.
    """
    end = int(score.measure_starts[-1])
    if not len(found):
        return LocalKeys((), (), (), end)
    chords = _Chords(found, path, clock)
    fit = _fit(chords)
    path, _ = cheapest_path(-fit, itertools.repeat(_costs()))
    keys = np.array(path)
    firsts = np.flatnonzero(np.concatenate([[True], np.diff(keys) != 0]))
    stretches = list(zip(firsts.tolist(), [*firsts[1:].tolist(), len(keys)], strict=True))
    return LocalKeys(
        starts=(0, *found.start[chords.first[firsts[1:]]].tolist()),
        keys=tuple(chords.spelled(int(keys[first]), first, last) for first, last in stretches),
        confidences=tuple(
            _confidence(fit[first:last], chords.length[first:last], int(keys[first]))
            for first, last in stretches
        ),
        end=end,
    )


class _Chords:
    """Chords in the order of time.

    Attributes:
        first: First sonority of each.
        state: Of each, as of `chord_path`.
        length: Of each; 1 is the mean.
        shares: How long each pitch class sounds in each, together its length; chords by twelve.
    """

    def __init__(self, found: Sonorities, path: Integers, clock: Clock) -> None:
        self.first: Integers = np.flatnonzero(np.concatenate([[True], np.diff(path) != 0]))
        self.state: Integers = path[self.first]
        beats = lengths(found, clock)
        beats = beats * len(self.first) / beats.sum()
        self.length = np.add.reduceat(beats, self.first)
        counts = np.diff(found.first)
        weights = np.repeat(beats / counts, counts)
        chord = np.repeat(
            np.repeat(np.arange(len(self.first)), np.diff(self.first, append=len(path))), counts
        )
        cells = chord * 12 + pitch_classes(found.step, found.alter_cents)
        totals = np.bincount(cells, weights, len(self.first) * 12)
        self.shares: Scores = totals.astype(np.float64).reshape(-1, 12)
        fifths = FIFTHS_OF_STEPS[found.step] + 7 * (found.alter_cents // 100)
        self._fifths = np.bincount(chord, weights * fifths)

    def spelled(self, key: int, first: int, last: int) -> Key:
        """Return a key with its tonic spelled as the notes from a chord to before another are."""
        mode, pitch_class = divmod(key, 12)
        mean = float(self._fifths[first:last].sum() / self.length[first:last].sum())
        return spelled_key(pitch_class, MODES[mode], mean)


def _fit(chords: _Chords) -> Scores:
    """Return how well each key explains each chord, chords by 24: C major to B major, C minor to B minor."""
    odds, seen = chord_odds(), relative(chords.state)
    by_mode = []
    for mode in range(len(MODES)):
        first, others = odds.alone[mode, seen[:, :1]], odds.after[mode, seen[:, :-1], seen[:, 1:]]
        by_mode.append(np.concatenate([first, others], axis=1))
    of_chords = np.concatenate(by_mode).T * (_CHORD_WEIGHT * chords.length**_CHORD_POWER)[:, np.newaxis]
    return np.asarray(of_chords + _PROFILE_WEIGHT * chords.shares @ _weights().T, dtype=np.float64)


@cache
def _weights() -> Scores:
    """Return the logarithm of each key's profile, 24 by pitch classes."""
    profiles = [np.log(np.array(_PROFILES[mode]) / sum(_PROFILES[mode])) for mode in MODES]
    return np.array([np.roll(profile, tonic) for profile in profiles for tonic in range(12)])


@cache
def _costs() -> Scores:
    """Return the cost of each change of key, 24 by 24."""
    signatures = np.array([tonic * 7 - 3 * mode for mode in range(len(MODES)) for tonic in range(12)])
    apart = np.abs(signatures[:, np.newaxis] - signatures) % 12
    fifths = np.minimum(np.minimum(apart, 12 - apart), _MOST_FIFTHS)
    costs = _CHANGE_COST + _COST_PER_FIFTH * fifths
    np.fill_diagonal(costs, 0.0)
    return np.asarray(costs, dtype=np.float64)


def _confidence(fit: Scores, length: Scores, key: int) -> float:
    """Return how probable a key is beside the others, judged by some chords of mean length."""
    mean = fit.sum(axis=0) / length.sum()
    return round(float(1 / np.exp(_JUDGED_CHORDS * (mean - mean[key])).sum()), 4)


_JUDGED_CHORDS: Final = 3
"""With so many, confidence is about the share of time in which analysts agree: 0.81 where they do for 0.85
(Bach), 0.74 for 0.67 (Monteverdi), in the works that parameters were chosen by."""


_DEGREES: Final = ("I", "II", "III", "IV", "V", "VI", "VII")
_MINOR_SCALE: Final = (0, 0, -100, 0, 0, -100, -100)


def degree_of(key: Key, home: Key) -> str:
    """Return a key as a degree of another: upper case for major, ``b`` and ``#`` for altered degrees."""
    step, cents = seen_from(home.tonic, key.tonic)
    if home.mode == "minor":
        cents -= _MINOR_SCALE[step]
    sign = ("#" if cents > 0 else "b") * (abs(cents) // 100)
    numeral = _DEGREES[step] if key.mode == "major" else _DEGREES[step].lower()
    return sign + numeral
