"""Why a chord was chosen: what would have been dearer with the next best one, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.progression import Choices
from music21_server.composition.harmonization.style import Costs

Ground = Literal[
    "melody", "cadence", "preparation", "approach", "departure", "pace", "plainness", "opening", "seed",
    "voices",
]  # fmt: skip

_NO_COST: Final = 0.01
_AS_A_RULE, _SOMETIMES = 0.4, 1.2
"""Up to which cost a succession is usual, or not rare."""


@dataclass(frozen=True)
class Reason:
    """Why a chord was chosen.

    Attributes:
        ground: What spoke for it most.
        text: The same as a sentence.
        next_best: Numeral of the best other chord, its neighbours staying as they are; empty for none.
        lead: By how much that would have been dearer; below zero where the voices had the last word.
    """

    ground: Ground
    text: str
    next_best: str
    lead: float


@dataclass(frozen=True)
class Run:
    """Segments that have one chord.

    Attributes:
        first: Index of the first one.
        last: Index of the last one.
    """

    first: int
    last: int


def reason(choices: Choices, path: Sequence[int], wanted: Sequence[int], run: Run, melody: str) -> Reason:
    """Return why a chord was chosen.

    Args:
        choices: Costs of all chords.
        path: The chords that were chosen, one for each segment.
        wanted: Those that would have been without regard to voices.
        run: Where it is.
        melody: Names of the melody's notes in it, as in a sentence.
    """
    chords = choices.style.chords
    chosen = path[run.first]
    is_other = np.array([_is_other(chord, chords[chosen]) for chord in chords])
    if not is_other.any():
        return Reason("plainness", "It is the only chord of the style.", "", 0.0)
    parts = _parts(choices, path, run)
    total = sum(parts.values(), np.zeros(len(chords)))
    rival = int(np.where(is_other, total, np.inf).argmin())
    lead = round(float(total[rival] - total[chosen]), 3)
    hoped = next((each for each in wanted[run.first : run.last + 1] if is_other[each]), None)
    if hoped is not None:
        text = f"{chords[hoped].numeral} is wanted here too, but its voices would lead worse."
        return Reason("voices", text, chords[rival].numeral, lead)
    gains = {ground: float(costs[rival] - costs[chosen]) for ground, costs in parts.items()}
    ground = max(gains, key=lambda each: gains[each])
    told = _Telling(choices, path, run, chords[rival], melody)
    return Reason(ground, told.text(ground), chords[rival].numeral, lead)


def _is_other(chord: Chord, chosen: Chord) -> bool:
    return chord.degree != chosen.degree and _kind(chord) != _kind(chosen)


def _kind(chord: Chord) -> frozenset[int]:
    return frozenset(chord.pitch_classes)


def _parts(choices: Choices, path: Sequence[int], run: Run) -> dict[Ground, Costs]:
    """Return what each chord would cost in a run, by grounds; its neighbours stay as they are."""
    style = choices.style
    inside = slice(run.first, run.last + 1)
    none = np.zeros(len(style.chords))
    parts: dict[Ground, Costs] = {
        "melody": choices.fit[inside].sum(axis=0), "plainness": choices.metre[inside].sum(axis=0),
        "seed": choices.chance[inside].sum(axis=0), "approach": none, "cadence": none, "departure": none,
        "preparation": none, "pace": none, "opening": none,
    }  # fmt: skip
    if run.first == 0:
        parts["opening"] = style.opening
        parts["plainness"] = parts["plainness"] - style.opening
    else:
        before = path[run.first - 1]
        parts["approach"] = style.moves[before]
        parts["cadence"] = choices.cadence(run.first)[before]
        parts["pace"] = choices.pace(run.first)[before]
    if run.last + 1 < len(path):
        after = path[run.last + 1]
        parts["departure"] = style.moves[:, after]
        parts["preparation"] = choices.cadence(run.last + 1)[:, after]
        parts["pace"] = parts["pace"] + choices.pace(run.last + 1)[:, after]
    return parts


@dataclass(frozen=True)
class _Telling:
    """Puts a ground into words."""

    choices: Choices
    path: Sequence[int]
    run: Run
    rival: Chord
    melody: str

    def text(self, ground: Ground) -> str:
        chosen, rival = self._numeral(self.run.first), self.rival.numeral
        before, after = self._numeral(self.run.first - 1), self._numeral(self.run.last + 1)
        return {
            "melody": self._melody(),
            "approach": f"{before} goes to {chosen} {self._often(self.run.first - 1)}, {rival} is rarer.",
            "departure": f"It goes on to {after} {self._often(self.run.last)}, which {rival} does less.",
            "cadence": f"The end of the phrase asks for {before}-{chosen}; {before}-{rival} closes it less.",
            "preparation": f"The phrase is about to end: {chosen}-{after} closes it better than "
            f"{rival}-{after}.",
            "pace": f"A chord changes here, and {rival} would be the chord before or after it.",
            "plainness": f"It is a plainer chord of the style than {rival}, which would be the next best.",
            "opening": f"A melody begins with it rather than with {rival}.",
            "seed": f"The seed chose it among chords that do about as well, such as {rival}.",
        }[ground]

    def _melody(self) -> str:
        fit = self.choices.fit[self.run.first : self.run.last + 1].sum(axis=0)
        chords = self.choices.style.chords
        fitting = {_kind(chords[index]) for index in np.flatnonzero(fit < _NO_COST).tolist()}
        is_exact = fit[self.path[self.run.first]] < _NO_COST
        if is_exact and len(fitting) == 1:
            return f"It is the only chord of the style that has {self.melody}."
        if is_exact:
            return f"It has {self.melody} of the melody, {self.rival.numeral} has not."
        return f"It fits {self.melody} of the melody better than {self.rival.numeral}."

    def _numeral(self, at: int) -> str:
        return self.choices.style.chords[self.path[at]].numeral if 0 <= at < len(self.path) else ""

    def _often(self, at: int) -> str:
        """Return how usual the succession from a segment to the next is; nothing at either end."""
        if not 0 <= at < len(self.path) - 1:
            return ""
        cost = float(self.choices.style.moves[self.path[at], self.path[at + 1]])
        return "as a rule" if cost <= _AS_A_RULE else "now and then" if cost <= _SOMETIMES else "rarely"
