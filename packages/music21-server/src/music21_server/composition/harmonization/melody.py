"""The melody to harmonise: one line of single notes, taken unchanged from a score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from music21_server.errors import ScoreError
from music21_server.score.spelling import pitch_name
from music21_server.score.table import (
    NOTE,
    TIE_CONTINUE,
    TIE_STOP,
    UNPITCHED,
    Booleans,
    Integers,
    KeyChange,
    NoteTable,
    Part,
    Score,
    Transposition,
)
from music21_server.theory.pitch.names import Name
from music21_server.theory.pitch.transposition import sounding_pitches
from music21_server.writing.selection import extract, measure_number, select_parts

MOST_NOTES: Final = 2_000
"""Limit for one melody: about two hundred bars, which take several seconds."""


@dataclass(frozen=True)
class MelodyNote:
    """A note of the melody; tied notes are joined.

    Attributes:
        start: Ticks since the beginning of the score.
        end: Ticks since the beginning of the score.
        pitch: MIDI number.
        name: Name without the octave.
    """

    start: int
    end: int
    pitch: int
    name: Name


@dataclass(frozen=True)
class Melody:
    """A single line.

    Attributes:
        score: The line alone at sounding pitch, in voice 0 of one part, with signatures, tempos and fermatas.
        notes: Its notes in time order, without grace notes and cues.
        source: Name of the part that it was taken from.
    """

    score: Score
    notes: tuple[MelodyNote, ...]
    source: str


def melody_of(score: Score, part: str | None = None) -> Melody:
    """Return the melody in a part of a score.

    Args:
        score: Score with any number of parts.
        part: Name of the part, or its number from 1; None for the first part that has notes.

    Raises:
        ScoreError: There is no such part, or it is not a single line of pitched notes.
    """
    index = _part(score, part)
    line = _line(score, index)
    name = score.parts[index].name or f"Part {index + 1}"
    table = line.notes
    rows = np.flatnonzero(_counts(table))
    if not len(rows):
        is_percussion = bool((table.kind == UNPITCHED).any())
        content = "only unpitched ones" if is_percussion else "none (rests and grace notes do not count)"
        raise ScoreError(
            f"Expected a melody with pitched notes, got {content} in {name}: name another part, or send the "
            "melody."
        )
    _check_single(line, rows, name)
    notes = _join_tied(line, rows)
    if len(notes) > MOST_NOTES:
        raise ScoreError(
            f"Expected a melody of at most {MOST_NOTES:,} notes, got {len(notes):,} in {name}: harmonise it "
            "in sections (score_slice)."
        )
    return Melody(line, notes, name)


def _part(score: Score, part: str | None) -> int:
    if part is not None:
        return select_parts(score, [part])[0]
    parts = score.notes.part[_counts(score.notes)]
    return int(parts.min()) if len(parts) else 0


def _counts(table: NoteTable) -> Booleans:
    counts: Booleans = (table.kind == NOTE) & ~table.grace & ~table.cue & (table.duration > 0)
    return counts


def _line(score: Score, index: int) -> Score:
    """Return one part as a score at sounding pitch, without voices that have no notes."""
    if not len(score.parts) or not len(score.measure_ticks):
        raise ScoreError("Expected a score with a melody, got one without measures: import another one.")
    bars = int(np.count_nonzero(score.own_ticks[index] >= 0))
    line = extract(score, range(bars), [index])
    table, pitches = line.notes, sounding_pitches(line)
    counts = _counts(table)
    voices = np.unique(table.voice[counts])
    rows = np.flatnonzero(np.isin(table.voice, voices) | (len(voices) == 0))
    if len(voices) > 1:  # rests of one voice coincide with notes of another
        rows = rows[table.kind[rows] == NOTE]
        rows = rows[np.lexsort((table.onset[rows], table.measure[rows]))]
    zeros = np.zeros(len(rows), dtype=np.int64)
    notes = replace(
        table,
        **{name: getattr(table, name)[rows] for name in _COPIED_COLUMNS},
        **{name: getattr(pitches, name)[rows] for name in ("step", "alter_cents", "octave")},
        part=zeros,
        voice=zeros,
        node=np.arange(len(rows)),
    )
    return replace(
        line,
        notes=notes,
        parts=(Part("P1", "Melody"),),
        measure_ticks=line.own_ticks[0].copy(),
        keys=tuple(_sounding_key(key, line.parts[0].transpositions) for key in line.keys),
    )


_COPIED_COLUMNS: Final = ("measure", "onset", "duration", "kind", "tie", "grace", "cue")


def _sounding_key(key: KeyChange, transpositions: tuple[Transposition, ...]) -> KeyChange:
    """Return a key signature at sounding pitch."""
    earlier = [change for change in transpositions if change.measure <= key.measure]
    # An interval of d steps and c semitones is 7c - 12d fifths.
    shift = 7 * earlier[-1].chromatic - 12 * earlier[-1].diatonic if earlier else 0
    return replace(key, fifths=_within_seven(key.fifths + shift))


def _within_seven(fifths: int) -> int:
    return fifths if abs(fifths) <= 7 else (fifths + 6) % 12 - 6


def _check_single(line: Score, rows: Integers, name: str) -> None:
    """Raise ScoreError for chords, simultaneous voices and quarter tones."""
    table = line.notes
    start = line.measure_starts[table.measure[rows]] + table.onset[rows]
    order = np.argsort(start, kind="stable")
    rows, start = rows[order], start[order]
    end = start + table.duration[rows]
    clashes = np.flatnonzero(start[1:] < end[:-1])
    if len(clashes):
        first, second = (_note_name(table, int(rows[clashes[0] + place])) for place in (0, 1))
        number = measure_number(line, int(table.measure[rows[clashes[0] + 1]]))
        raise ScoreError(
            f"Expected a melody of single notes, got {first} and {second} at once in measure {number} of "
            f"{name}: name a part with one line, or send the melody alone."
        )
    between = np.flatnonzero(table.alter_cents[rows] % 100)
    if len(between):
        row = int(rows[between[0]])
        raise ScoreError(
            f"Expected a melody of semitones, got {_note_name(table, row)} in measure "
            f"{measure_number(line, int(table.measure[row]))} of {name}: replace quarter tones."
        )


def _note_name(table: NoteTable, row: int) -> str:
    return pitch_name(int(table.step[row]), int(table.alter_cents[row]), int(table.octave[row]))


def _join_tied(line: Score, rows: Integers) -> tuple[MelodyNote, ...]:
    """Return the notes, with tied notes joined."""
    table = line.notes
    starts = line.measure_starts[table.measure[rows]] + table.onset[rows]
    notes: list[MelodyNote] = []
    for row, start in zip(rows.tolist(), starts.tolist(), strict=True):
        pitch = int(table.written_cents[row]) // 100
        end = start + int(table.duration[row])
        is_tied = table.tie[row] in (TIE_STOP, TIE_CONTINUE)
        if is_tied and notes and notes[-1].end == start and notes[-1].pitch == pitch:
            notes[-1] = replace(notes[-1], end=end)
        else:
            notes.append(MelodyNote(start, end, pitch, (int(table.step[row]), int(table.alter_cents[row]))))
    return tuple(notes)
