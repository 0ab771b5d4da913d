"""Melodic lines: each voice of each part as a succession of single notes.

Of notes that begin together in one voice (a chord) one counts, the highest unless asked otherwise: of several
notes at once the top one is heard as the melody (the "skyline" of Uitdenbogerd & Zobel, *Manipulation of
music for melody matching*, 1998). Tied notes are one note. Grace notes, cues and unpitched notes do not
count; a note that still sounds when the next one of its voice begins ends there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from music21_server.errors import ScoreError
from music21_server.score.spelling import pitch_name
from music21_server.score.table import (
    NOTE,
    TIE_CONTINUE,
    TIE_START,
    TIE_STOP,
    Booleans,
    Integers,
    NoteTable,
    Score,
)
from music21_server.theory.pitch.intervals import line_of_fifths, staff_places
from music21_server.theory.pitch.transposition import SpelledPitches

ChordNote = Literal["highest", "lowest"]
"""Which note of a chord within one voice counts."""

LONGEST_REST_QUARTERS: Final = 4
"""A longer rest ends a phrase; no pattern goes across it."""

_MOST_NAMES: Final = 24
"""Names that an error lists."""


@dataclass(frozen=True)
class Lines:
    """Melodic lines, one row per note, ordered by line and time.

    Attributes:
        names: Of each line, no two the same.
        first: Where the notes of each line begin; one more than lines.
        line: Index of the line.
        start: Ticks since the beginning of the score.
        end: Ticks since the beginning of the score, when it stops sounding.
        follows: Whether it follows upon the note before it in its line without a rest.
        step: Index of the step in `notes.STEPS`.
        alter_cents: Alteration; 100 is a sharp.
        octave: 4 begins with middle C.
        cents: Height above the C of octave -1.
        place: Steps above the C of octave 0, accidentals aside.
        fifths: Place on the line of fifths, see `intervals.line_of_fifths`.
        left_out: How many notes of chords do not count.
    """

    names: tuple[str, ...]
    first: Integers
    line: Integers
    start: Integers
    end: Integers
    follows: Booleans
    step: Integers
    alter_cents: Integers
    octave: Integers
    cents: Integers
    place: Integers
    fifths: Integers
    left_out: int

    def __len__(self) -> int:
        return len(self.line)

    def name(self, note: int) -> str:
        """Return the name of a note with its octave."""
        return pitch_name(int(self.step[note]), int(self.alter_cents[note]), int(self.octave[note]))


def melodic_lines(
    score: Score,
    pitches: SpelledPitches,
    *,
    voices: Sequence[str] | None = None,
    chord_note: ChordNote = "highest",
) -> Lines:
    """Return the melodic lines of a score.

    Args:
        score: Of all parts.
        pitches: Of its rows, written or sounding.
        voices: Names of the voices or parts to take, or numbers of parts counted from 1; None for all.
        chord_note: Which note of a chord within one voice counts.

    Raises:
        ScoreError: There is no voice of such a name.
    """
    table = score.notes
    rows = np.flatnonzero((table.kind == NOTE) & ~table.grace & ~table.cue & (table.duration > 0))
    most_voices = int(table.voice.max(initial=0)) + 1
    codes, line = np.unique(table.part[rows] * most_voices + table.voice[rows], return_inverse=True)
    names = _line_names(score, codes // most_voices)
    if voices is not None:
        wanted = _wanted(score, codes // most_voices, names, voices)
        kept = wanted[line]
        rows, line = rows[kept], (np.cumsum(wanted) - 1)[line[kept]]
        names = tuple(name for name, is_wanted in zip(names, wanted, strict=True) if is_wanted)
    return _merged(score, pitches, rows, line, names=names, chord_note=chord_note)


def _merged(
    score: Score,
    pitches: SpelledPitches,
    rows: Integers,
    line: Integers,
    *,
    names: tuple[str, ...],
    chord_note: ChordNote,
) -> Lines:
    """Return the lines, chords reduced to one note and tied notes joined."""
    table = score.notes
    cents = pitches.cents
    start = score.measure_starts[table.measure[rows]] + table.onset[rows]
    height = cents[rows] if chord_note == "lowest" else -cents[rows]
    order = np.lexsort((height, start, line))
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = (np.diff(start[order]) != 0) | (np.diff(line[order]) != 0)
    order = order[is_first]
    left_out = len(rows) - len(order)
    rows, line, start = rows[order], line[order], start[order]
    end = start + table.duration[rows]

    same_line = np.zeros(len(rows), dtype=np.bool_)
    same_line[1:] = line[1:] == line[:-1]
    joins = same_line & _is_tied(table, rows)
    joins[1:] &= (cents[rows[1:]] == cents[rows[:-1]]) & (start[1:] == end[:-1])
    heads = np.flatnonzero(~joins)
    end = end[np.append(heads[1:], len(rows)) - 1] if len(rows) else end
    rows, line, start, same_line = rows[heads], line[heads], start[heads], same_line[heads]
    end[:-1] = np.where(same_line[1:], np.minimum(end[:-1], start[1:]), end[:-1])
    follows = same_line.copy()
    follows[1:] &= start[1:] == end[:-1]
    chosen = SpelledPitches(pitches.step[rows], pitches.alter_cents[rows], pitches.octave[rows])
    return Lines(
        names=names,
        first=np.searchsorted(line, np.arange(len(names) + 1)),
        line=line,
        start=start,
        end=end,
        follows=follows,
        step=chosen.step,
        alter_cents=chosen.alter_cents,
        octave=chosen.octave,
        cents=cents[rows],
        place=staff_places(chosen),
        fifths=line_of_fifths(chosen),
        left_out=left_out,
    )


def _is_tied(table: NoteTable, rows: Integers) -> Booleans:
    """Return whether each row is tied to the one before; either end may say so, as some sources omit one."""
    tie = table.tie[rows]
    tied: Booleans = (tie == TIE_STOP) | (tie == TIE_CONTINUE)
    tied[1:] |= (tie[:-1] == TIE_START) | (tie[:-1] == TIE_CONTINUE)
    return tied


def _part_names(score: Score) -> list[str]:
    """Return a name for each part, no two the same."""
    plain = []
    for part in score.parts:
        name = " ".join(part.name.split()) or part.identity
        plain.append(f"{name}, staff {part.staff}" if part.staff else name)
    count = Counter(plain)
    return [
        f"{name} (part {number})" if count[name] > 1 else name for number, name in enumerate(plain, start=1)
    ]


def _line_names(score: Score, parts: Integers) -> tuple[str, ...]:
    """Return a name for each line, given the part of each."""
    names = _part_names(score)
    count = Counter(parts.tolist())
    seen: Counter[int] = Counter()
    found = []
    for part in parts.tolist():
        seen[part] += 1
        found.append(f"{names[part]}, voice {seen[part]}" if count[part] > 1 else names[part])
    return tuple(found)


def _wanted(score: Score, parts: Integers, names: tuple[str, ...], voices: Sequence[str]) -> Booleans:
    """Return which lines are meant."""
    part_names = _part_names(score)
    wanted = np.zeros(len(names), dtype=np.bool_)
    for voice in voices:
        asked = " ".join(voice.split()).casefold()
        found = False
        for index, (part, name) in enumerate(zip(parts.tolist(), names, strict=True)):
            plain = " ".join(score.parts[part].name.split()) or score.parts[part].identity
            if asked in (name.casefold(), part_names[part].casefold(), plain.casefold(), str(part + 1)):
                wanted[index] = found = True
        if not found:
            listed = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
            raise ScoreError(
                f"Expected voices of this score ({listed}) or numbers of parts from 1, got {voice!r}."
            )
    return wanted


def phrases(lines: Lines, ticks_per_quarter: int) -> Integers:
    """Return for each note which phrase it belongs to, counted through all lines."""
    begins = np.ones(len(lines), dtype=np.bool_)
    begins[1:] = (lines.line[1:] != lines.line[:-1]) | (
        lines.start[1:] - lines.end[:-1] > LONGEST_REST_QUARTERS * ticks_per_quarter
    )
    return np.cumsum(begins) - 1
