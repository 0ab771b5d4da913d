"""How well chords fit the melody: notes that belong to them, and notes that pass.

Kinds of non-chord tones and what makes each acceptable are those of Kostka and Payne, *Tonal Harmony*,
chapters 11 and 12: how the note is reached, how it is left, and whether it is accented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.melody import Melody
from music21_server.composition.harmonization.segments import Segment

Costs = npt.NDArray[np.float64]

NonChordTone = Literal[
    "passing tone", "accented passing tone", "neighbour tone", "accented neighbour tone", "suspension",
    "anticipation", "appoggiatura", "escape tone", "incomplete neighbour", "tension", "free dissonance",
]  # fmt: skip

_COSTS: Final[Mapping[NonChordTone, float]] = {
    "tension": 0.15, "passing tone": 0.3, "neighbour tone": 0.35, "suspension": 0.9, "anticipation": 0.6,
    "accented passing tone": 1.2, "accented neighbour tone": 1.4, "appoggiatura": 2.0, "escape tone": 1.8,
    "incomplete neighbour": 1.8, "free dissonance": 6.0,
}  # fmt: skip
"""In units of one unusual succession of chords; ours, in the order of the textbook's reserve."""

_CLOSING_TONE_COST: Final = 8.0
"""A note that a phrase rests on belongs to its chord."""

_SEVENTH_COST: Final = 1.5
"""The melody has a chord's seventh and does not go down by step."""

_STEP: Final = (1, 2)
"""Semitones."""


@dataclass(frozen=True)
class Sounding:
    """A note of the melody within a segment.

    Attributes:
        note: Its index in the melody.
        pitch_class: Of it.
        kind: What it is, where it does not belong to the chord.
        cost: Of not belonging to the chord.
        is_rest: Whether a phrase rests on it.
        goes_down: Whether the next other note is a step lower, or there is none.
        weight: How long it sounds in the segment, in beats.
    """

    note: int
    pitch_class: int
    kind: NonChordTone
    cost: float
    is_rest: bool
    goes_down: bool
    weight: float


def soundings(melody: Melody, segments: Sequence[Segment]) -> tuple[tuple[Sounding, ...], ...]:
    """Return the notes of each segment."""
    return tuple(tuple(_sounding(melody, segment, note) for note in segment.notes) for segment in segments)


def _sounding(melody: Melody, segment: Segment, index: int) -> Sounding:
    notes = melody.notes
    note = notes[index]
    is_accented = note.start <= segment.start
    to_note = note.pitch - notes[index - 1].pitch if index else 99
    from_note = notes[index + 1].pitch - note.pitch if index + 1 < len(notes) else 99
    if index and notes[index - 1].end < note.start:
        to_note = 99
    if index + 1 < len(notes) and notes[index + 1].start > note.end:
        from_note = 99
    is_held = note.start < segment.start
    goes_on = note.end > segment.end
    kind = _kind(to_note, from_note, is_accented=is_accented, is_held=is_held, goes_on=goes_on)
    beats = (
        segment.beats
        * (min(note.end, segment.end) - max(note.start, segment.start))
        / (segment.end - segment.start)
    )
    weight = min(max(beats, 0.5), 2.0)
    is_rest = bool(segment.closes) and index == segment.notes[-1]
    return Sounding(
        note=index,
        pitch_class=note.pitch % 12,
        kind=kind,
        cost=_COSTS[kind] * weight + _CLOSING_TONE_COST * (segment.closes if is_rest else 0.0),
        is_rest=is_rest,
        goes_down=from_note == 99 or -from_note in _STEP or from_note == 0 or goes_on,
        weight=weight,
    )


def _kind(to_note: int, from_note: int, *, is_accented: bool, is_held: bool, goes_on: bool) -> NonChordTone:
    """Return what a note is that does not belong to the chord.

    Args:
        to_note: Semitones from the note before; 99 where there is none.
        from_note: Semitones to the next note; 99 where there is none.
        is_accented: Whether it sounds when the chord begins.
        is_held: Whether it sounded before.
        goes_on: Whether it sounds beyond the chord.
    """
    is_reached, is_left = abs(to_note) in _STEP, abs(from_note) in _STEP
    if is_accented and (is_held or to_note == 0) and not goes_on and -from_note in _STEP:
        return "suspension"
    if not is_accented and (from_note == 0 or goes_on):
        return "anticipation"
    if goes_on or is_held or not (is_reached or is_left):
        return "free dissonance"
    goes_through = (to_note > 0) == (from_note > 0)
    plain, accented = _BY_WAY[is_reached, is_left, goes_through or not (is_reached and is_left)]
    return accented if is_accented else plain


_BY_WAY: Final[Mapping[tuple[bool, bool, bool], tuple[NonChordTone, NonChordTone]]] = {
    (True, True, True): ("passing tone", "accented passing tone"),
    (True, True, False): ("neighbour tone", "accented neighbour tone"),
    (False, True, True): ("incomplete neighbour", "appoggiatura"),
    (True, False, True): ("escape tone", "free dissonance"),
}
"""Whether it is reached by step, is left by step, and goes the same way; what it is off and on the beat."""


def fit_costs(
    chords: Sequence[Chord], notes: Sequence[Sequence[Sounding]], *, tension: float, dissonance: float
) -> Costs:
    """Return what it costs to put each chord under each segment.

    Args:
        chords: At absolute pitch classes.
        notes: Of each segment.
        tension: Factor of the cost of notes that are tensions of a chord.
        dissonance: Factor of the cost of other notes that do not belong to it.

    Returns:
        Segments by chords.
    """
    is_member = np.zeros((len(chords), 12), dtype=np.bool_)
    is_tension = np.zeros((len(chords), 12), dtype=np.bool_)
    sevenths = np.full(len(chords), -1)
    for index, chord in enumerate(chords):
        is_member[index, list(chord.pitch_classes)] = True
        is_tension[index, list(chord.tensions)] = True
        sevenths[index] = -1 if chord.seventh is None else chord.seventh
    found = np.zeros((len(notes), len(chords)))
    for segment, each in enumerate(notes):
        for sounding in each:
            tone = sounding.pitch_class
            inside = np.where(is_tension[:, tone], tension * _COSTS["tension"], dissonance * sounding.cost)
            found[segment] += np.where(is_member[:, tone], 0.0, inside)
            if not sounding.goes_down:
                found[segment] += np.where(sevenths == tone, _SEVENTH_COST, 0.0)
    return found
