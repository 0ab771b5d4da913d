"""Which key each stretch of a score is in, and where it modulates.

Beat by beat, every key explains the sounding pitch classes as well as its profile says (log-likelihood of
their durations; a beat counts the same in a solo and in a tutti). A change of key costs, so that passing
chromaticism is not taken for a modulation; the path that explains most at the least cost is found by
Viterbi's algorithm. The idea is Temperley's (*Music and Probability*, 2007, chapter 6); the profiles are
those of Albrecht and Shanahan, "The Use of Large Corpora to Train a New Type of Key-Finding Algorithm",
*Music Perception* 31 (2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from music21_server.notes import Integers, Score
from music21_server.theory.beats import Beats, Numbers, beats_of
from music21_server.theory.keys import Mode
from music21_server.theory.names import Key, seen_from, spelled_key
from music21_server.theory.positions import Clock, Position
from music21_server.theory.smoothing import smooth_path
from music21_server.theory.sounding import SpelledPitches

_PROFILES: Final[dict[Mode, tuple[float, ...]]] = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
_MODES: Final[tuple[Mode, ...]] = ("major", "minor")

_CHANGE_COST: Final = 1.5
"""In nats, of a change of key."""

_RESTING: Final = 1e-9


@dataclass(frozen=True)
class KeySegment:
    """A stretch in one key.

    Attributes:
        key: Such as ``F# minor``; ``B-`` is B flat.
        start: Where it begins.
        end: Where it ends: the beginning of the next, or the end of the score.
        duration_quarters: In quarter notes.
        confidence: Probability of the key beside the other 23, judged by eight average beats, 0 to 1.
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
        starts: Ticks since the beginning of the score where each begins; the first is 0.
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
        ends = (*self.starts[1:], self.end)
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


def local_keys(score: Score, pitches: SpelledPitches, clock: Clock) -> LocalKeys:
    """Return the keys of the stretches of a score with notes.

    Args:
        score: All parts.
        pitches: Of its rows, sounding or written.
        clock: Of the score.
    """
    beats = beats_of(score, pitches, clock)
    fit = _log_likelihood(beats.durations)
    path = smooth_path(fit, np.arange(len(fit)), np.ones(len(fit)), np.full(len(fit), _CHANGE_COST))
    firsts = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1]) if len(path) else np.zeros(0, np.int64)
    ends = np.append(firsts[1:], len(path))
    confidences = [
        _confidence(fit[first:end], int(path[first]))
        for first, end in zip(firsts.tolist(), ends.tolist(), strict=True)
    ]
    keys = [
        _spelled(int(path[first]), beats, first, end)
        for first, end in zip(firsts.tolist(), ends.tolist(), strict=True)
    ]
    return LocalKeys(
        tuple(beats.edges[firsts].tolist()), tuple(keys), tuple(confidences), int(beats.edges[-1])
    )


def _log_likelihood(durations: Numbers) -> Numbers:
    """Return how well each key explains each beat, beats by 24: C major to B major, C minor to B minor."""
    totals = durations.sum(axis=1, keepdims=True)
    shares = np.where(totals > _RESTING, durations / np.maximum(totals, _RESTING), 0.0)
    return np.asarray(shares @ _weights().T, dtype=np.float64)


@cache
def _weights() -> Numbers:
    """Return the logarithm of each key's profile, 24 by pitch classes."""
    profiles = [np.log(np.array(_PROFILES[mode]) / sum(_PROFILES[mode])) for mode in _MODES]
    return np.array([np.roll(profile, tonic) for profile in profiles for tonic in range(12)])


def _confidence(fit: Numbers, state: int) -> float:
    """Return how probable a key is beside the others, judged by so many average beats of it."""
    weight = np.exp(_JUDGED_BEATS * (fit.mean(axis=0) - fit.mean(axis=0)[state]))
    return round(float(1 / weight.sum()), 4)


_JUDGED_BEATS: Final = 8
"""With so many, confidence is about the share of beats in which analysts of Bach's chorales agree."""


def _spelled(state: int, beats: Beats, first: int, end: int) -> Key:
    mode, pitch_class = divmod(state, 12)
    return spelled_key(pitch_class, _MODES[mode], beats.mean_fifths(first, end))


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
