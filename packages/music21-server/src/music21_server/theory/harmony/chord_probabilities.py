"""How probable a chord is in a key after the chord before it, from counts in analyses by people.

The counts are those of the even-numbered works among the 68 analyses that music21 ships (chorales by Bach,
madrigals by Monteverdi): which chords `chord_path` finds there, under which key the analyst was, and what
followed what. `benchmarks/accuracy` makes the packaged file and judges by the odd-numbered works. Chords that
were seldom seen together are judged by how frequent the second one is by itself (interpolation with a
Dirichlet prior; MacKay and Peto, "A hierarchical Dirichlet language model", 1995).
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
"""Below `music21_server/data`."""

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
"""Chords that are told apart here; the seventh of others makes no difference to what they do."""

_PERIODS: Final = {"augmented": 4, "diminished seventh": 3}
"""Semitones after which a chord is the same one again."""

_NAMES: Final = tuple(
    f"{root} {kind}" for kind in dict.fromkeys(_KINDS.values()) for root in range(_PERIODS.get(kind, 12))
)


@dataclass(frozen=True)
class ChordOdds:
    """Logarithms of probabilities of chords as seen from the tonic, by mode (major, minor).

    Attributes:
        alone: Of each chord, modes by chords.
        after: Of each chord after another, modes by chords before by chords.
    """

    alone: Scores
    after: Scores


@cache
def _seen_from() -> Integers:
    """Return the chord that each of `STATES` is as seen from each tonic, tonics by states."""
    places = {name: index for index, name in enumerate(_NAMES)}
    return np.array(
        [[places[_name(root - tonic, _KINDS[kind])] for root, kind in STATES] for tonic in range(12)],
        dtype=np.int64,
    )


def _name(semitones: int, kind: str) -> str:
    return f"{semitones % _PERIODS.get(kind, 12)} {kind}"


def relative(states: Integers) -> Integers:
    """Return what chords are as seen from each of the twelve tonics, tonics by chords.

    Args:
        states: Chords as of `chord_path`.
    """
    return _seen_from()[:, states]


def relative_name(state: int, tonic: int) -> str:
    """Return what a chord is called as seen from a tonic: semitones and kind, ``7 dominant seventh``."""
    return _NAMES[int(_seen_from()[tonic, state])]


_PRIOR: Final = 0.2
"""Added to how often each chord was seen."""

_PRIOR_AFTER: Final = 20.0
"""So many successions are taken for granted after each chord."""


@cache
def chord_odds() -> ChordOdds:
    """Return the odds by the packaged counts."""
    packaged = resources.files("music21_server").joinpath("data", PACKAGED)
    return odds_of(json.loads(packaged.read_bytes()))


def odds_of(counts: Mapping[str, Any]) -> ChordOdds:
    """Return the odds by counts.

    Args:
        counts: By mode: ``alone``, how often each chord was seen, and ``after``, how often after each other
            one; chords are named as by `relative_name`.
    """
    places = {name: index for index, name in enumerate(_NAMES)}
    size = len(_NAMES)
    alone, after = np.full((2, size), _PRIOR), np.zeros((2, size, size))
    for mode, of_mode in enumerate(MODES):
        for name, count in counts[of_mode]["alone"].items():
            alone[mode, places[name]] += count
        for before, found in counts[of_mode]["after"].items():
            for name, count in found.items():
                after[mode, places[before], places[name]] += count
    alone /= alone.sum(axis=1, keepdims=True)
    after += _PRIOR_AFTER * alone[:, np.newaxis, :]
    return ChordOdds(np.log(alone), np.log(after / after.sum(axis=2, keepdims=True)))
