"""Writes cantus and counterpoint as a score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from music21_server.composition.counterpoint.rhythms import MEASURE_EIGHTHS
from music21_server.composition.counterpoint.solution import Note
from music21_server.composition.counterpoint.task import Task
from music21_server.composition.counterpoint.tones import Tone
from music21_server.score.table import (
    NO_TIE,
    NOTE,
    REST,
    TIE_START,
    TIE_STOP,
    KeyChange,
    NoteTable,
    Part,
    Score,
    TempoChange,
    TimeChange,
)

_TICKS_PER_QUARTER: Final = 2
_TEMPO: Final = 120.0
_ORDINALS: Final = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}


def title(task: Task) -> str:
    """Return the title of the score."""
    return (
        f"Counterpoint of the {_ORDINALS[task.species]} species {task.position} a cantus in {task.mode.text}"
    )


def score_of(task: Task, notes: Sequence[Note]) -> Score:
    """Return the two voices as a score, the upper one first.

    Args:
        task: Task that has the cantus.
        notes: Notes of the counterpoint.
    """
    cantus = [Note(measure, 0, MEASURE_EIGHTHS, tone) for measure, tone in enumerate(task.cantus)]
    voices = [("Counterpoint", list(notes)), ("Cantus firmus", cantus)]
    if task.position == "below":
        voices.reverse()
    rows = [
        (part, note, _tie(line, index))
        for part, (_, line) in enumerate(voices)
        for index, note in enumerate(line)
    ]
    ticks = np.full(task.measures, MEASURE_EIGHTHS, dtype=np.int64)
    mode = task.mode
    signature_mode = {"ionian": "major", "aeolian": "minor"}.get(mode.kind, mode.kind)
    return Score(
        title=title(task),
        composer="",
        parts=tuple(Part(f"P{index + 1}", name) for index, (name, _) in enumerate(voices)),
        notes=_table(rows),
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


def _table(rows: Sequence[tuple[int, Note, int]]) -> NoteTable:
    tones = [note.tone for _, note, _ in rows]
    names = [tone.name if tone is not None else (0, 0) for tone in tones]
    count = len(rows)
    none = np.zeros(count, dtype=np.bool_)

    def column(values: Sequence[int]) -> np.ndarray:
        return np.array(values, dtype=np.int64)

    return NoteTable(
        part=column([part for part, _, _ in rows]),
        measure=column([note.measure for _, note, _ in rows]),
        onset=column([note.onset for _, note, _ in rows]),
        duration=column([note.duration for _, note, _ in rows]),
        kind=column([NOTE if tone is not None else REST for tone in tones]),
        step=column([step for step, _ in names]),
        alter_cents=column([alter for _, alter in names]),
        octave=column([_octave(tone) for tone in tones]),
        tie=column([tie for _, _, tie in rows]),
        grace=none,
        cue=none,
        voice=column([0] * count),
        node=column(list(range(count))),
        ticks_per_quarter=_TICKS_PER_QUARTER,
    )


def _octave(tone: Tone | None) -> int:
    return tone.place // 7 if tone is not None else 0
