"""Local keys of a score, and its modulations.

Every key explains each chord of the score (`chord_path`) in two ways: by the probability of the chord after
the one before it (`chord_odds`), and by the notes that sound with it, passing notes included (log-likelihood
of their shares in the key's profile). Time is counted in chords of mean length, so it does not matter whether
a piece is notated in long or short values. A change of key has a cost, which grows with the distance between
the signatures, so that passing chromaticism is not taken for a modulation. Viterbi's algorithm finds the best
path.

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
from music21_server.theory.harmony.chord_probabilities import MODES, chord_odds, relative_chords
from music21_server.theory.pitch.mode import Mode
from music21_server.theory.pitch.names import FIFTHS_OF_STEPS, Key, relative_name, spelled_key
from music21_server.theory.time.positions import Clock, Position

_PROFILES: Final[dict[Mode, tuple[float, ...]]] = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}

_PROFILE_WEIGHT: Final = 1.75
"""Weight of the profile's log-likelihood for a chord of mean length, relative to the costs of change."""

_CHORD_WEIGHT: Final = 0.5
"""Weight of a chord's odds, likewise."""

_CHORD_POWER: Final = 0.5
"""The weight of a chord's odds grows with this power of its length: a long chord is still one choice."""

_CHANGE_COST: Final = 2.0
"""Cost of any change of key. These constants were tuned on the works named in `chord_probabilities`."""

_COST_PER_FIFTH: Final = 1.0
"""Cost per accidental between the signatures of the keys."""

_MOST_FIFTHS: Final = 5
"""Most accidentals that add to the cost; keys farther away cost no more."""


@dataclass(frozen=True)
class KeySegment:
    """A stretch of a score in one key."""

    key: str
    """Key, such as `F# minor`; `B-` is B flat."""
    start: Position
    """Beginning of the segment."""
    end: Position
    """End of the segment: the beginning of the next one, or the end of the score."""
    duration_quarters: float
    """Duration in quarter notes."""
    confidence: float
    """Probability of the key against the other 23, judged by three average chords, 0 to 1."""


@dataclass(frozen=True)
class Modulation:
    """A change of key."""

    position: Position
    """Beginning of the new key."""
    from_key: str
    """Key before the change."""
    to_key: str
    """Key after the change."""
    degree: str
    """New key as a degree of the one before: `V` is the dominant, `vi` the relative minor."""


@dataclass(frozen=True)
class LocalKeys:
    """The keys of a score, segment by segment.

    Attributes:
        starts: Beginning of each segment, in ticks since the beginning of the score; the first is 0. Empty if
            nothing sounds.
        keys: Key of each segment.
        confidences: Confidence in each key, 0 to 1.
        end: End of the last segment.
    """

    starts: tuple[int, ...]
    keys: tuple[Key, ...]
    confidences: tuple[float, ...]
    end: int

    def index_at(self, ticks: Integers) -> Integers:
        """Return the index of the segment at each of these times."""
        return np.searchsorted(np.array(self.starts), ticks, side="right") - 1

    def segments(self, clock: Clock, ticks_per_quarter: int) -> tuple[KeySegment, ...]:
        """Return the segments with their positions."""
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
        """Return the changes of key."""
        return tuple(
            Modulation(clock.at_tick(start), before.text, after.text, degree_of(after, before))
            for before, after, start in zip(self.keys, self.keys[1:], self.starts[1:], strict=False)
        )


def local_keys(score: Score, sonorities: Sonorities, path: Integers, clock: Clock) -> LocalKeys:
    """Return the local keys of a score.

    Args:
        path: Chord of each sonority, from `chord_path`.
    """
    end = int(score.measure_starts[-1])
    if not len(sonorities):
        return LocalKeys((), (), (), end)
    chords = _Chords(sonorities, path, clock)
    fit = _fit(chords)
    states, _ = cheapest_path(-fit, itertools.repeat(_costs()))
    keys = np.array(states)
    firsts = np.flatnonzero(np.concatenate([[True], np.diff(keys) != 0]))
    segments = list(zip(firsts.tolist(), [*firsts[1:].tolist(), len(keys)], strict=True))
    return LocalKeys(
        starts=(0, *sonorities.start[chords.first[firsts[1:]]].tolist()),
        keys=tuple(chords.spelled(int(keys[first]), first, last) for first, last in segments),
        confidences=tuple(
            _confidence(fit[first:last], chords.length[first:last], int(keys[first]))
            for first, last in segments
        ),
        end=end,
    )


