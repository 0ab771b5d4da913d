"""Writes cantus and counterpoint as a score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from music21_server.composition.counterpoint.rhythms import MEASURE_EIGHTHS
from music21_server.composition.counterpoint.solution import Note
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.note_table import note_table
from music21_server.score.table import (
    NO_TIE,
    NOTE,
    REST,
    TIE_START,
    TIE_STOP,
    KeyChange,
    Part,
    Score,
    TempoChange,
    TimeChange,
)

_TICKS_PER_QUARTER: Final = 2
_TEMPO: Final = 120.0
_ORDINALS: Final = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}


def score_of(task: Task, notes: Sequence[Note]) -> Score:
    """Return the cantus of a task and the notes of a counterpoint as a score, the upper voice first."""
    cantus = [Note(measure, 0, MEASURE_EIGHTHS, tone) for measure, tone in enumerate(task.cantus)]
    voices = [("Counterpoint", list(notes)), ("Cantus firmus", cantus)]
    if task.position == "below":
        voices.reverse()
    rows = [
        _row(part, note, _tie(line, index))
        for part, (_, line) in enumerate(voices)
        for index, note in enumerate(line)
    ]
    ticks = np.full(task.measures, MEASURE_EIGHTHS, dtype=np.int64)
    mode, ordinal = task.mode, _ORDINALS[task.species]
    signature_mode = {"ionian": "major", "aeolian": "minor"}.get(mode.kind, mode.kind)
    return Score(
        title=f"Counterpoint of the {ordinal} species {task.position} a cantus in {mode.text}",
        composer="",
        parts=tuple(Part(f"P{index + 1}", name) for index, (name, _) in enumerate(voices)),
        notes=note_table(rows, _TICKS_PER_QUARTER),
        measure_numbers=tuple(str(index + 1) for index in range(task.measures)),
        measure_ticks=ticks,
        own_ticks=np.tile(ticks, (2, 1)),
        keys=tuple(KeyChange(part, 0, 0, mode.signature_fifths, signature_mode) for part in (0, 1)),
        times=tuple(TimeChange(part, 0, 0, "4/4", MEASURE_EIGHTHS) for part in (0, 1)),
        tempos=(TempoChange(0, 0, 0, _TEMPO),),
    )


def _tie(line: Sequence[Note], index: int) -> int:
    if line[index].is_tied:
        return TIE_STOP
    is_held = index + 1 < len(line) and line[index + 1].is_tied
    return TIE_START if is_held else NO_TIE


def _row(part: int, note: Note, tie: int) -> tuple[int, ...]:
    if note.tone is None:
        return part, note.measure, note.onset, note.duration, REST, 0, 0, 0, tie
    step, alter_cents = note.tone.name
    octave = note.tone.place // 7
    return part, note.measure, note.onset, note.duration, NOTE, step, alter_cents, octave, tie
