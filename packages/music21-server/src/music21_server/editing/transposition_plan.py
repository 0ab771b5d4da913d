"""By which interval each passage of a score is transposed, so that its key can be written.

One interval holds for the whole score where its signatures allow it: the one asked for, or else one that
sounds alike. Only where no one interval serves (a piece that has both five flats and five sharps, raised by a
semitone) do passages differ, by the signature that they stand under.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.editing.intervals import SEMITONES, Interval
from music21_server.errors import ScoreError
from music21_server.score.spelling import pitch_name
from music21_server.score.table import NOTE, Score
from music21_server.theory.pitch.intervals import line_of_fifths
from music21_server.theory.pitch.names import Key
from music21_server.theory.pitch.transposition import written_pitches

_MOST_SHARPS: Final = 7
_HIGHEST_OCTAVE: Final = 9
_RESPELLINGS: Final = (0, 1, -1, 2, -2)
"""Steps by which an interval may be spelled otherwise, in the order in which they are tried."""


@dataclass(frozen=True)
class Plan:
    """By which interval music is transposed.

    Attributes:
        interval: Where nothing else is said.
        exceptions: Others, by the sharps of the written signature (flats below zero) that they are for.
    """

    interval: Interval
    exceptions: Mapping[int, Interval]

    def under(self, fifths: int) -> Interval:
        """Return the interval for what stands under a signature."""
        return self.exceptions.get(fifths, self.interval)


def plan_of(score: Score, parts: Collection[int], interval: Interval) -> Plan:
    """Return how some parts are transposed by an interval.

    Args:
        score: Whose parts.
        parts: Indices.
        interval: As asked for.
    """
    signatures = _signatures(score, parts)
    ways = [interval.respelled(steps) for steps in _RESPELLINGS]
    for way in ways:
        if all(_is_writable(fifths, way) for fifths in signatures):
            return Plan(way, {})
    by_fifths = {
        fifths: min(ways, key=lambda way: abs(fifths + way.fifths))
        for fifths in signatures
        if not _is_writable(fifths, interval)
    }
    return Plan(interval, by_fifths)


def _signatures(score: Score, parts: Collection[int]) -> set[int]:
    return {key.fifths for key in score.keys if key.part in parts} or {0}


def _is_writable(fifths: int, interval: Interval) -> bool:
    """Tell whether a signature may become what it becomes; one that was too far already may stay so."""
    return abs(fifths + interval.fifths) <= max(_MOST_SHARPS, abs(fifths))


def interval_of_semitones(score: Score, parts: Collection[int], semitones: int) -> Interval:
    """Return the interval of so many semitones that is the easiest to read: fewest signs in signatures that
    can be written, then in notes.

    Args:
        score: Whose parts.
        parts: Indices.
        semitones: Up, or down below zero.
    """
    octaves, simple = divmod(abs(semitones), 12)
    around = [steps for steps, natural in enumerate(SEMITONES) if abs(natural - simple) <= 1]
    ways = [Interval(7 * octaves + steps, abs(semitones)) for steps in around]
    if simple == 11:
        ways.append(Interval(7 * octaves + 7, abs(semitones)))  # a diminished octave
    if semitones < 0:
        ways = [way.down for way in ways]
    signatures = _signatures(score, parts)
    table = score.notes
    rows = np.isin(table.part, list(parts)) & (table.kind == NOTE)
    places = line_of_fifths(written_pitches(score))[rows] / 100 - 2  # seen from D, the middle of the naturals

    def cost(way: Interval) -> tuple[int, int, float, int]:
        after = [abs(fifths + way.fifths) for fifths in signatures]
        far = sum(not _is_writable(fifths, way) for fifths in signatures)
        signs = float(np.maximum(np.abs(places + way.fifths) - 3, 0).sum())
        return far, max(after), signs, abs(way.fifths)

    return min(ways, key=cost)


def interval_to_key(of: Key, to: Key, direction: str | None) -> Interval:
    """Return the interval from one tonic to another.

    Args:
        of: The key of the score.
        to: The key wanted.
        direction: ``up``, ``down``, or None for the nearer way (up, where both are as near).

    Raises:
        ScoreError: One is major and the other minor.
    """
    if of.mode != to.mode:
        raise ScoreError(
            f"Expected a {of.mode} key, as the score is in {of.text} and transposition keeps the mode; got "
            f"{to.text}. If the score is in another key, say in which (from_key)."
        )
    steps = (to.tonic[0] - of.tonic[0]) % 7
    natural = (SEMITONES[to.tonic[0]] - SEMITONES[of.tonic[0]]) % 12
    up = Interval(steps, natural + (to.tonic[1] - of.tonic[1]) // 100)
    down = Interval(up.steps - 7, up.semitones - 12)
    if up.semitones < 0 or (up.semitones == 0 and up.steps > 0):
        up, down = Interval(up.steps + 7, up.semitones + 12), up  # such as from C flat to B
    if up == Interval(0, 0):
        down = Interval(-7, -12) if direction == "down" else up
        up = Interval(7, 12) if direction == "up" else up
    if direction == "up" or (direction is None and up.semitones <= -down.semitones):
        return up
    return down


def check_range(score: Score, rows: np.ndarray, interval: Interval) -> None:
    """Check that pitches can be written after a transposition.

    Args:
        score: Whose notes.
        rows: Which of them move.
        interval: By how much.

    Raises:
        ScoreError: One leaves octaves 0 to 9.
    """
    table = score.notes
    octaves = table.octave[rows] + (table.step[rows] + interval.steps) // 7
    beyond = np.flatnonzero((octaves < 0) | (octaves > _HIGHEST_OCTAVE))
    if not len(beyond):
        return
    row = np.flatnonzero(rows)[beyond[0]]
    old = pitch_name(int(table.step[row]), int(table.alter_cents[row]), int(table.octave[row]))
    raise ScoreError(
        f"Expected an interval after which all notes are in octaves 0 to {_HIGHEST_OCTAVE}, got "
        f"{interval.name}, with which {old} would be in octave {int(octaves[beyond[0]])}: ask for a smaller "
        "one, or the other direction."
    )
