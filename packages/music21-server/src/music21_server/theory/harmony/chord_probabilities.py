"""Probability of a chord in a key after the chord before it, from counts in human analyses.

The counts come from the even-numbered works among the 68 analyses that ship with music21 (chorales by Bach,
madrigals by Monteverdi): the chords that `chord_path` finds, the analyst's key, and their successions.
`benchmarks/accuracy` makes the packaged file and evaluates on the odd-numbered works. Rare successions fall
back to the frequency of the second chord alone (interpolation with a Dirichlet prior; MacKay and Peto, "A
hierarchical Dirichlet language model", 1995).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np

from music21_server.score.table import Integers
from music21_server.theory.algorithms.viterbi import Scores
from music21_server.theory.chords.assignment import STATES
from music21_server.theory.pitch.mode import Mode

PACKAGED: Final = "chord_counts.json"
"""File name below `music21_server/data`."""

MODES: Final[tuple[Mode, ...]] = ("major", "minor")

_KINDS: Final[Mapping[str, str]] = {
    "major triad": "major",
    "major seventh": "major",
    "minor triad": "minor",
    "minor seventh": "minor",
    "diminished triad": "diminished",
    "half-diminished seventh": "diminished",
    "augmented triad": "augmented",
    "dominant seventh": "dominant seventh",
    "diminished seventh": "diminished seventh",
}
"""Kinds of chords that are counted separately; other sevenths do not change a chord's function."""

_PERIODS: Final = {"augmented": 4, "diminished seventh": 3}
"""Semitones after which a symmetric chord is the same chord again."""

_NAMES: Final = tuple(
    f"{root} {kind}" for kind in dict.fromkeys(_KINDS.values()) for root in range(_PERIODS.get(kind, 12))
)


@dataclass(frozen=True)
class ChordOdds:
    """Logarithms of chord probabilities relative to the tonic, by mode (major, minor).

    Attributes:
        alone: Odds of each chord, modes by chords.
        after: Odds of each chord after another, modes by chords before by chords.
    """

    alone: Scores
    after: Scores


@cache
def _chords_relative_to_tonics() -> Integers:
    """Return each of `STATES` relative to each tonic, tonics by states."""
    places = {name: index for index, name in enumerate(_NAMES)}
    return np.array(
        [[places[_name(root - tonic, _KINDS[kind])] for root, kind in STATES] for tonic in range(12)],
        dtype=np.int64,
    )


def _name(semitones: int, kind: str) -> str:
    return f"{semitones % _PERIODS.get(kind, 12)} {kind}"


def relative_chords(states: Integers) -> Integers:
    """Return chords relative to each of the twelve tonics, tonics by chords.

    Args:
        states: Chords from `chord_path`.
    """
    return _chords_relative_to_tonics()[:, states]


def relative_chord_name(state: int, tonic: int) -> str:
    """Return the name of a chord relative to a tonic, as semitones and kind: ``7 dominant seventh``."""
    return _NAMES[int(_chords_relative_to_tonics()[tonic, state])]


_PRIOR: Final = 0.2
"""Count added to each chord."""

_PRIOR_AFTER: Final = 20.0
"""Number of prior successions added after each chord, in proportion to the chords' odds alone."""


@cache
def chord_odds() -> ChordOdds:
    """Return the odds from the packaged counts."""
    packaged = resources.files("music21_server").joinpath("data", PACKAGED)
    return odds_of(json.loads(packaged.read_bytes()))


def odds_of(counts: Mapping[str, Any]) -> ChordOdds:
    """Return the odds from counts.

    Args:
        counts: Counts by mode: ``alone``, of each chord, and ``after``, of each chord by the chord before it;
            names are those of `relative_chord_name`.
    """
    places = {name: index for index, name in enumerate(_NAMES)}
    size = len(_NAMES)
    alone, after = np.full((2, size), _PRIOR), np.zeros((2, size, size))
    for mode, mode_name in enumerate(MODES):
        for name, count in counts[mode_name]["alone"].items():
            alone[mode, places[name]] += count
        for before, successors in counts[mode_name]["after"].items():
            for name, count in successors.items():
                after[mode, places[before], places[name]] += count
    alone /= alone.sum(axis=1, keepdims=True)
    after += _PRIOR_AFTER * alone[:, np.newaxis, :]
    return ChordOdds(np.log(alone), np.log(after / after.sum(axis=2, keepdims=True)))
