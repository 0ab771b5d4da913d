"""The reason for each chord: the cost that the next best chord would have added, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.progression import ProgressionCosts
from music21_server.composition.harmonization.style import Costs

Ground = Literal[
    "melody", "cadence", "preparation", "approach", "departure", "pace", "plainness", "opening", "seed",
    "voices",
]  # fmt: skip

_NO_COST: Final = 0.01
_USUAL, _SOMETIMES = 0.4, 1.2
"""Largest costs of a succession that is called usual, and of one that is called occasional."""


@dataclass(frozen=True)
class Reason:
    """The reason for choosing a chord.

    Attributes:
        ground: Strongest reason.
        text: The same as a sentence.
        next_best: Numeral of the best other chord between the same neighbours; empty if there is none.
        lead: Additional cost of that chord; negative if the chord was chosen for the sake of the voices.
    """

    ground: Ground
    text: str
    next_best: str
    lead: float


@dataclass(frozen=True)
class Run:
    """Successive segments with the same chord.

    Attributes:
        first: Index of the first segment.
        last: Index of the last segment.
    """

    first: int
    last: int


def reason(
    costs: ProgressionCosts, path: Sequence[int], best_path: Sequence[int], run: Run, melody: str
) -> Reason:
    """Return the reason for a chord.

    Args:
        costs: Costs of all chords.
        path: Indices of the chosen chords, one for each segment.
        best_path: Indices of the chords that would be best without regard to the voices.
        run: Segments of the chord.
        melody: Names of the melody's notes above it, as a phrase.
    """
    chords = costs.style.chords
    chosen = path[run.first]
    is_other = np.array([_is_other(chord, chords[chosen]) for chord in chords])
    if not is_other.any():
        return Reason("plainness", "It is the only chord of the style.", "", 0.0)
    parts = _cost_parts(costs, path, run)
    total = sum(parts.values(), np.zeros(len(chords)))
    rival = int(np.where(is_other, total, np.inf).argmin())
    lead = round(float(total[rival] - total[chosen]), 3)
    better = next((index for index in best_path[run.first : run.last + 1] if is_other[index]), None)
    if better is not None:
        text = (
            f"{chords[better].numeral} would suit the melody here too, but its voice leading would be worse."
        )
        return Reason("voices", text, chords[rival].numeral, lead)
    gains = {ground: float(part[rival] - part[chosen]) for ground, part in parts.items()}
    ground = max(gains, key=lambda ground: gains[ground])
    explanation = _Explanation(costs, path, run, chords[rival], melody)
    return Reason(ground, explanation.text(ground), chords[rival].numeral, lead)


def _is_other(chord: Chord, chosen: Chord) -> bool:
    return chord.degree != chosen.degree and _pitch_class_set(chord) != _pitch_class_set(chosen)


def _pitch_class_set(chord: Chord) -> frozenset[int]:
    return frozenset(chord.pitch_classes)


def _cost_parts(costs: ProgressionCosts, path: Sequence[int], run: Run) -> dict[Ground, Costs]:
    """Return the cost of each chord in a run, between the same neighbours, split by grounds."""
    style = costs.style
    inside = slice(run.first, run.last + 1)
    none = np.zeros(len(style.chords))
    parts: dict[Ground, Costs] = {
        "melody": costs.fit[inside].sum(axis=0), "plainness": costs.metre[inside].sum(axis=0),
        "seed": costs.chance[inside].sum(axis=0), "approach": none, "cadence": none, "departure": none,
        "preparation": none, "pace": none, "opening": none,
    }  # fmt: skip
    if run.first == 0:
        parts["opening"] = style.opening
        parts["plainness"] = parts["plainness"] - style.opening
    else:
        before = path[run.first - 1]
        parts["approach"] = style.moves[before]
        parts["cadence"] = costs.cadence(run.first)[before]
        parts["pace"] = costs.pace(run.first)[before]
    if run.last + 1 < len(path):
        after = path[run.last + 1]
        parts["departure"] = style.moves[:, after]
        parts["preparation"] = costs.cadence(run.last + 1)[:, after]
        parts["pace"] = parts["pace"] + costs.pace(run.last + 1)[:, after]
    return parts


@dataclass(frozen=True)
class _Explanation:
    """Explains the ground of a choice in a sentence."""

    costs: ProgressionCosts
    path: Sequence[int]
    run: Run
    rival: Chord
    melody: str

    def text(self, ground: Ground) -> str:
        chosen, rival = self._numeral(self.run.first), self.rival.numeral
        before, after = self._numeral(self.run.first - 1), self._numeral(self.run.last + 1)
        return {
            "melody": self._melody(),
            "approach": f"{before} {self._frequency(self.run.first - 1)} goes to {chosen}; {rival} is rarer.",
            "departure": f"It {self._frequency(self.run.last)} goes on to {after}, {rival} less often.",
            "cadence": f"{before}-{chosen} ends the phrase better than {before}-{rival}.",
            "preparation": f"{chosen}-{after} is a better close for the phrase than {rival}-{after}.",
            "pace": f"The chord changes here, and {rival} is already the chord before or after it.",
            "plainness": f"It is a plainer chord of the style than {rival}, the next best.",
            "opening": f"A melody usually begins with it rather than with {rival}.",
            "seed": f"The seed chose it among chords that fit about as well, such as {rival}.",
        }[ground]

    def _melody(self) -> str:
        fit = self.costs.fit[self.run.first : self.run.last + 1].sum(axis=0)
        chords = self.costs.style.chords
        fitting = {_pitch_class_set(chords[index]) for index in np.flatnonzero(fit < _NO_COST).tolist()}
        is_exact = fit[self.path[self.run.first]] < _NO_COST
        if is_exact and len(fitting) == 1:
            return f"It is the only chord of the style that contains {self.melody}."
        if is_exact:
            return f"It contains {self.melody} of the melody; {self.rival.numeral} does not."
        return f"It fits {self.melody} of the melody better than {self.rival.numeral}."

    def _numeral(self, at: int) -> str:
        return self.costs.style.chords[self.path[at]].numeral if 0 <= at < len(self.path) else ""

    def _frequency(self, at: int) -> str:
        """Return how usual the succession from a segment to the next is; an empty text at either end."""
        if not 0 <= at < len(self.path) - 1:
            return ""
        cost = float(self.costs.style.moves[self.path[at], self.path[at + 1]])
        return "usually" if cost <= _USUAL else "sometimes" if cost <= _SOMETIMES else "rarely"
