"""Key finding by correlation with key profiles.

Each of the 24 keys is a profile of twelve weights, rotated to its tonic. The most likely key is the one whose
profile has the highest Pearson correlation with the durations of the pitch classes. This is the method of
`music21.analysis.discrete`, and the coefficients agree with it.

Sources of the profiles: Aarden, *Dynamic Melodic Expectancy* (2003), from the Essen collection; Krumhansl,
*Cognitive Foundations of Musical Pitch* (1990); Bellmann, *About the Determination of Key of a Musical
Excerpt* (2005), after Budge (1943); Temperley, *Music and Probability* (2007), from the examples in Kostka
and Payne; Sapp's simple weights (humdrum keycor).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from music21_server.score.table import NOTE, NoteTable
from music21_server.theory.pitch.mode import Mode

PROFILES: Final[Mapping[str, Mapping[Mode, tuple[float, ...]]]] = {
    "aarden-essen": {
        "major": (
            17.7661, 0.145624, 14.9265, 0.160186, 19.8049, 11.3587,
            0.291248, 22.062, 0.145624, 8.15494, 0.232998, 4.95122,
        ),
        "minor": (
            18.2648, 0.737619, 14.0499, 16.8599, 0.702494, 14.4362,
            0.702494, 18.6161, 4.56621, 1.93186, 7.37619, 1.75623,
        ),
    },
    "krumhansl": {
        "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    },
    "bellman-budge": {
        "major": (16.80, 0.86, 12.95, 1.41, 13.49, 11.93, 1.25, 20.28, 1.80, 8.04, 0.62, 10.57),
        "minor": (18.16, 0.69, 12.99, 13.34, 1.07, 11.15, 1.38, 21.07, 7.49, 1.53, 0.92, 10.21),
    },
    "temperley-kostka-payne": {
        "major": (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
        "minor": (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
    },
    "simple": {
        "major": (2, 0, 1, 0, 1, 1, 0, 2, 0, 1, 0, 1),
        "minor": (2, 0, 1, 1, 0, 1, 0, 2, 1, 0, 0.5, 0.5),
    },
}  # fmt: skip

DEFAULT_PROFILE: Final = "aarden-essen"
"""Profile that music21's `analyze("key")` uses."""

_MAJOR_NAMES: Final = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "A-", "A", "B-", "B")
_MINOR_NAMES: Final = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")

Weights = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KeyCandidate:
    """A key and how well it fits.

    Attributes:
        tonic: Name as music21 writes it, such as ``F#`` or ``B-``.
        mode: ``major`` or ``minor``.
        coefficient: Pearson's correlation, -1 to 1; 0 if all durations are equal.
    """

    tonic: str
    mode: Mode
    coefficient: float


def pitch_class_durations(table: NoteTable, semitones: npt.NDArray[np.int64] | None = None) -> Weights:
    """Return the total duration of each pitch class, in quarter notes.

    Args:
        table: Notes. Rests and unpitched notes do not count. A quarter tone counts for the nearest pitch
            class, and one halfway between two for the even one, as in music21.
        semitones: Semitones to add to the written pitch of each row; None for written pitch.
    """
    pitched = table.kind == NOTE
    semitone = np.rint(table.written_cents[pitched] / 100).astype(np.int64)
    if semitones is not None:
        semitone = semitone + semitones[pitched]
    quarters = table.duration[pitched] / table.ticks_per_quarter
    return np.asarray(np.bincount(semitone % 12, weights=quarters, minlength=12), dtype=np.float64)


def key_candidates(durations: Weights, profile: str = DEFAULT_PROFILE) -> list[KeyCandidate]:
    """Return all 24 keys, the best first.

    Args:
        durations: Durations of the twelve pitch classes, from C.
        profile: One of `PROFILES`.
    """
    candidates = [
        KeyCandidate(name, mode, float(coefficient))
        for mode, names in _NAMES.items()
        for name, coefficient in zip(
            names, _correlations(durations, _rotated_profiles(profile, mode)), strict=True
        )
    ]
    return sorted(candidates, key=lambda candidate: -candidate.coefficient)


_TOLERANCE: Final = 1e-12
"""Differences below this share of the longest duration are rounding errors."""

_NAMES: Final[Mapping[Mode, tuple[str, ...]]] = {"major": _MAJOR_NAMES, "minor": _MINOR_NAMES}


@functools.cache
def _rotated_profiles(profile: str, mode: Mode) -> Weights:
    """Return a profile rotated to each tonic, less its mean; tonics by pitch classes."""
    weights = np.array(PROFILES[profile][mode], dtype=float)
    return np.stack([np.roll(weights, tonic) for tonic in range(12)]) - float(weights.mean())


def _correlations(durations: Weights, profiles: Weights) -> Weights:
    """Return the correlation of the durations with each profile; the profiles have a mean of 0."""
    deviations = durations - durations.mean()
    if np.abs(deviations).max(initial=0.0) <= _TOLERANCE * durations.max(initial=0.0):
        return np.zeros(len(profiles))
    correlations: Weights = profiles @ deviations / np.sqrt((profiles**2).sum(axis=1) * (deviations**2).sum())
    return correlations