class _Chords:
    """Chords in order of time.

    Attributes:
        first: First sonority of each.
        state: Index of each in `STATES`.
        length: Length of each; 1 is the mean.
        shares: Duration of each pitch class in each chord, together the chord's length; chords by twelve.
    """

    def __init__(self, sonorities: Sonorities, path: Integers, clock: Clock) -> None:
        self.first: Integers = np.flatnonzero(np.concatenate([[True], np.diff(path) != 0]))
        self.state: Integers = path[self.first]
        beats = lengths(sonorities, clock)
        beats = beats * len(self.first) / beats.sum()
        self.length = np.add.reduceat(beats, self.first)
        counts = np.diff(sonorities.first)
        weights = np.repeat(beats / counts, counts)
        chord = np.repeat(
            np.repeat(np.arange(len(self.first)), np.diff(self.first, append=len(path))), counts
        )
        cells = chord * 12 + pitch_classes(sonorities.step, sonorities.alter_cents)
        totals = np.bincount(cells, weights, len(self.first) * 12)
        self.shares: Scores = totals.astype(np.float64).reshape(-1, 12)
        fifths = FIFTHS_OF_STEPS[sonorities.step] + 7 * (sonorities.alter_cents // 100)
        self._fifths = np.bincount(chord, weights * fifths)

    def spelled(self, key: int, first: int, last: int) -> Key:
        """Return a key with its tonic spelled to match the notes of chords `first` to `last` - 1."""
        mode, pitch_class = divmod(key, 12)
        mean = float(self._fifths[first:last].sum() / self.length[first:last].sum())
        return spelled_key(pitch_class, MODES[mode], mean)


def _fit(chords: _Chords) -> Scores:
    """Return how well each key explains each chord: chords by 24 keys, first C major to B major."""
    odds, chord = chord_odds(), relative_chords(chords.state)
    by_mode = []
    for mode in range(len(MODES)):
        first, others = odds.alone[mode, chord[:, :1]], odds.after[mode, chord[:, :-1], chord[:, 1:]]
        by_mode.append(np.concatenate([first, others], axis=1))
    of_chords = np.concatenate(by_mode).T * (_CHORD_WEIGHT * chords.length**_CHORD_POWER)[:, np.newaxis]
    return np.asarray(of_chords + _PROFILE_WEIGHT * chords.shares @ _weights().T, dtype=np.float64)


@cache
def _weights() -> Scores:
    """Return the logarithm of each key's profile, 24 keys by pitch classes."""
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
    """Return the probability of a key against all others, judged by a few chords of mean length."""
    mean = fit.sum(axis=0) / length.sum()
    return round(float(1 / np.exp(_JUDGED_CHORDS * (mean - mean[key])).sum()), 4)


_JUDGED_CHORDS: Final = 3
"""With three chords, confidence comes close to the share of time in which analysts agree: 0.81 against 0.85
for Bach, 0.74 against 0.67 for Monteverdi, in the works that the parameters were tuned on."""


_DEGREES: Final = ("I", "II", "III", "IV", "V", "VI", "VII")
_MINOR_SCALE: Final = (0, 0, -100, 0, 0, -100, -100)


def degree_of(key: Key, home: Key) -> str:
    """Return a key as a degree of another: upper case for major, ``b`` and ``#`` for altered degrees."""
    step, cents = relative_name(home.tonic, key.tonic)
    if home.mode == "minor":
        cents -= _MINOR_SCALE[step]
    sign = ("#" if cents > 0 else "b") * (abs(cents) // 100)
    numeral = _DEGREES[step] if key.mode == "major" else _DEGREES[step].lower()
    return sign + numeral
