"""Cost of putting a chord under the notes of the melody.

Non-chord tones are classified as in Kostka and Payne, *Tonal Harmony*, chapters 11 and 12: by how the note is
approached, how it is left, and whether it is accented.
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
"""Cost of each kind, where an unusual chord succession costs 1; the values are our own, ordered as in the
textbook."""

_CLOSING_TONE_COST: Final = 8.0
"""Additional cost of a non-chord tone at the end of a phrase."""

_SEVENTH_COST: Final = 1.5
"""Cost of a chord's seventh in the melody that does not resolve down by step."""

_STEP_SEMITONES: Final = (1, 2)
_NO_NOTE: Final = 99
"""Stands for the interval to a note that does not exist or does not adjoin."""


@dataclass(frozen=True)
class SegmentNote:
    """A note of the melody within a segment.

    Attributes:
        note: Index of the note in the melody.
        pitch_class: Pitch class of the note.
        kind: Kind of non-chord tone, if the note does not belong to the chord.
        cost: Cost of not belonging to the chord.
        is_closing: Whether a phrase ends with it.
        resolves_down: Whether the next note is the same or a step lower, or there is none.
        weight: Its duration within the segment in beats, from 0.5 to 2.
    """

    note: int
    pitch_class: int
    kind: NonChordTone
    cost: float
    is_closing: bool
    resolves_down: bool
    weight: float


def segment_notes(melody: Melody, segments: Sequence[Segment]) -> tuple[tuple[SegmentNote, ...], ...]:
    """Return the notes of the melody in each segment."""
    return tuple(
        tuple(_segment_note(melody, segment, note) for note in segment.notes) for segment in segments
    )


def _segment_note(melody: Melody, segment: Segment, index: int) -> SegmentNote:
    notes = melody.notes
    note = notes[index]
    is_accented = note.start <= segment.start
    approach, departure = _NO_NOTE, _NO_NOTE
    if index and notes[index - 1].end >= note.start:
        approach = note.pitch - notes[index - 1].pitch
    if index + 1 < len(notes) and notes[index + 1].start <= note.end:
        departure = notes[index + 1].pitch - note.pitch
    is_held = note.start < segment.start
    continues = note.end > segment.end
    kind = _kind(approach, departure, is_accented=is_accented, is_held=is_held, continues=continues)
    beats = (
        segment.beats
        * (min(note.end, segment.end) - max(note.start, segment.start))
        / (segment.end - segment.start)
    )
    weight = min(max(beats, 0.5), 2.0)
    is_closing = bool(segment.closes) and index == segment.notes[-1]
    return SegmentNote(
        note=index,
        pitch_class=note.pitch % 12,
        kind=kind,
        cost=_COSTS[kind] * weight + _CLOSING_TONE_COST * (segment.closes if is_closing else 0.0),
        is_closing=is_closing,
        resolves_down=departure in (_NO_NOTE, 0) or -departure in _STEP_SEMITONES or continues,
        weight=weight,
    )


def _kind(
    approach: int, departure: int, *, is_accented: bool, is_held: bool, continues: bool
) -> NonChordTone:
    """Return the kind of a non-chord tone.

    Args:
        approach: Semitones from the previous note, or `_NO_NOTE`.
        departure: Semitones to the next note, or `_NO_NOTE`.
        is_accented: Whether it sounds when the chord begins.
        is_held: Whether it began before the chord.
        continues: Whether it sounds on after the chord.
    """
    by_step, to_step = abs(approach) in _STEP_SEMITONES, abs(departure) in _STEP_SEMITONES
    if is_accented and (is_held or approach == 0) and not continues and -departure in _STEP_SEMITONES:
        return "suspension"
    if not is_accented and (departure == 0 or continues):
        return "anticipation"
    if continues or is_held or not (by_step or to_step):
        return "free dissonance"
    is_same_direction = (approach > 0) == (departure > 0)
    unaccented, accented = _KINDS[by_step, to_step, is_same_direction or not (by_step and to_step)]
    return accented if is_accented else unaccented


_KINDS: Final[Mapping[tuple[bool, bool, bool], tuple[NonChordTone, NonChordTone]]] = {
    (True, True, True): ("passing tone", "accented passing tone"),
    (True, True, False): ("neighbour tone", "accented neighbour tone"),
    (False, True, True): ("incomplete neighbour", "appoggiatura"),
    (True, False, True): ("escape tone", "free dissonance"),
}
"""Unaccented and accented kind, by whether the note is approached by step, is left by step, and moves on in
the same direction."""


def fit_costs(
    chords: Sequence[Chord], notes: Sequence[Sequence[SegmentNote]], *, tension: float, dissonance: float
) -> Costs:
    """Return the cost of each chord under each segment, segments by chords.

    Args:
        chords: Chords to choose from.
        notes: Notes of the melody in each segment.
        tension: Factor of the cost of notes that are tensions of a chord.
        dissonance: Factor of the cost of other non-chord tones.
    """
    is_member = np.zeros((len(chords), 12), dtype=np.bool_)
    is_tension = np.zeros((len(chords), 12), dtype=np.bool_)
    sevenths = np.full(len(chords), -1)
    for index, chord in enumerate(chords):
        is_member[index, list(chord.pitch_classes)] = True
        is_tension[index, list(chord.tensions)] = True
        sevenths[index] = -1 if chord.seventh is None else chord.seventh
    costs = np.zeros((len(notes), len(chords)))
    for segment, notes_of_segment in enumerate(notes):
        for note in notes_of_segment:
            tone = note.pitch_class
            outside = np.where(is_tension[:, tone], tension * _COSTS["tension"], dissonance * note.cost)
            costs[segment] += np.where(is_member[:, tone], 0.0, outside)
            if not note.resolves_down:
                costs[segment] += np.where(sevenths == tone, _SEVENTH_COST, 0.0)
    return costs
