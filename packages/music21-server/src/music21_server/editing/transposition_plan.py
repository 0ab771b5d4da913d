"""Choose the interval for each passage of a score so that its new key signature can be written.

If possible, one interval serves the whole score: the requested one, or an enharmonic equivalent. Otherwise (a
piece with both five flats and five sharps, raised by a semitone) the interval depends on the key signature.
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

_MAX_SHARPS: Final = 7
_HIGHEST_OCTAVE: Final = 9
_RESPELLINGS: Final = (0, 1, -1, 2, -2)
"""Steps by which an interval may be respelled, in the order in which they are tried."""


@dataclass(frozen=True)
class TranspositionPlan:
    """Interval for each key signature.

    Attributes:
        interval: Interval under all signatures without an exception.
        exceptions: Other intervals by the old signature's number of sharps (flats negative).
    """

    interval: Interval
    exceptions: Mapping[int, Interval]

    def interval_for(self, fifths: int) -> Interval:
        """Return the interval for music under a signature with this many sharps."""
        return self.exceptions.get(fifths, self.interval)


def plan_transposition(score: Score, parts: Collection[int], interval: Interval) -> TranspositionPlan:
    """Return the plan for transposing some parts by an interval.

    Args:
        parts: Indices of the parts to transpose.
        interval: Requested interval.
    """
    signatures = _signatures(score, parts)
    candidates = [interval.respelled(steps) for steps in _RESPELLINGS]
    for candidate in candidates:
        if all(_is_writable(fifths, candidate) for fifths in signatures):
            return TranspositionPlan(candidate, {})
    exceptions = {
        fifths: min(candidates, key=lambda candidate: abs(fifths + candidate.fifths))
        for fifths in signatures
        if not _is_writable(fifths, interval)
    }
    return TranspositionPlan(interval, exceptions)


def _signatures(score: Score, parts: Collection[int]) -> set[int]:
    return {key.fifths for key in score.keys if key.part in parts} or {0}


def _is_writable(fifths: int, interval: Interval) -> bool:
    """Return whether the new signature has at most seven sharps or flats, or no more than the old one."""
    return abs(fifths + interval.fifths) <= max(_MAX_SHARPS, abs(fifths))


def interval_of_semitones(score: Score, parts: Collection[int], semitones: int) -> Interval:
    """Return the spelling of a number of semitones that is easiest to read: the one with the fewest sharps
    and flats, first in signatures, then in notes.

    Args:
        parts: Indices of the parts to transpose.
        semitones: Number of semitones, negative downwards.
    """
    octaves, simple = divmod(abs(semitones), 12)
    nearby = [steps for steps, natural in enumerate(SEMITONES) if abs(natural - simple) <= 1]
    candidates = [Interval(7 * octaves + steps, abs(semitones)) for steps in nearby]
    if simple == 11:
        candidates.append(Interval(7 * octaves + 7, abs(semitones)))  # diminished octave
    if semitones < 0:
        candidates = [candidate.down for candidate in candidates]
    signatures = _signatures(score, parts)
    table = score.notes
    rows = np.isin(table.part, list(parts)) & (table.kind == NOTE)
    # Counted from D, which is the middle of the naturals on the line of fifths.
    positions = line_of_fifths(written_pitches(score))[rows] / 100 - 2

    def cost(candidate: Interval) -> tuple[int, int, float, int]:
        most_sharps = max(abs(fifths + candidate.fifths) for fifths in signatures)
        unwritable = sum(not _is_writable(fifths, candidate) for fifths in signatures)
        accidentals = float(np.maximum(np.abs(positions + candidate.fifths) - 3, 0).sum())
        return unwritable, most_sharps, accidentals, abs(candidate.fifths)

    return min(candidates, key=cost)


def interval_to_key(present: Key, target: Key, direction: str | None) -> Interval:
    """Return the interval from one tonic to another.

    Args:
        present: Key of the score.
        target: Key to transpose to.
        direction: ``up``, ``down``, or None for the shorter way (up if both are equal).

    Raises:
        ScoreError: One key is major and the other minor.
    """
    if present.mode != target.mode:
        raise ScoreError(
            f"Expected a {present.mode} key, because the score is in {present.text} and transposition keeps "
            f"the mode, got {target.text}. If the score is in another key, pass it as from_key."
        )
    steps = (target.tonic[0] - present.tonic[0]) % 7
    natural = (SEMITONES[target.tonic[0]] - SEMITONES[present.tonic[0]]) % 12
    up = Interval(steps, natural + (target.tonic[1] - present.tonic[1]) // 100)
    down = Interval(up.steps - 7, up.semitones - 12)
    if up.semitones < 0 or (up.semitones == 0 and up.steps > 0):
        up, down = Interval(up.steps + 7, up.semitones + 12), up  # for example from C flat to B
    if up == Interval(0, 0):
        down = Interval(-7, -12) if direction == "down" else up
        up = Interval(7, 12) if direction == "up" else up
    if direction == "up" or (direction is None and up.semitones <= -down.semitones):
        return up
    return down


def check_range(score: Score, rows: np.ndarray, interval: Interval) -> None:
    """Check that all transposed notes stay in octaves 0 to 9.

    Args:
        rows: Mask of the notes to transpose.
        interval: Interval to transpose by.

    Raises:
        ScoreError: A note would leave these octaves.
    """
    table = score.notes
    octaves = table.octave[rows] + (table.step[rows] + interval.steps) // 7
    beyond = np.flatnonzero((octaves < 0) | (octaves > _HIGHEST_OCTAVE))
    if not len(beyond):
        return
    row = np.flatnonzero(rows)[beyond[0]]
    old = pitch_name(int(table.step[row]), int(table.alter_cents[row]), int(table.octave[row]))
    raise ScoreError(
        f"Expected an interval that keeps all notes in octaves 0 to {_HIGHEST_OCTAVE}, got {interval.name}, "
        f"which moves {old} to octave {int(octaves[beyond[0]])}: use a smaller interval or the other "
        "direction."
    )
